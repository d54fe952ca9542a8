//! What a later version wrote and this one cannot read: kept for whoever can.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use smswatch_plugin::model::{DeliveryId, MessageId};
use smswatch_plugin::store::{
    LeftStep, LogEntry, LogPosition, Priority, Shard, StoreError, WatchPriority,
};

use super::history::StreamEntry;
use super::{RedisStore, millis, queue};
use crate::delivery::text;
use crate::error::strange;
use crate::field;

/// How often a process that could read nothing of it is offered what is put aside.
const PAUSE: Duration = Duration::from_secs(60);

/// When each queue of watches was last asked for what is put aside, and whether that was to any avail.
#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<HashMap<(Shard, WatchPriority), (Instant, bool)>>);

impl Offers {
    /// Whether a claim of this queue is to be offered what is put aside: at the start, now and then,
    /// and for as long as this process can read some of it. What another version puts aside again and
    /// again then comes to one that goes on with it.
    pub(super) fn is_due(&self, shard: Shard, priority: WatchPriority) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&(shard, priority))
            .is_none_or(|(asked_at, is_useful)| *is_useful || asked_at.elapsed() >= PAUSE)
    }

    /// Notes that it was offered, and whether any of it was of use.
    pub(super) fn made(&self, shard: Shard, priority: WatchPriority, is_useful: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((shard, priority), (Instant::now(), is_useful));
    }
}

impl RedisStore {
    pub(super) async fn put_watches_aside(
        &self,
        shard: Shard,
        priority: WatchPriority,
        ids: &[MessageId],
    ) -> Result<(), StoreError> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut call = self.call(&self.scripts.put_aside, shard);
        call.arg(priority.index());
        for id in ids {
            call.arg(field::bucket(id)).arg(field::pack(id));
        }
        self.invoke::<u64>(&call).await.map(drop)
    }

    pub(super) async fn entries_left(
        &self,
        shard: Shard,
        after: Option<&LogPosition>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut connection = self.connection.clone();
        let start = after.map_or_else(|| "-".to_owned(), |after| format!("({}", after.0));
        let entries: Vec<StreamEntry> = redis::cmd("XRANGE")
            .arg(format!("{}left", self.base(shard)))
            .arg(start)
            .arg("+")
            .arg("COUNT")
            .arg(limit)
            .query_async(&mut connection)
            .await
            .map_err(|error| self.error(&error))?;
        let read = |(id, fields): StreamEntry| {
            let body = fields.into_iter().find(|(name, _)| name == "b");
            Ok(LogEntry {
                position: LogPosition(text(id.as_bytes())?.to_owned()),
                body: body.ok_or_else(|| strange("an entry left to others"))?.1,
            })
        };
        entries.into_iter().map(read).collect()
    }

    pub(super) async fn route_entries_left(
        &self,
        shard: Shard,
        step: &LeftStep,
    ) -> Result<u64, StoreError> {
        let mut call = self.call(&self.scripts.route_left, shard);
        call.arg(step.entries.len());
        for position in &step.entries {
            call.arg(&position.0);
        }
        for delivery in &step.deliveries {
            queue::add(&mut call, delivery);
        }
        self.invoke(&call).await
    }
}

/// How many deliveries one recall makes due at most.
const RECALLED_AT_ONCE: u32 = 512;

impl RedisStore {
    pub(super) async fn leave_waiting(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        ids: &[DeliveryId],
    ) -> Result<u64, StoreError> {
        let mut call = self.call(&self.scripts.leave_deliveries, shard);
        call.arg(sink).arg(priority.index());
        for id in ids {
            call.arg(id.as_str());
        }
        self.invoke(&call).await
    }

    pub(super) async fn recall_queue(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        let mut call = self.call(&self.scripts.recall_deliveries, shard);
        call.arg(sink)
            .arg(priority.index())
            .arg(millis(furthest))
            .arg(RECALLED_AT_ONCE);
        self.invoke(&call).await
    }
}
