//! The fields of a form or of a query, by name.

use url::form_urlencoded;

/// The fields of a form or of a query, in their order.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads fields as browsers write them.
    pub(super) fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The field called `name`, if it is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// The same as an owned text.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// All fields called `name`.
    pub(super) fn all<'f>(&'f self, name: &str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(other, _)| other == name);
        named.map(|(_, value)| value.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_name_are_all_read() {
        let fields = Fields::read(b"id=a&id=b%20c&x=&y=+z+");
        assert_eq!(fields.all("id").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!((fields.get("x"), fields.get("y")), (None, Some("z")));
    }
}
