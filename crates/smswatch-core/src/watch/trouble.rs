//! Why the latest polls of one message brought nothing, and since when.

use smswatch_model::Timestamp;

/// What is wrong with the latest polls of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The provider says that it does not know the message.
    NotFound,
    /// The provider says that no message can have this id.
    InvalidId,
    /// The provider answers, and the answer cannot be read.
    Unreadable,
    /// The polls fail: what is answered, if anything, tells nothing about the message.
    Failed,
}

impl TroubleKind {
    /// Every kind; the place is part of stored data.
    pub const ALL: [Self; 4] = [
        Self::NotFound,
        Self::InvalidId,
        Self::Unreadable,
        Self::Failed,
    ];

    /// The word that stands for this in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::InvalidId => "invalid_id",
            Self::Unreadable => "unreadable",
            Self::Failed => "failed",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NotFound => "Routee says that it does not know this message",
            Self::InvalidId => "Routee says that no message can have this id",
            Self::Unreadable => "Routee's answers about this message cannot be read",
            Self::Failed => "polls of this message fail",
        }
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::NotFound => 0,
            Self::InvalidId => 1,
            Self::Unreadable => 2,
            Self::Failed => 3,
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

/// Trouble with polls of one message. It ends with the first answer that tells something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub kind: TroubleKind,
    /// When the first of these polls was answered or failed.
    pub since: Timestamp,
    /// How many polls there were since, in whichever of these ways each of them brought nothing.
    pub polls: u32,
}

impl Trouble {
    pub(crate) fn new(kind: TroubleKind, since: Timestamp) -> Self {
        Self {
            kind,
            since,
            polls: 1,
        }
    }
}
