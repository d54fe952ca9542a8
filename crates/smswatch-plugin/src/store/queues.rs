//! The part of a store that keeps the queues of deliveries, and what became of them.

use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::DeliveryId;

use super::{
    Attempt, ClaimedDeliveries, Completion, DeadLetter, DeliveryFilter, DeliveryState, NewDelivery,
    Outcomes, Page, PageRequest, Pick, Priority, QueueRequest, QueueSlice, Redrive, RedriveOutcome,
    RedriveStep, Redriven, Shard, StoreError, StoredDelivery,
};

/// Keeps deliveries, in one queue for each sink, shard and priority.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Puts a delivery into its queue outside the log; one that exists already stays as it is.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn enqueue(&self, shard: Shard, delivery: NewDelivery) -> Result<(), StoreError> {
        self.enqueue_all(shard, &[delivery]).await.map(drop)
    }

    /// Puts deliveries into their queues outside the log, or among the suppressed ones if they are held
    /// back; those that exist already stay as they are. Returns how many did not exist.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn enqueue_all(
        &self,
        shard: Shard,
        deliveries: &[NewDelivery],
    ) -> Result<u64, StoreError>;

    /// Takes deliveries of `sink` with this `priority` that are not claimed, as `pick` says.
    ///
    /// They belong to the caller until [`Queues::complete`] with their token, or until `lease` has
    /// passed; then they are due again, under another token. If fewer than the limit of [`Pick::Due`]
    /// are due, some of those that were left to a later version come with them, possibly more than the
    /// limit allows: each now and then, and all of them once when a process starts.
    ///
    /// # Errors
    ///
    /// The store is not available.
    async fn claim_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        pick: Pick,
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

    /// Writes what came of attempts and queues what others get instead, as [`Queues::enqueue`] does;
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
    async fn peek(
        &self,
        shard: Shard,
        sink: &str,
        request: QueueRequest,
    ) -> Result<QueueSlice, StoreError>;

    /// Dead-letters deliveries that are pending, not critical and not claimed, and queues
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

    /// Leaves pending deliveries of `sink` that are not claimed to a later version, as
    /// [`super::Outcome::Left`] does with claimed ones. Returns how many they were.
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
}
