//! What is known of a message's parts after the last observation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{SmsId, Timestamp, Word};

/// How a message did, over all its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Some part is not final, or not known yet.
    Pending,
    /// Every part was delivered.
    Delivered,
    /// Every part is final, and one or more were not delivered.
    Failed,
}

impl Outcome {
    /// The word that stands for this in rules and payloads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// A status and since when, as one observation told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusAt {
    /// The status.
    pub status: Word,
    /// The finer status; `None` where it only repeats the status.
    pub detailed_status: Option<Word>,
    /// Since when, in whole seconds.
    pub date: Timestamp,
}

/// A detailed status that some observation gave to a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailWord {
    /// The status that it refines.
    pub status: Word,
    /// The detailed status.
    pub word: Word,
    /// The date that came with it, in whole seconds since the epoch.
    pub date: i64,
}

/// A status that a poll told against the stored one; a later poll that agrees makes it count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The status told.
    pub status: Word,
    /// Its date in whole seconds since the epoch.
    pub date: i64,
    /// When a poll first told it.
    pub since: Timestamp,
}

/// What is known of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The part.
    pub sms_id: SmsId,
    /// Its place among the message's parts, from 1.
    pub number: Option<u32>,
    /// Its status.
    pub status: Word,
    /// When it took the status, in whole seconds since the epoch.
    pub date: i64,
    /// The detailed status of each status seen so far, at most [`Part::MAX_DETAILS`].
    ///
    /// Details of other statuses than the current one are kept because observations arrive in any
    /// order: the order of arrival must not decide what is known in the end.
    pub details: Vec<DetailWord>,
    /// What a poll told against all this.
    pub candidate: Option<Candidate>,
    /// How many times two polls that agreed took the part back against the order of dates: a status
    /// that comes back after that, even with its old date, is news of its own.
    ///
    /// Other changes out of a final status do not count: whether they are seen depends on the order
    /// in which observations arrive, which must not change what is known in the end.
    pub regressions: u32,
}

impl Part {
    /// How many statuses' details are remembered: more than the provider has words for, so that only
    /// a provider that invents words without end loses any.
    pub const MAX_DETAILS: usize = 16;

    /// The finer status of the current status.
    #[must_use]
    pub fn detailed_status(&self) -> Option<&Word> {
        self.details
            .iter()
            .find(|detail| detail.status == self.status)
            .map(|detail| &detail.word)
    }

    /// The status as an event tells it.
    #[must_use]
    pub fn status_at(&self) -> StatusAt {
        StatusAt {
            status: self.status.clone(),
            detailed_status: self.detailed_status().cloned(),
            date: Timestamp::from_seconds(self.date),
        }
    }
}

/// All that is known of a message's parts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// How many parts the provider says there are; zero while it has not said.
    pub part_count: u32,
    /// The parts seen, by number and id.
    pub parts: Vec<Part>,
}

impl Snapshot {
    /// How many parts are kept of one message: as many as a concatenated SMS can have.
    pub const MAX_PARTS: usize = 255;

    /// How many parts the message has, as far as is known.
    #[must_use]
    pub fn part_count(&self) -> u32 {
        self.part_count
            .max(u32::try_from(self.parts.len()).unwrap_or(u32::MAX))
    }

    /// Whether every part that the provider counts has been seen, and at least one.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.parts.is_empty() && self.parts.len() >= self.part_count as usize
    }

    /// Whether every part seen so far is final, and at least one was seen.
    #[must_use]
    pub fn known_parts_are_final(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(|part| part.status.is_final())
    }

    /// Whether a poll's contradiction waits for a second poll.
    #[must_use]
    pub fn has_candidate(&self) -> bool {
        self.parts.iter().any(|part| part.candidate.is_some())
    }

    /// How the message did.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if !self.is_complete() || !self.known_parts_are_final() {
            Outcome::Pending
        } else if self.parts.iter().all(|part| part.status.is_delivered()) {
            Outcome::Delivered
        } else {
            Outcome::Failed
        }
    }
}
