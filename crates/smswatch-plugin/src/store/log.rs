//! The part of a store that keeps the event log: what goes in and out of it.

use std::cmp::Ordering;

use async_trait::async_trait;
use smswatch_model::{Event, EventKind, MessageId, Timestamp};

use super::{
    HistoryBounds, NewDelivery, Page, PageRequest, RecordChange, Shard, StoreError, Trimmed,
};
use crate::codec;

/// Keeps the event log until it is routed, and as history afterwards.
#[async_trait]
pub trait Log: Send + Sync {
    /// Reads the oldest log entries behind the shard's cursor.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn read_log(&self, shard: Shard, limit: u32) -> Result<LogSlice, StoreError>;

    /// Moves the cursor, puts deliveries into their queues, due at once, changes records, and keeps and
    /// counts what is set aside; does nothing of it if the cursor or a record is not as the step expects it.
    /// A delivery that exists already stays as it is.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn route(&self, shard: Shard, step: &RouteStep) -> Result<RouteOutcome, StoreError>;

    /// Reads log entries that [`Log::route`] left to a later version, oldest first, behind `after`.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn left_entries(
        &self,
        shard: Shard,
        after: Option<&LogPosition>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError>;

    /// Puts deliveries into their queues, due at once, changes records, and takes away the left entries that
    /// they came from; does nothing of it if a record is not as the step expects it, or an entry has gone: another process has routed
    /// it.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn route_left(&self, shard: Shard, step: &LeftStep) -> Result<RouteOutcome, StoreError>;

    /// Reads the entries that were set aside and are kept, of all shards, newest first, and the newest
    /// ones that were left to a later version.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn set_aside(&self) -> Result<Vec<KeptAside>, StoreError>;

    /// Pages through the bodies of the log, of all shards, newest first: every one that holds an
    /// event which `filter` wants, and possibly others. The caller looks into them.
    ///
    /// # Errors
    ///
    /// The store is not available, or the cursor is none.
    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Vec<u8>>, StoreError>;

    /// Returns the cursor with which [`Log::events`] begins at the newest entry that was appended before `at`. Finding
    /// it costs the same however much lies before and after.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn events_before(&self, at: Timestamp) -> Result<String, StoreError>;

    /// Returns the place of the newest entry of the shard's log; one before all entries if there is none.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn log_end(&self, shard: Shard) -> Result<LogPosition, StoreError>;

    /// Reads the entries of the shard's log that stand behind `after` and are kept, oldest first, routed or
    /// not.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn log_after(
        &self,
        shard: Shard,
        after: &LogPosition,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError>;

    /// Removes a bounded number of the shard's records that are older or more than `bounds` allow;
    /// never a log entry that is not routed, never a pending delivery.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn trim(&self, shard: Shard, bounds: &HistoryBounds) -> Result<Trimmed, StoreError>;
}

/// A place in a shard's log, in the store's own words: numbers, separated by `-`. Places of one log order as
/// its entries do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogPosition(pub String);

impl LogPosition {
    /// Its numbers, the weightiest first.
    fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.split('-').map(|number| number.parse().unwrap_or(0))
    }
}

impl Ord for LogPosition {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers().cmp(other.numbers());
        numbers.then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for LogPosition {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An entry that is to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// Its body, as core wrote it.
    pub body: Vec<u8>,
    /// The kinds of its events, each once.
    pub kinds: Vec<EventKind>,
    /// The message by which it is found, in lower case; `None` if it is about none. What is committed with a watch is
    /// about the watch's message, whatever stands here.
    pub about: Option<MessageId>,
}

impl NewEntry {
    /// The kind that nearly every entry has. Entries of all other kinds are indexed by kind; those of
    /// this one are found by reading the log.
    pub const COMMON: EventKind = EventKind::StatusChanged;

    /// Writes the events of one observation.
    #[must_use]
    pub fn of(events: &[Event]) -> Self {
        let mut kinds: Vec<EventKind> = Vec::with_capacity(1);
        for event in events {
            if !kinds.contains(&event.kind) {
                kinds.push(event.kind);
            }
        }
        Self {
            body: codec::encode_events(events),
            kinds,
            about: None,
        }
    }

    /// The same, to be found by a message.
    #[must_use]
    pub fn about(self, message_id: &MessageId) -> Self {
        let about = Some(message_id.to_lowercase());
        Self { about, ..self }
    }

    /// The kinds under which the entry is indexed.
    pub fn indexed_kinds(&self) -> impl Iterator<Item = EventKind> + '_ {
        let kinds = self.kinds.iter().copied();
        kinds.filter(|kind| *kind != Self::COMMON)
    }
}

/// A body whose kinds are not known: the entry is in no index of kinds.
impl From<Vec<u8>> for NewEntry {
    fn from(body: Vec<u8>) -> Self {
        Self {
            body,
            kinds: Vec::new(),
            about: None,
        }
    }
}

/// Which events are wanted; every field that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// The message that they are about.
    pub message_id: Option<MessageId>,
    /// Their kind.
    pub kind: Option<EventKind>,
}

impl EventFilter {
    /// Whether `event` is wanted.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        self.kind.is_none_or(|kind| kind == event.kind)
            && (self.message_id.is_none() || self.message_id == event.message.message_id)
    }
}

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
    /// The shard's records that change with it, all of them or none.
    pub records: Vec<RecordChange>,
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
    /// A later version wrote it: the store keeps all of it for a version that can read it, apart from entries that
    /// cannot be routed at all.
    pub is_newer: bool,
}

/// A step that routes entries which were left to a later version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftStep {
    /// Where they stand, in the words of [`Log::left_entries`].
    pub entries: Vec<LogPosition>,
    /// What is put into queues.
    pub deliveries: Vec<NewDelivery>,
    /// The shard's records that change with it, all of them or none.
    pub records: Vec<RecordChange>,
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
    /// It took place; this many deliveries were new.
    Done {
        /// How many deliveries did not exist before.
        added: u64,
    },
    /// Another process moved the cursor, or the log has lost the place to move it to, as after a
    /// failover; nothing took place.
    Moved,
    /// A record is not as the step expects it; nothing took place.
    Conflict,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_order_as_numbers_and_not_as_text() {
        let in_order = [
            "",
            "9",
            "10",
            "1777636800000-9",
            "1777636800000-10",
            "1777636800001-0",
        ];
        for pair in in_order.windows(2) {
            let [first, second] = [pair[0], pair[1]].map(|text| LogPosition(text.to_owned()));
            assert!(first < second, "{first:?} {second:?}");
        }
    }
}
