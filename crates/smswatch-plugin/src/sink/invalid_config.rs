//! Says what is wrong with the configuration of a sink.

use std::fmt;
use std::ops::Range;

/// A configuration that has the right types and still makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct InvalidConfig {
    what: String,
    key: Option<&'static str>,
    range: Option<Range<usize>>,
}

impl InvalidConfig {
    /// `what` is wrong with the configuration.
    #[must_use]
    pub fn new(what: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            key: None,
            range: None,
        }
    }

    /// `what` is wrong with the value of `key`.
    #[must_use]
    pub fn at(key: &'static str, what: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            key: Some(key),
            range: None,
        }
    }

    /// Only these bytes of the key's value, a text, are wrong. They are underlined for the operator.
    #[must_use]
    pub fn within(self, range: Range<usize>) -> Self {
        Self {
            range: Some(range),
            ..self
        }
    }

    /// Which bytes of the key's value are wrong, if that is known.
    #[must_use]
    pub fn range(&self) -> Option<Range<usize>> {
        self.range.clone()
    }

    /// The key whose value is wrong, if it is one key.
    #[must_use]
    pub fn key(&self) -> Option<&'static str> {
        self.key
    }
}
