//! What goes in and out of a store about the event log.

use smswatch_model::Timestamp;

use super::{NewDelivery, Shard};

/// A place in a shard's log, in the store's own words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogPosition(pub String);

/// One entry: all events of one observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Where it stands.
    pub position: LogPosition,
    /// Its body, as core wrote it.
    pub body: Vec<u8>,
}

/// The oldest entries behind a shard's cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSlice {
    /// Where the cursor stands: at the last entry that was routed.
    pub cursor: LogPosition,
    /// The entries, oldest first.
    pub entries: Vec<LogEntry>,
    /// The store's clock during the step.
    pub now: Timestamp,
}

/// A move of a shard's cursor, and what it puts into queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteStep {
    /// Where the cursor must stand.
    pub from: LogPosition,
    /// Where it stands afterwards.
    pub to: LogPosition,
    /// How many entries lie between the two.
    pub entries: u64,
    /// What is put into queues.
    pub deliveries: Vec<NewDelivery>,
    /// Those of the entries that could not be routed.
    pub set_aside: Vec<SetAside>,
}

/// A log entry that could not be routed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it stood in the log.
    pub position: LogPosition,
    /// What is wrong with it, in words for a person.
    pub error: String,
    /// Its body, or the beginning of it.
    pub body: Vec<u8>,
}

impl SetAside {
    /// How many of them are kept in all shards together, the newest ones.
    pub const MAX_KEPT: usize = 1000;
}

/// An entry that was set aside, as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAside {
    /// Whose log it stood in.
    pub shard: Shard,
    /// When it was set aside.
    pub at: Timestamp,
    /// The entry.
    pub entry: SetAside,
}

/// What became of a route step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteOutcome {
    /// It took place; so many deliveries were new.
    Done {
        /// How many deliveries did not exist before.
        added: u64,
    },
    /// Somebody else moved the cursor, or the log has lost the place to move it to, as after a
    /// failover; nothing took place.
    Moved,
}
