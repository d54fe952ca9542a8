//! What goes in and out of a store about the event log.

use smswatch_model::Timestamp;

use super::NewDelivery;

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
}

/// What became of a route step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteOutcome {
    /// It took place; so many deliveries were new.
    Done {
        /// How many deliveries did not exist before.
        added: u64,
    },
    /// Somebody else moved the cursor; nothing took place.
    Moved,
}
