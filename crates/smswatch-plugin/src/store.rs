//! The seam to whatever keeps watches, the event log and the queues.
//!
//! A store is split into shards; each step below changes one shard, all of it or nothing. Bodies are
//! opaque: core writes and reads them ([`Record`] for watches, [`crate::codec`] for the rest), so a
//! store is about atomic steps, order and time, and both stores keep the same bytes.

mod bounds;
mod bytes;
mod delivery;
mod error;
mod gauges;
mod log;
mod memo;
mod page;
mod rate;
mod redrive;
mod shard;
mod waiting;
mod watch;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::{DeliveryId, MessageId, Timestamp};

pub use bounds::{Bound, HistoryBounds, Trimmed};
pub use bytes::{MAX_STEP_BYTES, split};
pub use delivery::{
    Attempt, ClaimedDeliveries, ClaimedDelivery, Completion, DeadLetter, DeliveryFilter,
    DeliveryState, DeliveryToken, NewDelivery, Outcome, Outcomes, Priority, StoredDelivery,
};
pub use error::StoreError;
pub use gauges::{Gauges, QueueGauge};
pub use log::{
    EventFilter, KeptAside, LeftStep, LogEntry, LogPosition, LogSlice, NewEntry, RouteOutcome,
    RouteStep, SetAside,
};
pub use memo::Memo;
pub use page::{InvalidCursor, Page, PageRequest};
pub use rate::{Rate, Reserved};
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

