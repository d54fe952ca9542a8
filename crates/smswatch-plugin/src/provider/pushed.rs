//! What a provider tells by itself, when it calls us.

use smswatch_model::MessageId;

use super::MessageReport;

/// What a provider pushed in one call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Pushed {
    /// The messages that it tells of. A report without parts says only that something became of its
    /// message.
    pub messages: Vec<(MessageId, MessageReport)>,
    /// How many reports on campaigns as a whole it holds.
    pub campaigns: u32,
    /// How many messages that came in it tells of.
    pub inbound: u32,
    /// How many other things it tells of that are no SMS, such as a Viber message.
    pub others: u32,
}

/// Why a push says nothing. It shows nothing of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPush {
    /// It is not in the agreed format, even when it is read leniently.
    #[error("the body is no JSON")]
    Format,
    /// It names no message.
    #[error("the body names no message")]
    NoMessage,
    /// The provider pushes nothing.
    #[error("this provider has no callbacks")]
    NotSupported,
}
