//! The log: read, route and trim; and the counts of everything.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::PoisonError;

use futures::future::{join_all, try_join_all};
use smswatch_plugin::model::{EventKind, Timestamp};
use smswatch_plugin::record::WatchState;
use smswatch_plugin::store::{
    Bound, Gauges, HistoryBounds, KeptAside, LogEntry, LogPosition, LogSlice, NewEntry, QueueGauge,
    RouteOutcome, RouteStep, SetAside, Shard, StoreError, Trimmed,
};

use super::{RedisStore, millis, queue};
use crate::delivery::{instant, text};
use crate::error::strange;

/// An entry of a stream as Redis answers it: its id and its fields.
pub(super) type StreamEntry = (String, Vec<(String, Vec<u8>)>);

/// What the script that counts answers: the shard's counters, and its queues.
pub(super) type Counted = (BTreeMap<String, i64>, Vec<Vec<u8>>);

impl RedisStore {
    pub(super) async fn log_slice(&self, shard: Shard, limit: u32) -> Result<LogSlice, StoreError> {
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

    pub(super) async fn route_step(
        &self,
        shard: Shard,
        step: &RouteStep,
    ) -> Result<RouteOutcome, StoreError> {
        let mut call = self.call(&self.scripts.route, shard);
        call.arg(&step.from.0)
            .arg(&step.to.0)
            .arg(step.entries)
            .arg(step.set_aside.len())
            .arg(SetAside::MAX_KEPT.div_ceil(usize::from(self.shards)));
        for entry in &step.set_aside {
            call.arg(&entry.position.0)
                .arg(&entry.error)
                .arg(&entry.body[..])
                .arg(u8::from(entry.is_newer));
        }
        for delivery in &step.deliveries {
            queue::add(&mut call, delivery);
        }
        let added: i64 = self.invoke(&call).await?;
        Ok(match u64::try_from(added) {
            Ok(added) => RouteOutcome::Done { added },
            Err(_) => RouteOutcome::Moved,
        })
    }

    pub(super) async fn all_set_aside(&self) -> Result<Vec<KeptAside>, StoreError> {
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

    pub(super) async fn trim_history(
        &self,
        shard: Shard,
        bounds: &HistoryBounds,
    ) -> Result<Trimmed, StoreError> {
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

    pub(super) async fn count_all(&self) -> Result<Gauges, StoreError> {
        let asked = (0..self.shards).map(|shard| async move {
            let call = self.call(&self.scripts.gauges, Shard(shard));
            (Shard(shard), self.invoke::<Counted>(&call).await)
        });
        let answers = join_all(asked).await;
        let counted = self.as_known_last(answers)?;
        let mut watches: BTreeMap<WatchState, u64> = BTreeMap::new();
        let mut queues: BTreeMap<String, QueueGauge> = BTreeMap::new();
        let (mut unrouted, mut set_aside) = (0, 0);
        for (counts, rows) in counted {
            let count = |name: &str| counts.get(name).copied().unwrap_or(0);
            unrouted += u64::try_from(count("appended") - count("routed")).unwrap_or(0);
            set_aside += u64::try_from(count("aside")).unwrap_or(0);
            for state in WatchState::ALL {
                let count = count(&state.byte().to_string());
                *watches.entry(state).or_default() += u64::try_from(count).unwrap_or(0);
            }
            for row in rows.chunks_exact(5) {
                add_queue(&mut queues, row)?;
            }
        }
        Ok(Gauges {
            watches: watches.into_iter().collect(),
            unrouted,
            set_aside,
            queues: queues.into_values().collect(),
        })
    }
}

impl RedisStore {
    /// What each shard holds: one that cannot be counted now holds what it did when it was counted last.
    ///
    /// # Errors
    ///
    /// None can be counted.
    fn as_known_last(
        &self,
        answers: Vec<(Shard, Result<Counted, StoreError>)>,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut known = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut n_counted, mut failed) = (0, None);
        for (shard, answer) in answers {
            match answer {
                Ok(counted) => {
                    n_counted += 1;
                    known.insert(shard, counted);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if n_counted == 0 => Err(error),
            _ => Ok(known.values().cloned().collect()),
        }
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

fn add_queue(queues: &mut BTreeMap<String, QueueGauge>, row: &[Vec<u8>]) -> Result<(), StoreError> {
    let sink = text(&row[0])?;
    let number = |bytes: &[u8]| text(bytes)?.parse::<u64>().map_err(|_| strange("a count"));
    let queue = queues.entry(sink.to_owned()).or_insert_with(|| QueueGauge {
        sink: sink.to_owned(),
        ..QueueGauge::default()
    });
    queue.pending += number(&row[1])?;
    queue.left += number(&row[2])?;
    queue.dead += number(&row[3])?;
    if text(&row[4])? != "-1" {
        let oldest = instant(&row[4])?;
        queue.oldest = Some(queue.oldest.map_or(oldest, |known| known.min(oldest)));
    }
    Ok(())
}
