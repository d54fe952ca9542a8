//! Queues: what is due, who claims it, and what waits.

use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, ClaimedDeliveries, ClaimedDelivery, Completion, DeadLetter, DeliveryFilter,
    DeliveryState, DeliveryToken, NewDelivery, Outcomes, Page, PageRequest, Pick, Priority,
    QueuePlace, QueueRequest, QueueSlice, Queues, Redrive, RedriveOutcome, RedriveStep, Redriven,
    Shard, StoreError, StoredDelivery, WaitingDelivery,
};

use super::deliveries::{Delivery, Holder};
use super::history;
use super::{Contained, MemoryStore, count, most};

/// How many left deliveries a claim is offered at most.
const OFFERED_AT_ONCE: usize = 64;

impl Contained {
    /// The pending deliveries of one queue, those that are due first before the others.
    fn queue(&mut self, sink: &str, priority: Priority) -> Vec<&mut Delivery> {
        let all = self.deliveries.values_mut();
        let is_one = |one: &&mut Delivery| {
            one.is_pending() && one.new.sink == sink && one.new.priority == priority
        };
        let mut queue: Vec<_> = all.filter(is_one).collect();
        queue.sort_by_key(|one| (one.due, one.number));
        queue
    }

    /// Takes what is due, and where that is not enough, what is to be offered to a version that can read it.
    pub(super) fn claim_due(
        &mut self,
        sink: &str,
        priority: Priority,
        limit: usize,
        lease: Duration,
        now: Timestamp,
    ) -> ClaimedDeliveries {
        let due = self.queue(sink, priority).into_iter();
        let (left, due): (Vec<_>, Vec<_>) = due
            .filter(|one| one.due <= now)
            .partition(|one| one.holder == Holder::LaterVersion);
        let n_offered = if due.len() < limit {
            OFFERED_AT_ONCE
        } else {
            0
        };
        let mut deliveries: Vec<_> = due
            .into_iter()
            .take(limit)
            .map(|one| claim(one, lease, now))
            .collect();
        for one in left.into_iter().take(n_offered) {
            // The time for which it was left makes it no older.
            let was_left = one
                .ended_at
                .take()
                .map_or(Duration::ZERO, |at| now.since(at));
            one.queued_at = now.min(one.queued_at + was_left);
            deliveries.push(claim(one, lease, now));
        }
        self.claimed(sink, priority, deliveries, now)
    }

    /// Takes the first one that belongs to nobody, due or not.
    pub(super) fn claim_first(
        &mut self,
        sink: &str,
        priority: Priority,
        lease: Duration,
        now: Timestamp,
    ) -> ClaimedDeliveries {
        let mut queue = self.queue(sink, priority).into_iter();
        let first = queue.find(|one| one.is_in_queue(sink) && !one.is_claimed(now));
        let deliveries = first.map(|one| claim(one, lease, now));
        let deliveries = deliveries.into_iter().collect();
        self.claimed(sink, priority, deliveries, now)
    }

    fn claimed(
        &mut self,
        sink: &str,
        priority: Priority,
        deliveries: Vec<ClaimedDelivery>,
        now: Timestamp,
    ) -> ClaimedDeliveries {
        let queue = self.queue(sink, priority);
        let left = queue
            .iter()
            .filter(|one| one.holder == Holder::LaterVersion);
        ClaimedDeliveries {
            deliveries,
            next_due: queue.iter().map(|one| one.due).min(),
            left: count(left),
            now,
        }
    }

    pub(super) fn make_due(&mut self, sink: &str, now: Timestamp) -> u64 {
        let waits = |one: &&mut Delivery| {
            one.is_in_queue(sink) && one.holder == Holder::Nobody && one.due > now
        };
        let waiting = self.deliveries.values_mut().filter(waits);
        count(waiting.map(|one| one.due = one.queued_at.min(now)))
    }

    /// Makes due what waits, or is claimed, for longer than anything can be.
    pub(super) fn recall(
        &mut self,
        sink: &str,
        priority: Priority,
        furthest: Duration,
        now: Timestamp,
    ) -> u64 {
        let queue = self.queue(sink, priority).into_iter();
        let far = queue.filter(|one| one.due > now + furthest);
        count(far.map(|one| match one.holder {
            Holder::LaterVersion => one.due = now,
            Holder::Nobody | Holder::Claimer => {
                one.queued_at = one.queued_at.min(now);
                one.free(one.queued_at);
            }
        }))
    }

