//! The event log: read, route, set aside and trim.

use std::cmp::Reverse;

use futures::future::try_join_all;
use smswatch_plugin::async_trait;
use smswatch_plugin::model::{EventKind, Timestamp};
use smswatch_plugin::store::{
    Bound, EventFilter, HistoryBounds, KeptAside, LeftStep, Log, LogEntry, LogPosition, LogSlice,
    NewEntry, Page, PageRequest, RouteOutcome, RouteStep, SetAside, Shard, StoreError, Trimmed,
};

use super::{RedisStore, StreamEntry, events, kept, millis, queues};
use crate::delivery::{instant, text};
use crate::error::strange;

#[async_trait]
impl Log for RedisStore {
    async fn read_log(&self, shard: Shard, limit: u32) -> Result<LogSlice, StoreError> {
        let mut call = self.call(&self.scripts.read_log, shard);
        call.arg(limit);
        let (now, cursor, found): (i64, String, Vec<Vec<u8>>) = self.invoke(&call).await?;
        let mut found = found.into_iter();
        let mut entries = Vec::with_capacity(found.len() / 2);
        while let (Some(id), Some(body)) = (found.next(), found.next()) {
            entries.push(LogEntry {
                position: LogPosition(text(&id)?.to_owned()),
                body,
            });
        }
        Ok(LogSlice {
            cursor: LogPosition(cursor),
            entries,
            now: Timestamp::from_millis(now),
        })
    }

    async fn route(&self, shard: Shard, step: &RouteStep) -> Result<RouteOutcome, StoreError> {
        let mut call = self.call(&self.scripts.route, shard);
        call.arg(&step.from.0)
            .arg(&step.to.0)
            .arg(step.entries)
            .arg(step.set_aside.len())
            .arg(SetAside::MAX_KEPT.div_ceil(usize::from(self.shards)))
            .arg(step.records.len());
        kept::add_all(&mut call, &step.records);
        for entry in &step.set_aside {
            call.arg(&entry.position.0)
                .arg(&entry.error)
                .arg(&entry.body[..])
                .arg(u8::from(entry.is_newer));
        }
        for delivery in &step.deliveries {
            queues::add(&mut call, delivery)?;
        }
        self.invoke(&call).await.map(outcome)
    }

    async fn left_entries(
        &self,
        shard: Shard,
        after: Option<&LogPosition>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        self.stream_after(shard, "left", after, limit).await
    }

    async fn route_left(&self, shard: Shard, step: &LeftStep) -> Result<RouteOutcome, StoreError> {
        let mut call = self.call(&self.scripts.route_left, shard);
        call.arg(step.entries.len()).arg(step.records.len());
        for position in &step.entries {
            call.arg(&position.0);
        }
        kept::add_all(&mut call, &step.records);
        for delivery in &step.deliveries {
            queues::add(&mut call, delivery)?;
        }
        self.invoke(&call).await.map(outcome)
    }

    async fn set_aside(&self) -> Result<Vec<KeptAside>, StoreError> {
        let shards = (0..self.shards).map(Shard);
        let streams = shards.flat_map(|shard| [(shard, "aside"), (shard, "left")]);
        let asked = streams.map(|(shard, stream)| async move {
            let mut connection = self.connection.clone();
            let entries: Vec<StreamEntry> = redis::cmd("XREVRANGE")
                .arg(format!("{}{stream}", self.base(shard)))
                .arg("+")
                .arg("-")
                .arg("COUNT")
                .arg(SetAside::MAX_KEPT.div_ceil(usize::from(self.shards)))
                .query_async(&mut connection)
                .await
                .map_err(|error| self.error(&error))?;
            let read = |entry| set_aside(shard, stream == "left", entry);
            entries.into_iter().map(read).collect::<Result<Vec<_>, _>>()
        });
        let mut kept: Vec<KeptAside> = try_join_all(asked).await?.into_iter().flatten().collect();
        kept.sort_by_key(|kept| Reverse(kept.at));
        Ok(kept)
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Vec<u8>>, StoreError> {
        self.event_page(filter, page).await
    }

    async fn events_before(&self, at: Timestamp) -> Result<String, StoreError> {
        Ok(events::before(at))
    }

    async fn log_end(&self, shard: Shard) -> Result<LogPosition, StoreError> {
        let mut connection = self.connection.clone();
        let newest: Vec<StreamEntry> = redis::cmd("XREVRANGE")
            .arg(format!("{}log", self.base(shard)))
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(1)
            .query_async(&mut connection)
            .await
            .map_err(|error| self.error(&error))?;
        let newest = newest.into_iter().next();
        let newest = newest.map_or_else(|| "0-0".to_owned(), |(id, _)| id);
        Ok(LogPosition(newest))
    }

    async fn log_after(
        &self,
        shard: Shard,
        after: &LogPosition,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        self.stream_after(shard, "log", Some(after), limit).await
    }

    async fn trim(&self, shard: Shard, bounds: &HistoryBounds) -> Result<Trimmed, StoreError> {
        let mut call = self.call(&self.scripts.trim, shard);
        for Bound { keep_for, max } in [bounds.events, bounds.deliveries, bounds.dead] {
            call.arg(millis(keep_for))
                .arg(max.div_ceil(u64::from(self.shards)).min(1 << 50));
        }
        let kinds = EventKind::ALL.into_iter();
        for kind in kinds.filter(|kind| *kind != NewEntry::COMMON) {
            call.arg(kind.as_str());
        }
        let (events, deliveries, dead): (u64, u64, u64) = self.invoke(&call).await?;
        let mut call = self.call(&self.scripts.trim_left, shard);
        let Bound { keep_for, max } = bounds.events;
        call.arg(millis(keep_for)).arg(max.min(1 << 50));
        let left: u64 = self.invoke(&call).await?;
        Ok(Trimmed {
            events: events + left,
            deliveries,
            dead,
        })
    }
}

impl RedisStore {
    /// The entries of a stream of log entries behind `after`, oldest first.
    async fn stream_after(
        &self,
        shard: Shard,
        stream: &str,
        after: Option<&LogPosition>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut connection = self.connection.clone();
        let start = after.map_or_else(|| "-".to_owned(), |after| format!("({}", after.0));
        let entries: Vec<StreamEntry> = redis::cmd("XRANGE")
            .arg(format!("{}{stream}", self.base(shard)))
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
                body: body.ok_or_else(|| strange("an entry of the log"))?.1,
            })
        };
        entries.into_iter().map(read).collect()
    }
}

/// What a script says that puts deliveries into queues: how many are new, or why it did nothing.
fn outcome(answer: i64) -> RouteOutcome {
    match u64::try_from(answer) {
        Ok(added) => RouteOutcome::Done { added },
        Err(_) if answer == -2 => RouteOutcome::Conflict,
        Err(_) => RouteOutcome::Moved,
    }
}

/// Reads an entry that was set aside: position, error, body.
fn set_aside(
    shard: Shard,
    is_newer: bool,
    (id, fields): StreamEntry,
) -> Result<KeptAside, StoreError> {
    let millis = id.split('-').next().unwrap_or_default();
    let mut values = fields.into_iter().map(|(_, value)| value);
    let mut next = || values.next().ok_or_else(|| strange("an entry set aside"));
    Ok(KeptAside {
        shard,
        at: instant(millis.as_bytes())?,
        entry: SetAside {
            position: LogPosition(text(&next()?)?.to_owned()),
            error: text(&next()?)?.to_owned(),
            body: next()?,
            is_newer,
        },
    })
}
