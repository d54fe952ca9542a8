//! The seam to stores: what keeps watches, the event log and the queues.
//!
//! A store is split into shards; each step below changes one shard, all of it or nothing. Bodies are
//! opaque: core writes and reads them ([`Record`] for watches, [`crate::codec`] for the rest), so a
//! store is about atomic steps, order and time, and both stores keep the same bytes.

mod bounds;
mod bytes;
mod delivery;
mod error;
mod gauges;
mod kept;
mod log;
mod memo;
mod page;
mod queues;
mod rate;
mod records;
mod redrive;
mod shard;
mod waiting;
mod watch;

use std::fmt;

use async_trait::async_trait;
use smswatch_model::Timestamp;

pub use bounds::{Bound, HistoryBounds, Trimmed};
pub use bytes::{MAX_STEP_BYTES, split};
pub use delivery::{
    Attempt, ClaimedDeliveries, ClaimedDelivery, Completion, DeadLetter, DeliveryFilter,
    DeliveryState, DeliveryToken, NewDelivery, Outcome, Outcomes, Pick, Priority, StoredDelivery,
};
pub use error::StoreError;
pub use gauges::{Gauges, QueueGauge};
pub use kept::{
    ClaimedRecords, KeptRecord, NewRecord, RecordChange, RecordCommit, RecordId, RecordKind,
    RecordsCommitted,
};
pub use log::{
    EventFilter, KeptAside, LeftStep, Log, LogEntry, LogPosition, LogSlice, NewEntry, RouteOutcome,
    RouteStep, SetAside,
};
pub use memo::Memo;
pub use page::{InvalidCursor, Page, PageRequest};
pub use queues::Queues;
pub use rate::{Rate, Rates, Reserved};
pub use records::Records;
pub use redrive::{Redrive, RedriveOutcome, RedrivePlace, RedriveStep, Redriven};
pub use shard::{Shard, shard_of};
pub use waiting::{QueuePlace, QueueRequest, QueueSlice, WaitingDelivery};
pub use watch::{
    Appended, ClaimedWatches, CommitItem, CommitOutcome, CommitStep, Committed, LeaseId,
    UnreadableRecord, WatchPriority,
};

use crate::record::Record;

/// What a store holds of one watch, if anything.
pub type Loaded = Result<Option<Record>, UnreadableRecord>;

/// A store: the sum of [`Records`], [`Log`], [`Queues`] and [`Rates`].
///
/// # Contract
///
/// - Every method that names a shard is one atomic step on it: it takes place as a whole or not at all, and is as durable
///   as the store is configured to be when the call returns. A store that cannot roll back checks everything first, and
///   writes in an order in which losing the rest of a step only repeats work.
/// - The number of round trips does not depend on the number of items of a call.
/// - Time is the store's own: instants are read from its clock inside the step; callers hand in
///   durations, and the instants in records, which they computed from [`Store::now`]. A clock that is
///   set back or stands still is carried on from where it was, by calls of [`Store::now`] for every shard
///   every few seconds.
/// - What a later version wrote is left to it. A store that cannot read a record, an entry or a
///   delivery neither changes nor removes it, and lets it block nothing else.
/// - Several processes may call at once, unless the store says at opening that it serves one only.
/// - A dropped future may leave its step done or undone, never half done.
#[async_trait]
pub trait Store: Records + Log + Queues + Rates + fmt::Debug {
    /// The number of shards, which never changes during the life of the stored data.
    fn shard_count(&self) -> u16;

    /// The clock of a shard. Shards may lie on several machines, each of which has a clock of its own.
    ///
    /// # Errors
    ///
    /// The store is not available, or holds something unexpected in place of the shard's clock.
    async fn now(&self, shard: Shard) -> Result<Timestamp, StoreError>;

    /// Counts everything.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn gauges(&self) -> Result<Gauges, StoreError>;

    /// Lets go of what the store holds, once what was asked of it before is done. Nobody asks it anything afterwards.
    async fn close(&self) {}
}
