//! The part of a store that keeps records: what is due when, and what is changed by compare-and-set.

use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::MessageId;

use super::{
    ClaimedRecords, ClaimedWatches, CommitStep, Committed, KeptRecord, LeaseId, Loaded, Memo,
    NewEntry, Page, PageRequest, RecordCommit, RecordId, RecordKind, RecordsCommitted, Shard,
    StoreError, WatchPriority,
};
use crate::record::Record;

/// Keeps records, and hands out those that are due: watches, and records of other kinds, which are of no
/// form that a store knows.
#[async_trait]
pub trait Records: Send + Sync {
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

    /// Takes up to `limit` watches of `priority` that are due and not claimed, earliest first.
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
    /// with records that the store cannot read: their leases end, they are not due, and every
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

    /// Reads the memo called `name`.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn memo(&self, shard: Shard, name: &str) -> Result<Option<Memo>, StoreError>;

    /// Writes `value` if the memo still is of version `expected` (`None` if there is no memo) and
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

    /// Reads the records of `kind` with these ids, which all belong to `shard`, in their order.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn load_records(
        &self,
        shard: Shard,
        kind: RecordKind,
        ids: &[RecordId],
    ) -> Result<Vec<Option<KeptRecord>>, StoreError>;

    /// Takes up to `limit` records of `kind` that are due and not claimed, earliest first.
    ///
    /// They belong to the caller until they are changed, or until `lease` has passed; then those that were not
    /// changed are due again. So one that the caller cannot read is left alone and offered again,
    /// to a version that may be able to read it.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn claim_records(
        &self,
        shard: Shard,
        kind: RecordKind,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedRecords, StoreError>;

    /// Changes records, each only if it still is as expected, together with the log entries and deliveries
    /// that belong to the change. Changes do not depend on each other.
    ///
    /// # Errors
    ///
    /// The store is not available; each change may be done or undone.
    async fn commit_records(
        &self,
        shard: Shard,
        commits: &[RecordCommit],
    ) -> Result<RecordsCommitted, StoreError>;

    /// Pages through all records of `kind`, in no promised order.
    ///
    /// A record that exists from the first page to the last is on exactly one of them.
    ///
    /// # Errors
    ///
    /// The store is not available, or the cursor is none.
    async fn records(
        &self,
        kind: RecordKind,
        page: &PageRequest,
    ) -> Result<Page<KeptRecord>, StoreError>;
}
