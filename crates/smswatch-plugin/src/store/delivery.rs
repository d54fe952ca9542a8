//! What a store takes and returns about deliveries.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{DeliveryId, MessageId, Severity, Timestamp};

use crate::codec;

/// Which deliveries of a queue go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Before all others.
    Critical,
    /// After them.
    Normal,
}

impl Priority {
    /// Both, the one that goes first before the other.
    pub const ALL: [Self; 2] = [Self::Critical, Self::Normal];

    /// The priority's place among them, which stores may write down.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Critical => 0,
            Self::Normal => 1,
        }
    }
}

impl From<Severity> for Priority {
    fn from(severity: Severity) -> Self {
        if severity == Severity::Critical {
            Self::Critical
        } else {
            Self::Normal
        }
    }
}

/// A delivery that is to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Its name.
    pub id: DeliveryId,
    /// Where it goes.
    pub sink: String,
    /// The rule that made it.
    pub rule: String,
    /// Whether it goes first.
    pub priority: Priority,
    /// The messages that it is about, for looking it up.
    pub message_ids: Vec<MessageId>,
    /// The notification, as core wrote it.
    pub body: Vec<u8>,
    /// Why it is held back: it is [suppressed](DeliveryState::Suppressed) from the beginning and never queued. See
    /// [`Attempt::suppressed`]. `None` if it is to be sent.
    pub suppressed: Option<Attempt>,
}

impl NewDelivery {
    /// How many bytes of a step it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let ids = self.message_ids.iter().map(|id| id.as_str().len() + 1);
        self.id.as_str().len()
            + self.sink.len()
            + self.rule.len()
            + ids.sum::<usize>()
            + self.body.len()
            + self.suppressed.as_ref().map_or(0, Attempt::bytes)
    }
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It waits for an attempt, or is being attempted.
    Pending,
    /// The sink took it.
    Delivered,
    /// It was given up.
    Dead,
    /// It was held back on purpose.
    Suppressed,
}

impl DeliveryState {
    /// Every state there is.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Dead, Self::Suppressed];

    /// The word that stands for this in the API, in stores and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Suppressed => "suppressed",
        }
    }

    /// The state that `word` stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One attempt, as it is shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it ended, by the store's clock as the caller knows it.
    pub at: Timestamp,
    /// `delivered`, `retry`, `dead` or `suppressed`.
    pub result: String,
    /// What the receiver said, what failed, or what held it back.
    pub detail: String,
}

impl Attempt {
    /// How many of a delivery's attempts a store keeps: the first one, which tells how it began, and the
    /// newest ones.
    pub const MAX_KEPT: usize = 20;

    /// The note that stands among the attempts of a delivery that was held back at `at`. It does not count
    /// as one that was made. `reason` names what held it back: `silence:ID`, `throttle` and the like.
    #[must_use]
    pub fn suppressed(at: Timestamp, reason: &str) -> Self {
        Self {
            at,
            result: Outcome::Suppressed.word().to_owned(),
            detail: reason.to_owned(),
        }
    }

    /// How many bytes of a step it takes.
    fn bytes(&self) -> usize {
        self.result.len() + self.detail.len()
    }
}

/// Which deliveries a claim takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// Those that are due, the earliest first, at most this number of them.
    Due(u32),
    /// The one that would be due first, whether it is due or not.
    First,
}

/// Proves that a claimed delivery still belongs to its claimer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeliveryToken(pub i64);

/// A delivery that was claimed for an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Its name.
    pub id: DeliveryId,
    /// Needed to complete it.
    pub token: DeliveryToken,
    /// How many attempts were completed since it was queued, or queued again.
    pub attempts_made: u32,
    /// When it was queued, or queued again; giving up counts from here.
    pub queued_at: Timestamp,
    /// Whether it was queued again by hand after it had ended.
    pub is_queued_again: bool,
    /// The notification, as core wrote it.
    pub body: Vec<u8>,
}

/// What a claim of deliveries brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDeliveries {
    /// The deliveries.
    pub deliveries: Vec<ClaimedDelivery>,
    /// When the queue has something of that priority due next; not after `now` when there is more due
    /// already. None when it has nothing of it. Deliveries that others hold are due when their lease
    /// ends.
    pub next_due: Option<Timestamp>,
    /// How many of the queue's deliveries of that priority are left to a later version after the claim.
    pub left: u64,
    /// The store's clock during the step.
    pub now: Timestamp,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The sink took it.
    Delivered,
    /// It is tried again after this long.
    Retry(Duration),
    /// It is given up.
    Dead,
    /// It is held back and not attempted. The [note](Attempt::suppressed) about it is kept among the
    /// attempts and does not count as one.
    Suppressed,
    /// It was not attempted after all: it takes its old place in the queue and is due at once. No
    /// attempt is counted or kept.
    Returned,
    /// It was not attempted and is not to be for now: it is due after this long. No attempt is counted
    /// or kept.
    Postponed(Duration),
    /// A later version wrote it, and this one cannot read it: it leaves the queue and stays pending. It
    /// counts as none that waits, nothing makes it due but [`super::Queues::claim_deliveries`], which
    /// offers it now and then. No attempt is counted or kept.
    Left,
}