/// Whatever keeps watches, the event log and the queues.
///
/// # Contract
///
/// - Every method that names a shard is one atomic step on it: it takes place as a whole or not at
///   all, and is as durable as the store is configured to be when the call returns. A store that
///   cannot undo checks everything first and then writes in such an order that the loss of the rest
///   of the step would only repeat work.
/// - The number of round trips does not depend on the number of items of a call.
/// - Time is the store's own: instants are read from its clock inside the step; callers hand in
///   durations, and the instants in records, which they computed from [`Store::now`]. A clock that is
///   set back or stands still is carried on from where it was, by calls of [`Store::now`] every few
///   seconds.
/// - What a later version wrote is left to it. A store that cannot read a record, an entry or a
///   delivery changes and removes nothing of it, and lets it stand in the way of nothing else.
/// - Several processes may call at once, unless the store says at opening that it serves one only.
/// - A dropped future may leave its step done or undone, never half done.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The number of shards, which never changes during the life of the stored data.
    fn shard_count(&self) -> u16;

    /// The store's clock.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Reads the records of `message_ids`, which all belong to `shard`, in their order. One that
    /// cannot be read keeps no other from being read.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn load(
        &self,
        shard: Shard,
        message_ids: &[MessageId],
    ) -> Result<Vec<Loaded>, StoreError>;

    /// Takes up to `limit` watches of `priority` that are due and belong to nobody, earliest first.
    ///
    /// They belong to the caller until a commit writes another due time, names the lease among its
    /// `finished`, or `lease` has passed; then those whose due time is still the same are due again.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn claim(
        &self,
        shard: Shard,
        priority: WatchPriority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedWatches, StoreError>;

    /// Gives back a lease: what is left of it is due again at once.
    ///
    /// # Errors
    ///
    /// The store is not available; the lease then ends by itself.
    async fn release(&self, shard: Shard, lease: LeaseId) -> Result<(), StoreError>;

    /// Makes watches of `priority` due that are scheduled, or held under a lease, more than `furthest` ahead:
    /// nothing is, unless the clock was far ahead when that was done. Does so for a bounded number of
    /// them, and returns how many they were.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn recall(
        &self,
        shard: Shard,
        priority: WatchPriority,
        furthest: Duration,
    ) -> Result<u64, StoreError>;

    /// Puts claimed watches of `priority` aside whose bodies the caller cannot read, as a claim does itself
    /// with records that the store cannot read: their leases end, they are due to nobody, and every
    /// claim is offered them now and then, so that a version that can read them goes on with them.
    ///
    /// # Errors
    ///
    /// The store is not available; they are then due again when their lease has run out.
    async fn put_aside(
        &self,
        shard: Shard,
        priority: WatchPriority,
        message_ids: &[MessageId],
    ) -> Result<(), StoreError>;

    /// Writes records, appends log entries and sets due times, each item only if its watch still is
    /// as the item expects; items do not depend on each other.
    ///
    /// # Errors
    ///
    /// The store is not available; each item may be done or undone.
    async fn commit(&self, shard: Shard, step: &CommitStep) -> Result<Committed, StoreError>;

    /// Pages through all watches but removed ones and unreadable ones, in no promised order.
    ///
    /// A watch that exists from the first page to the last is on exactly one of them.
    ///
    /// # Errors
    ///
    /// The store is not available, or the cursor is none.
    async fn watches(&self, page: &PageRequest) -> Result<Page<(MessageId, Record)>, StoreError>;

    /// Reads the oldest log entries behind the shard's cursor.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn read_log(&self, shard: Shard, limit: u32) -> Result<LogSlice, StoreError>;

    /// Moves the cursor, puts deliveries into their queues, due at once, and keeps and counts what is
    /// set aside; does nothing of it if the cursor is not where the step expects it. A delivery that
    /// exists already stays as it is.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn route(&self, shard: Shard, step: &RouteStep) -> Result<RouteOutcome, StoreError>;

    /// Reads log entries that [`Store::route`] left to a later version, oldest first, behind `after`.
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

    /// Puts deliveries into their queues, due at once, and takes away the left entries that they came
    /// from. Returns how many deliveries did not exist before.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn route_left(&self, shard: Shard, step: &LeftStep) -> Result<u64, StoreError>;

    /// Reads the entries that were set aside and are kept, of all shards, newest first, and the newest
    /// ones that were left to a later version.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn set_aside(&self) -> Result<Vec<KeptAside>, StoreError>;

    /// Puts a delivery into its queue outside the log; one that exists already stays as it is.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn enqueue(&self, shard: Shard, delivery: NewDelivery) -> Result<(), StoreError> {
        self.enqueue_all(shard, &[delivery]).await.map(drop)
    }

    /// Puts deliveries into their queues outside the log; those that exist already stay as they are.
    /// Answers how many did not exist.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn enqueue_all(
        &self,
        shard: Shard,
        deliveries: &[NewDelivery],
    ) -> Result<u64, StoreError>;

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

    /// Takes up to `limit` deliveries of `sink` that are due and of this `priority`, the earliest first.
    ///
    /// They belong to the caller until [`Store::complete`] with their token, or until `lease` has
    /// passed; then they are due again, under another token. Where fewer than `limit` are due, some of
    /// those that were left to a later version come with them, possibly more than `limit` allows: each
    /// now and then, and all of them once when a process starts.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn claim_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError>;

    /// Takes one delivery of `sink` and `priority` that belongs to nobody, due or not: the one
    /// that would be due first. It belongs to the caller as if [`Store::claim_deliveries`] had taken it.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn claim_early(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError>;

    /// Makes the pending deliveries of `sink` due at once that wait for a later attempt and belong to
    /// nobody, those that were queued longest ago before the others; returns how many they were. When
    /// there are very many it takes several atomic steps, each for some of them.
    ///
    /// # Errors
    ///
    /// The store is not available; some may be due already.
    async fn make_due(&self, shard: Shard, sink: &str) -> Result<u64, StoreError>;

    /// Writes what came of attempts and queues what others get instead, as [`Store::enqueue`] does;
    /// done is that whose token still held, and nothing is done where it did not.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn complete(
        &self,
        shard: Shard,
        sink: &str,
        completions: &[Completion],
    ) -> Result<Outcomes, StoreError>;

    /// Reads pending deliveries of `sink` without claiming them, those that were queued longest ago
    /// first; what was queued in this very millisecond is left for the next call, because more may
    /// be queued in it.
    ///
    /// A slice may hold fewer than are asked for although there are more; it is the last one when it
    /// names no next place.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn waiting(
        &self,
        shard: Shard,
        sink: &str,
        request: QueueRequest,
    ) -> Result<QueueSlice, StoreError>;

    /// Makes those deliveries dead that are pending, not critical, and claimed by nobody, and queues
    /// what others get instead of them; keeps `attempt` with each, which does not count as one that was
    /// made.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn dead_letter(
        &self,
        shard: Shard,
        sink: &str,
        dead_letters: &[DeadLetter],
        attempt: &Attempt,
    ) -> Result<Outcomes, StoreError>;

    /// Leaves pending deliveries of `sink` to a later version which belong to nobody, as
    /// [`Outcome::Left`] does with claimed ones. Returns how many they were.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn leave_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        ids: &[DeliveryId],
    ) -> Result<u64, StoreError>;

    /// Makes pending deliveries of `sink` and `priority` due that wait, or are claimed, for more than
    /// `furthest` ahead: none is, unless the clock was far ahead when that was done. Does so for a
    /// bounded number of them, and returns how many they were.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn recall_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        furthest: Duration,
    ) -> Result<u64, StoreError>;

    /// Reads one delivery, wherever it is.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn delivery(&self, id: &DeliveryId) -> Result<Option<StoredDelivery>, StoreError>;

    /// Pages through deliveries, in no promised order, newest first where an order is natural. Those in a
    /// state that this version does not know are on none of the pages.
    ///
    /// # Errors
    ///
    /// The store is not available, or the cursor is none.
    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredDelivery>, StoreError>;

    /// Queues again, or forgets, the ended deliveries of one sink that a step asks for; looks at a
    /// bounded number of them.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn redrive(&self, shard: Shard, step: RedriveStep) -> Result<Redriven, StoreError>;

    /// Queues again, or forgets, one delivery, wherever it is, if it is in one of `states`.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn redrive_one(
        &self,
        id: &DeliveryId,
        action: Redrive,
        states: &[DeliveryState],
    ) -> Result<RedriveOutcome, StoreError>;

    /// Takes up to `want` permits of the rate called `name`, for all processes together.
    ///
    /// # Errors
    ///
    /// The store is not available; no permit was used as far as the caller is concerned.
    async fn reserve(&self, name: &str, rate: Rate, want: u32) -> Result<Reserved, StoreError>;

    /// Reads the memo called `name`.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn memo(&self, shard: Shard, name: &str) -> Result<Option<Memo>, StoreError>;

    /// Writes `value` if the memo still is of version `expected` (none: there is no memo) and
    /// appends `entries` to the shard's log in the same step; returns whether it did.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn put_memo(
        &self,
        shard: Shard,
        name: &str,
        expected: Option<u64>,
        value: Vec<u8>,
        entries: Vec<NewEntry>,
    ) -> Result<bool, StoreError>;

    /// Counts everything.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn gauges(&self) -> Result<Gauges, StoreError>;

    /// Removes a bounded number of the shard's records that are older or more than `bounds` allow;
    /// never a log entry that is not routed, never a pending delivery.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn trim(&self, shard: Shard, bounds: &HistoryBounds) -> Result<Trimmed, StoreError>;
}
