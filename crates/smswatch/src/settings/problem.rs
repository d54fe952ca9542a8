//! What is wrong with a configuration, and where: at a JSON pointer until the place in the file is looked up.

use smswatch_rules::Level;

/// Something that does not fit, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The place, as a JSON pointer.
    pub(super) pointer: String,
    /// A key of the mapping at that place, when the key itself is the problem.
    pub(super) key: Option<String>,
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) hint: Option<String>,
    /// Whether the configuration can be used all the same.
    pub(super) level: Level,
    /// Whether it would be right as the entry of a list.
    pub(super) wants_list: bool,
}

impl Problem {
    pub(super) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            key: None,
            message: message.into(),
            hint: None,
            level: Level::Error,
            wants_list: false,
        }
    }

    pub(super) fn warning(mut self) -> Self {
        self.level = Level::Warning;
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn at_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

/// A key as part of a JSON pointer.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The key that a part of a JSON pointer stands for.
pub(super) fn unescaped(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}
