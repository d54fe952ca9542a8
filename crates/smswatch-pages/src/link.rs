//! Addresses of pages, with whatever stands in them encoded.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A path below `folder` that ends with `name`, and with `rest` behind that.
pub(crate) fn path(folder: &str, name: &str, rest: &str) -> String {
    format!("{folder}/{}{rest}", encoded(name))
}

/// What is encoded: all that could mean something in an address.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The longest value that an address takes, in characters.
const LONGEST: usize = 500;

/// A page with parameters; those without a value are left out, and those that would be too long for an address.
pub(crate) fn query<'v>(
    page: &str,
    parameters: impl IntoIterator<Item = (&'v str, &'v str)>,
) -> String {
    let parameters = parameters.into_iter();
    let fits = |value: &str| !value.is_empty() && value.chars().nth(LONGEST).is_none();
    let parameters = parameters.filter(|(_, value)| fits(value));
    let parameters: Vec<String> = parameters
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    match parameters.is_empty() {
        true => page.to_owned(),
        false => format!("{page}?{}", parameters.join("&")),
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_an_address_changes_nothing_else_of_it() {
        assert_eq!(
            path("/sinks", "a/../b?c", "/test"),
            "/sinks/a%2F%2E%2E%2Fb%3Fc/test"
        );
        let link = query(
            "/deliveries",
            [("sink", "a&b=c"), ("rule", ""), ("since", "2h")],
        );
        assert_eq!(link, "/deliveries?sink=a%26b%3Dc&since=2h");
        assert_eq!(query("/deliveries", [("sink", "")]), "/deliveries");
    }
}
