//! What a store takes and returns about watches.

use smswatch_model::{MessageId, Timestamp};

use super::{LogPosition, NewEntry};
use crate::record::Record;

/// Which of a shard's two queues of due watches a watch waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WatchPriority {
    /// Watches that are polled first when there is more to do than time.
    New,
    /// All others.
    Rest,
}

impl WatchPriority {
    /// Both, the more urgent first.
    pub const ALL: [Self; 2] = [Self::New, Self::Rest];

    /// The priority's place among them, which stores may write down.
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::New => 0,
            Self::Rest => 1,
        }
    }
}

/// The name of one claim, within its shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseId(pub String);

/// What a claim brought.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedWatches {
    /// The claim's name; `None` when it brought nothing.
    pub lease: Option<LeaseId>,
    /// The watches with their records.
    pub watches: Vec<(MessageId, Record)>,
    /// Watches that were due with them and whose records this version cannot read. They are left to
    /// a version that can: the store has put them aside, and offers them now and then to every claim.
    /// They keep no other from being claimed.
    pub unreadable: Vec<MessageId>,
    /// How many of these watches are put aside like that, where the claim has found out.
    pub put_aside: Option<u64>,
    /// When something of this priority is due next, or a lease of it ends; not after `now` when there is
    /// more due already. `None` when there is nothing.
    pub next_due: Option<Timestamp>,
    /// The store's clock during the step.
    pub now: Timestamp,
}

/// A change to one watch.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitItem {
    /// The watch; no two items of one step have the same.
    pub message_id: MessageId,
    /// What the store must hold for the change to take place; `None` if it must hold nothing.
    pub expected: Option<Record>,
    /// What it holds afterwards; `None` to remove it. Another due time than before is queued in `priority`;
    /// the same one stays claimed, or claimable, as it is.
    pub record: Option<Record>,
    /// The queue in which the due time waits.
    pub priority: WatchPriority,
    /// What to append to the log.
    pub entry: Option<NewEntry>,
}

impl CommitItem {
    /// How many bytes of a step it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let record = |record: &Option<Record>| record.as_ref().map_or(0, |it| it.as_bytes().len());
        self.message_id.as_str().len()
            + record(&self.expected)
            + record(&self.record)
            + self.entry.as_ref().map_or(0, |entry| entry.body.len())
    }
}

/// A batch of changes to watches of one shard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommitStep {
    /// The changes.
    pub items: Vec<CommitItem>,
    /// Leases that this step finishes; they end if all changes take place.
    pub finished: Vec<LeaseId>,
}

/// What is stored of a watch is nothing that this version can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record of a watch cannot be read by this version")]
pub struct UnreadableRecord;

/// What became of one item.
#[derive(Debug, Clone, PartialEq)]
pub enum CommitOutcome {
    /// It took place.
    Done,
    /// The watch was not as expected; this is how it is.
    Conflict(Option<Record>),
    /// The watch was not as expected, and this version cannot read how it is; it is left as it is.
    Unreadable,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed {
    /// Of each item, in their order.
    pub outcomes: Vec<CommitOutcome>,
    /// How many of the shard's log entries are not routed now.
    pub unrouted: u64,
    /// Where the step's log entries stand; `None` where it appended none.
    pub appended: Option<Appended>,
}

/// Where the log entries of one step stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The place of the entry before them: a route step from here to the last of them covers these
    /// entries and no others.
    pub after: LogPosition,
    /// Their places, one for each item that took place and had an entry, in the order of the items.
    pub positions: Vec<LogPosition>,
}
