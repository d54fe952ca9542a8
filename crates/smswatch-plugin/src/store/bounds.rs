//! What is kept of the past, and what was removed of it.

use std::time::Duration;

/// How long and how many of one kind of record are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// How long after its end a record is kept.
    pub keep_for: Duration,
    /// How many records are kept in all shards together.
    pub max: u64,
}

/// What is kept of the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBounds {
    /// Routed log entries.
    pub events: Bound,
    /// Delivered and suppressed deliveries.
    pub deliveries: Bound,
    /// Dead deliveries.
    pub dead: Bound,
}

impl HistoryBounds {
    /// The same bound for everything.
    #[must_use]
    pub const fn all(bound: Bound) -> Self {
        Self {
            events: bound,
            deliveries: bound,
            dead: bound,
        }
    }
}

/// How many records a trim removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trimmed {
    /// Log entries, also those that were left to a later version and that none read within the time for which events are
    /// kept.
    pub events: u64,
    /// Delivered and suppressed deliveries.
    pub deliveries: u64,
    /// Dead deliveries.
    pub dead: u64,
}
