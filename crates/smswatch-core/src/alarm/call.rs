//! The kinds of calls whose failures are told apart.

/// What the provider is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// One message.
    Poll,
    /// A page of many messages.
    Page,
}

impl Call {
    /// Both kinds.
    pub(crate) const ALL: [Self; 2] = [Self::Poll, Self::Page];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Poll => Self::Page,
            Self::Page => Self::Poll,
        }
    }

    /// What it asks for, for people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Poll => "single messages",
            Self::Page => "pages of messages",
        }
    }
}
