//! Queues of deliveries, handed to the threads that write and read the file.

use std::time::Duration;

use rusqlite::Connection;
use smswatch_plugin::async_trait;
use smswatch_plugin::model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, ClaimedDeliveries, Completion, DeadLetter, DeliveryFilter, DeliveryState, NewDelivery,
    Outcomes, Page, PageRequest, Pick, Priority, QueueRequest, QueueSlice, Queues, Redrive,
    RedriveOutcome, RedriveStep, Redriven, Shard, StoreError, StoredDelivery,
};

use crate::store::SqliteStore;
use crate::{aside, deliveries, lookup, redrive, waiting};

/// The numbers of deliveries that are due; if fewer than `limit` are, also of those left to a later version
/// that are to be offered now.
fn due_or_offered(
    connection: &Connection,
    sink: &str,
    priority: Priority,
    limit: u32,
    now: Timestamp,
) -> rusqlite::Result<Vec<i64>> {
    let mut due = deliveries::due(connection, aside::OURS, sink, priority, limit, now)?;
    if due.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
        let (left, most) = (aside::LEFT, aside::OFFERED_AT_ONCE);
        for number in deliveries::due(connection, left, sink, priority, most, now)? {
            aside::take_up(connection, number, now)?;
            due.push(number);
        }
    }
    Ok(due)
}

#[async_trait]
impl Queues for SqliteStore {
    async fn enqueue_all(&self, _: Shard, deliveries: &[NewDelivery]) -> Result<u64, StoreError> {
        let deliveries = deliveries.to_vec();
        self.run(move |connection, now| {
            let mut added = 0;
            for delivery in &deliveries {
                added += u64::from(deliveries::add(connection, delivery, now)?);
            }
            Ok(added)
        })
        .await
    }

    async fn claim_deliveries(
        &self,
        _: Shard,
        sink: &str,
        priority: Priority,
        pick: Pick,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError> {
        let sink = sink.to_owned();
        self.run(move |connection, now| {
            let picked = match pick {
                Pick::Due(limit) => due_or_offered(connection, &sink, priority, limit, now)?,
                Pick::First => deliveries::first(connection, &sink, priority, now)?,
            };
            deliveries::claim(connection, &sink, priority, &picked, lease, now)
        })
        .await
    }

    async fn make_due(&self, _: Shard, sink: &str) -> Result<u64, StoreError> {
        let mut count = 0;
        for priority in Priority::ALL {
            let mut after = None;
            loop {
                let sink = sink.to_owned();
                let step = self.run(move |connection, now| {
                    deliveries::make_due(connection, &sink, priority, after, now)
                });
                let (made_due, next) = step.await?;
                count += made_due;
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(count)
    }

    async fn complete(
        &self,
        _: Shard,
        sink: &str,
        completions: &[Completion],
    ) -> Result<Outcomes, StoreError> {
        let sink = sink.to_owned();
        let completions = completions.to_vec();
        self.run(move |connection, now| deliveries::complete(connection, &sink, &completions, now))
            .await
    }

    async fn peek(
        &self,
        _: Shard,
        sink: &str,
        request: QueueRequest,
    ) -> Result<QueueSlice, StoreError> {
        let sink = sink.to_owned();
        self.run(move |connection, now| waiting::read(connection, &sink, &request, now))
            .await
    }

    async fn dead_letter(
        &self,
        _: Shard,
        sink: &str,
        dead_letters: &[DeadLetter],
        attempt: &Attempt,
    ) -> Result<Outcomes, StoreError> {
        let (sink, dead_letters, attempt) =
            (sink.to_owned(), dead_letters.to_vec(), attempt.clone());
        self.run(move |connection, now| {
            waiting::dead_letter(connection, &sink, &dead_letters, &attempt, now)
        })
        .await
    }

    async fn leave_deliveries(
        &self,
        _: Shard,
        sink: &str,
        priority: Priority,
        ids: &[DeliveryId],
    ) -> Result<u64, StoreError> {
        let (sink, ids) = (sink.to_owned(), ids.to_vec());
        self.run(move |connection, now| {
            aside::leave_waiting(connection, &sink, priority, &ids, now)
        })
        .await
    }

    async fn recall_deliveries(
        &self,
        _: Shard,
        sink: &str,
        priority: Priority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        let sink = sink.to_owned();
        self.run(move |connection, now| aside::recall(connection, &sink, priority, furthest, now))
            .await
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
        let id = id.clone();
        self.read(move |connection| lookup::find(connection, &id))
            .await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredDelivery>, StoreError> {
        let cursor = lookup::Cursor::parse(filter, page)?;
        let (limit, filter) = (page.limit, filter.clone());
        self.read(move |connection| lookup::page(connection, &filter, cursor, limit))
            .await
    }

    async fn redrive(&self, _: Shard, step: RedriveStep) -> Result<Redriven, StoreError> {
        self.run(move |connection, now| redrive::redrive(connection, &step, now))
            .await
    }

    async fn redrive_one(
        &self,
        id: &DeliveryId,
        action: Redrive,
        states: &[DeliveryState],
    ) -> Result<RedriveOutcome, StoreError> {
        let (id, states) = (id.clone(), states.to_vec());
        self.run(move |connection, now| redrive::redrive_one(connection, &id, action, &states, now))
            .await
    }
}
