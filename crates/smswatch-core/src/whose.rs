//! Tells trouble of one message or campaign from trouble of the provider.

/// Whose trouble it is that a poll brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Whose {
    /// The message's own: others are answered meanwhile.
    Message,
    /// The provider's, or nobody knows.
    #[default]
    Provider,
}

impl Whose {
    pub(crate) fn message_if(is_its_own: bool) -> Self {
        if is_its_own {
            Self::Message
        } else {
            Self::Provider
        }
    }
}
