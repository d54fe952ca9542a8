//! What is wrong with a configuration, and where: at a JSON pointer until the place in the file is looked up.

use std::ops::Range;

use smswatch_rules::Level;

/// Something that does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The place, as a JSON pointer.
    pub(crate) pointer: String,
    /// A key of the mapping at that place, when the key itself is the problem.
    pub(crate) key: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
    /// What would be right.
    pub(crate) hint: Option<String>,
    /// Whether the configuration can be used all the same.
    pub(crate) level: Level,
    /// Which bytes of the text at that place are wrong, as far as that is known, which is seldom.
    pub(crate) range: Option<Box<Range<usize>>>,
    /// Whether it would be right as the entry of a list.
    pub(crate) wants_list: bool,
}

impl Problem {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            key: None,
            message: message.into(),
            hint: None,
            level: Level::Error,
            range: None,
            wants_list: false,
        }
    }

    pub(crate) fn warning(mut self) -> Self {
        self.level = Level::Warning;
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn at_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// A key as part of a JSON pointer.
pub(crate) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The key that a part of a JSON pointer stands for.
pub(crate) fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}
