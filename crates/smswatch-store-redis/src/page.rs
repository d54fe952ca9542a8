//! Cursors of lists that go through all shards.

use smswatch_plugin::store::InvalidCursor;

/// A place in a list: the shard, and what the shard's script needs to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) shard: u16,
    pub(crate) inner: Vec<String>,
}

impl Place {
    /// The beginning of a list whose scripts need `length` texts to go on.
    pub(crate) fn start(shard: u16, length: usize) -> Self {
        Self {
            shard,
            inner: vec![String::new(); length],
        }
    }

    /// Reads a cursor of [`Place::text`].
    pub(crate) fn parse(text: &str, length: usize) -> Result<Self, InvalidCursor> {
        let mut fields = text.split('.').map(from_hex);
        let shard = fields.next().flatten().and_then(|shard| shard.parse().ok());
        let inner: Option<Vec<String>> = fields.collect();
        match (shard, inner) {
            (Some(shard), Some(inner)) if inner.len() == length => Ok(Self { shard, inner }),
            _ => Err(InvalidCursor),
        }
    }

    /// The cursor as it is given out.
    pub(crate) fn text(&self) -> String {
        let shard = self.shard.to_string();
        let fields = std::iter::once(&shard).chain(&self.inner).map(hex::encode);
        fields.collect::<Vec<_>>().join(".")
    }
}

fn from_hex(text: &str) -> Option<String> {
    String::from_utf8(hex::decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_other_text_is_none() {
        let place = Place {
            shard: 3,
            inner: vec!["q:0:ops.slack".to_owned(), String::new()],
        };
        assert_eq!(Place::parse(&place.text(), 2), Ok(place));
        for text in ["", "x", "33", "33.zz.00", "33.é.é"] {
            assert_eq!(Place::parse(text, 2), Err(InvalidCursor), "{text}");
        }
    }
}