    /// Looks a queue through in the order of queueing.
    pub(super) fn peek(
        &mut self,
        sink: &str,
        request: &QueueRequest,
        now: Timestamp,
    ) -> QueueSlice {
        let pending = count(self.deliveries.values().filter(|one| one.is_in_queue(sink)));
        let queue = self.queue(sink, request.priority).into_iter();
        let mut deliveries: Vec<_> = queue
            .filter(|one| one.is_in_queue(sink) && one.queued_at < now)
            .map(|one| WaitingDelivery {
                place: QueuePlace {
                    queued_at: one.queued_at,
                    id: one.new.id.clone(),
                },
                is_claimed: one.is_claimed(now),
                body: one.new.body.clone(),
            })
            .filter(|one| {
                request
                    .after
                    .as_ref()
                    .is_none_or(|after| one.place > *after)
            })
            .collect();
        deliveries.sort_by(|one, other| one.place.cmp(&other.place));
        let is_last = deliveries.len() <= most(request.limit);
        deliveries.truncate(most(request.limit));
        let next = deliveries.last().filter(|_| !is_last);
        QueueSlice {
            pending,
            next: next.map(|last| last.place.clone()),
            deliveries,
        }
    }
}

fn claim(delivery: &mut Delivery, lease: Duration, now: Timestamp) -> ClaimedDelivery {
    delivery.free(now + lease);
    delivery.holder = Holder::Claimer;
    ClaimedDelivery {
        id: delivery.new.id.clone(),
        token: DeliveryToken(delivery.token),
        attempts_made: delivery.attempts_made - delivery.attempts_before,
        queued_at: delivery.queued_at,
        is_queued_again: delivery.queued_at > delivery.created_at,
        body: delivery.new.body.clone(),
    }
}

#[async_trait]
impl Queues for MemoryStore {
    async fn enqueue_all(
        &self,
        shard: Shard,
        deliveries: &[NewDelivery],
    ) -> Result<u64, StoreError> {
        self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            shard.add_all(deliveries, last, now)
        })
        .await
    }

    async fn claim_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        pick: Pick,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError> {
        self.step(|all, now| {
            let shard = all.shard(shard);
            match pick {
                Pick::Due(limit) => shard.claim_due(sink, priority, most(limit), lease, now),
                Pick::First => shard.claim_first(sink, priority, lease, now),
            }
        })
        .await
    }

    async fn make_due(&self, shard: Shard, sink: &str) -> Result<u64, StoreError> {
        self.step(|all, now| all.shard(shard).make_due(sink, now))
            .await
    }

    async fn complete(
        &self,
        shard: Shard,
        sink: &str,
        completions: &[Completion],
    ) -> Result<Outcomes, StoreError> {
        let done = self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            shard.complete(sink, completions, last, now)
        });
        self.answer("complete", done.await?)
    }

    async fn peek(
        &self,
        shard: Shard,
        sink: &str,
        request: QueueRequest,
    ) -> Result<QueueSlice, StoreError> {
        self.step(|all, now| all.shard(shard).peek(sink, &request, now))
            .await
    }

    async fn dead_letter(
        &self,
        shard: Shard,
        sink: &str,
        dead_letters: &[DeadLetter],
        attempt: &Attempt,
    ) -> Result<Outcomes, StoreError> {
        let done = self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            shard.dead_letter(sink, dead_letters, attempt, last, now)
        });
        self.answer("dead_letter", done.await?)
    }

    async fn leave_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        ids: &[DeliveryId],
    ) -> Result<u64, StoreError> {
        self.step(|all, now| all.shard(shard).leave(sink, priority, ids, now))
            .await
    }

    async fn recall_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        self.step(|all, now| all.shard(shard).recall(sink, priority, furthest, now))
            .await
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
        self.step(|all, _| {
            let mut shards = all.shards.iter();
            let found = shards.find_map(|shard| shard.deliveries.get(id));
            found.map(Delivery::stored)
        })
        .await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredDelivery>, StoreError> {
        self.step(|all, _| history::page(&all.shards, filter, page))
            .await?
    }

    async fn redrive(&self, shard: Shard, step: RedriveStep) -> Result<Redriven, StoreError> {
        self.step(|all, now| all.shard(shard).redrive(&step, now))
            .await
    }

    async fn redrive_one(
        &self,
        id: &DeliveryId,
        action: Redrive,
        states: &[DeliveryState],
    ) -> Result<RedriveOutcome, StoreError> {
        self.step(|all, now| history::redrive_one(&mut all.shards, id, action, states, now))
            .await
    }
}