impl Outcome {
    /// Whether there was an attempt, which is counted.
    #[must_use]
    pub fn is_attempt(self) -> bool {
        matches!(self, Self::Delivered | Self::Retry(_) | Self::Dead)
    }

    /// Whether the completion's attempt is kept: it was one, or says why there is none.
    #[must_use]
    pub fn is_kept(self) -> bool {
        self.is_attempt() || self == Self::Suppressed
    }

    /// The word for it in attempts that are kept, in the API and in metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retry(_) => "retry",
            Self::Dead => "dead",
            Self::Suppressed => "suppressed",
            Self::Returned | Self::Postponed(_) | Self::Left => "returned",
        }
    }
}

/// What came of the attempt on one claimed delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The delivery.
    pub id: DeliveryId,
    /// The token it was claimed under.
    pub token: DeliveryToken,
    /// What the attempt came to.
    pub outcome: Outcome,
    /// The attempt, to be kept.
    pub attempt: Attempt,
    /// What another sink gets because this one did not take it.
    pub fallback: Option<NewDelivery>,
}

impl Completion {
    /// How many bytes of a step it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let attempt = self.attempt.bytes();
        self.id.as_str().len() + attempt + self.fallback.as_ref().map_or(0, NewDelivery::bytes)
    }
}

/// A delivery that is given up without an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The delivery.
    pub id: DeliveryId,
    /// What another sink gets instead.
    pub fallback: Option<NewDelivery>,
}

impl DeadLetter {
    /// How many bytes of a step it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.id.as_str().len() + self.fallback.as_ref().map_or(0, NewDelivery::bytes)
    }
}

/// What a step did to the deliveries that it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcomes {
    /// For each of them in their order, whether the step ended or changed it.
    pub done: Vec<bool>,
    /// How many deliveries it queued for others that did not exist before.
    pub queued: u64,
}

/// A delivery as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// Its name.
    pub id: DeliveryId,
    /// Where it goes.
    pub sink: String,
    /// The rule that made it.
    pub rule: String,
    /// How far it has come.
    pub state: DeliveryState,
    /// The messages that it tells of.
    pub message_ids: Vec<MessageId>,
    /// When it was queued first.
    pub created_at: Timestamp,
    /// When it was queued, or queued again; giving up counts from here.
    pub queued_at: Timestamp,
    /// When it is due next; none once it has come to an end.
    pub next_attempt_at: Option<Timestamp>,
    /// How many attempts were completed.
    pub attempts_made: u32,
    /// The first and the latest of them, oldest first, at most [`Attempt::MAX_KEPT`]; those that this
    /// version cannot read are not shown.
    pub attempts: Vec<Attempt>,
    /// The notification, as core wrote it.
    pub body: Vec<u8>,
}

impl StoredDelivery {
    /// What holds it back; `None` if nothing does.
    #[must_use]
    pub fn suppressed_by(&self) -> Option<&str> {
        let note = self
            .attempts
            .last()
            .filter(|_| self.state == DeliveryState::Suppressed)?;
        (note.result == Outcome::Suppressed.word()).then_some(note.detail.as_str())
    }

    /// Whether it is pending until a later version comes, which wrote what this one cannot read.
    #[must_use]
    pub fn waits_for_later_version(&self) -> bool {
        let read = codec::decode_notification(&self.body);
        self.state == DeliveryState::Pending && read.is_err_and(|error| error.is_newer())
    }
}

/// Which deliveries are wanted; every field that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// How far they have come.
    pub state: Option<DeliveryState>,
    /// Where they go.
    pub sink: Option<String>,
    /// The rule that made them.
    pub rule: Option<String>,
    /// They came to their end, or were queued if they are pending, at this instant or later.
    pub since: Option<Timestamp>,
    /// Messages of which they tell one at least; empty for any. Those of one message are read before those
    /// of the next, and a delivery that tells of several of them is found once for each.
    pub message_ids: Vec<MessageId>,
}
