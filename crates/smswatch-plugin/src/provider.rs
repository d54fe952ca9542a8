//! The seam to the provider, which carries the messages.

mod listing;
mod pushed;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::{MessageFacts, MessageId, PartReport};

pub use self::listing::{Filter, ListedPage, Listing};
pub use self::pushed::{InvalidPush, Pushed};
use crate::sink::Probe;

/// What a provider says about a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessageReport {
    /// What holds for the whole message.
    pub facts: MessageFacts,
    /// What holds for its parts, at least one.
    pub parts: Vec<PartReport>,
    /// What in the answer was odd and was read past.
    pub oddities: Oddities,
}

/// What was odd in an answer that could be read all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Oddities {
    /// Answers that were not in the agreed format to the last byte: 0 or 1 per poll.
    pub answers: u32,
    /// Rows without a part of the message, which were left out.
    pub rows: u32,
    /// Dates that could not be read; the time of the poll replaces them.
    pub dates: u32,
    /// Parts beyond [`Snapshot::MAX_PARTS`](smswatch_model::Snapshot::MAX_PARTS) that were left out.
    pub parts: u32,
}

/// The answer to one poll of one message.
#[derive(Debug, Clone, PartialEq)]
pub enum Poll {
    /// The provider knows it.
    Seen(Box<MessageReport>),
    /// The provider answered without any part: no information yet.
    Empty,
    /// The provider says it does not know the message.
    Unknown,
    /// The provider says that no message can have this id.
    Invalid,
}

/// Why a poll brought no answer. It is never news about the message.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct PollError {
    what: String,
    kind: PollFailure,
    retry_after: Option<Duration>,
}

/// What a failed poll means for the polls that come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollFailure {
    /// This poll failed; others may well succeed.
    Failed,
    /// The provider answered about this message, and the answer cannot be read.
    Unreadable,
    /// The provider asks for fewer requests: all polls pause.
    Throttled,
    /// The provider refuses the credentials: all polls pause, longer each time.
    Refused,
}

impl PollFailure {
    /// The word that stands for this in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Unreadable => "unreadable",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
        }
    }
}

impl PollError {
    /// This poll failed because of `what`, which shows neither a credential nor a body.
    #[must_use]
    pub fn failed(what: impl fmt::Display) -> Self {
        Self::new(PollFailure::Failed, what)
    }

    /// The provider's answer about this message cannot be read because of `what`, which shows nothing
    /// of it.
    #[must_use]
    pub fn unreadable(what: impl fmt::Display) -> Self {
        Self::new(PollFailure::Unreadable, what)
    }

    /// The provider asks for fewer requests.
    #[must_use]
    pub fn throttled(what: impl fmt::Display) -> Self {
        Self::new(PollFailure::Throttled, what)
    }

    /// The provider refuses the credentials.
    #[must_use]
    pub fn refused(what: impl fmt::Display) -> Self {
        Self::new(PollFailure::Refused, what)
    }

    fn new(kind: PollFailure, what: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            kind,
            retry_after: None,
        }
    }

    /// Adds what the provider said about when to come back.
    #[must_use]
    pub fn after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// What it means for other polls.
    #[must_use]
    pub fn kind(&self) -> PollFailure {
        self.kind
    }

    /// When the provider wants to be asked again, if it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// A provider that carries messages and can be asked about them.
///
/// # Contract
///
/// - One call is one poll. Schedule, rate and concurrency belong to core.
/// - A poll ends in time on its own, with [`PollError`] if the provider does not answer.
/// - Whatever the provider sends, the call neither panics nor grows without bound.
/// - [`Poll::Unknown`], [`Poll::Invalid`] and [`ListedPage::is_unknown`] are the provider's own words about this
///   message or campaign. An answer that only looks like them, such as a gateway's 404, is a failed poll.
/// - An answer is read as far as it can be: one odd field or row hides no other.
/// - Neither `Debug` nor an error ever shows a credential, a token or an answer's body.
#[async_trait]
pub trait Provider: fmt::Debug + Send + Sync {
    /// The provider's name in payloads, such as `routee`.
    fn name(&self) -> &'static str;

    /// Asks about one message.
    ///
    /// # Errors
    ///
    /// There was no usable answer; [`PollError::kind`] says what that means for other polls.
    async fn poll(&self, message_id: &MessageId) -> Result<Poll, PollError>;

    /// Asks for one page of many messages, the first of which is 0, with at most `size` rows.
    ///
    /// The same row may be on two pages, or on none if rows move between two requests: the caller
    /// compares and asks again. A row that cannot be read hides no other.
    ///
    /// # Errors
    ///
    /// There was no usable answer, as for [`poll`](Self::poll).
    async fn list(&self, listing: &Listing, page: u32, size: u32) -> Result<ListedPage, PollError> {
        let _ = (listing, page, size);
        Err(PollError::failed("this provider lists no messages"))
    }

    /// Reads what the provider pushed, whose sender is known by then.
    ///
    /// It is read as leniently as an answer: one odd field hides no status.
    ///
    /// # Errors
    ///
    /// The body says nothing of any message.
    fn read_push(&self, body: &[u8]) -> Result<Pushed, InvalidPush> {
        let _ = body;
        Err(InvalidPush::NotSupported)
    }

    /// Checks whether the provider can be reached and accepts the credentials, without asking about
    /// a message. The service calls it when it starts, and `smswatch check --online` once.
    ///
    /// # Errors
    ///
    /// There was no usable answer, as for [`poll`](Self::poll).
    async fn probe(&self) -> Result<Probe, PollError> {
        Ok(Probe::Nothing)
    }
}
