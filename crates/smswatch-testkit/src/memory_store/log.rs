//! The event log: entries in order, the cursor behind which they wait to be routed, and what could not be.

use std::collections::BTreeMap;

use async_trait::async_trait;
use smswatch_model::{EventKind, MessageId, Timestamp};
use smswatch_plugin::store::{
    Bound, EventFilter, HistoryBounds, InvalidCursor, KeptAside, LeftStep, Log, LogEntry,
    LogPosition, LogSlice, NewEntry, Page, PageRequest, RouteOutcome, RouteStep, SetAside, Shard,
    Store as _, StoreError, Trimmed,
};

use super::{Contained, Contents, MemoryStore, count, most, next};

/// How many entries one trim removes at most.
const MOST_TRIMMED: usize = 1000;

/// The log of one shard.
#[derive(Debug, Default)]
pub(super) struct ShardLog {
    entries: BTreeMap<i64, Entry>,
    cursor: i64,
    /// Where the newest entry stands, or stood.
    end: i64,
    /// What a later version wrote, by its place.
    left: BTreeMap<i64, KeptAside>,
}

#[derive(Debug)]
struct Entry {
    at: Timestamp,
    body: Vec<u8>,
    message_id: Option<MessageId>,
    kinds: Vec<EventKind>,
}

/// A place, in the words that others hear.
pub(super) fn position(number: i64) -> LogPosition {
    LogPosition(number.to_string())
}

/// The place that others name.
fn number(position: &LogPosition) -> i64 {
    position.0.parse().unwrap_or(-1)
}

impl ShardLog {
    /// Appends an entry, about a message or about none, and returns its place.
    pub(super) fn append(
        &mut self,
        message_id: Option<&MessageId>,
        entry: &NewEntry,
        last: &mut i64,
        now: Timestamp,
    ) -> i64 {
        self.end = next(last);
        let entry = Entry {
            at: now,
            body: entry.body.clone(),
            message_id: message_id.cloned(),
            kinds: entry.kinds.clone(),
        };
        self.entries.insert(self.end, entry);
        self.end
    }

    pub(super) fn end(&self) -> LogPosition {
        position(self.end)
    }

    pub(super) fn unrouted(&self) -> u64 {
        count(self.entries.range(self.cursor + 1..))
    }

    pub(super) fn read(&self, limit: usize, now: Timestamp) -> LogSlice {
        LogSlice {
            cursor: position(self.cursor),
            entries: self.after(self.cursor, limit),
            now,
        }
    }

    fn after(&self, after: i64, limit: usize) -> Vec<LogEntry> {
        let behind = self.entries.range(after + 1..).take(limit);
        let entries = behind.map(|(number, entry)| LogEntry {
            position: position(*number),
            body: entry.body.clone(),
        });
        entries.collect()
    }

    pub(super) fn left(&self, after: Option<&LogPosition>, limit: usize) -> Vec<LogEntry> {
        let after = after.map_or(0, number);
        let left = self.left.range(after + 1..).take(limit);
        let entries = left.map(|(number, kept)| LogEntry {
            position: position(*number),
            body: kept.entry.body.clone(),
        });
        entries.collect()
    }

    pub(super) fn are_left(&self, positions: &[LogPosition]) -> bool {
        let mut numbers = positions.iter().map(number);
        numbers.all(|number| self.left.contains_key(&number))
    }

    pub(super) fn forget_left(&mut self, positions: &[LogPosition]) {
        for position in positions {
            self.left.remove(&number(position));
        }
    }

    /// Removes the oldest routed entries, and the oldest left ones, that are too old or more than `max`.
    pub(super) fn trim(&mut self, bound: &Bound, max: u64, now: Timestamp) -> u64 {
        let too_old = now - bound.keep_for;
        let cursor = self.cursor;
        let routed = |number: i64| number <= cursor;
        trim_map(&mut self.entries, max, |n, it| (routed(n), it.at < too_old))
            + trim_map(&mut self.left, max, |_, it| (true, it.at < too_old))
    }
}

/// Removes from the front of `kept` what may go, and is too old or more than `max`.
fn trim_map<T>(
    kept: &mut BTreeMap<i64, T>,
    max: u64,
    judge: impl Fn(i64, &T) -> (bool, bool),
) -> u64 {
    let mut n_trimmed = 0;
    while let Some(first) = kept.first_entry()
        && n_trimmed < MOST_TRIMMED
    {
        let (may_go, is_old) = judge(*first.key(), first.get());
        let is_surplus = u64::try_from(kept.len()).unwrap_or(u64::MAX) > max;
        if !may_go || !(is_old || is_surplus) {
            break;
        }
        kept.pop_first();
        n_trimmed += 1;
    }
    u64::try_from(n_trimmed).unwrap_or(u64::MAX)
}

impl Contents {
    pub(super) fn route(&mut self, shard: Shard, step: &RouteStep, now: Timestamp) -> RouteOutcome {
        let (contained, last) = self.numbered(shard);
        if contained.log.cursor != number(&step.from) {
            return RouteOutcome::Moved;
        }
        if !contained.kept.change_all(&step.records, last) {
            return RouteOutcome::Conflict;
        }
        contained.log.cursor = number(&step.to);
        let added = contained.add_all(&step.deliveries, last, now);
        for entry in &step.set_aside {
            let kept = KeptAside {
                shard,
                at: now,
                entry: entry.clone(),
            };
            self.n_set_aside += 1;
            if entry.is_newer {
                let (contained, last) = self.numbered(shard);
                contained.log.left.insert(next(last), kept);
            } else {
                self.aside.push_back(kept);
                let surplus = self.aside.len().saturating_sub(SetAside::MAX_KEPT);
                self.aside.drain(..surplus);
            }
        }
        RouteOutcome::Done { added }
    }

    /// What is kept of what was set aside, newest first, and behind it what was left to a later version.
    pub(super) fn kept_aside(&self) -> Vec<KeptAside> {
        let left = self.shards.iter().flat_map(|shard| &shard.log.left);
        let mut left: Vec<_> = left.collect();
        left.sort_by_key(|(number, _)| std::cmp::Reverse(**number));
        let left = left.into_iter().map(|(_, kept)| kept);
        let left = left.take(SetAside::MAX_KEPT);
        self.aside.iter().rev().chain(left).cloned().collect()
    }
}

/// The newest entries of all shards that the filter may want, before a place.
fn page(
    shards: &[Contained],
    filter: &EventFilter,
    request: &PageRequest,
) -> Result<Page<Vec<u8>>, StoreError> {
    let before: i64 = match &request.cursor {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| InvalidCursor)?,
    };
    let rare = filter.kind.filter(|kind| *kind != NewEntry::COMMON);
    let is_wanted = |entry: &Entry| {
        let is_of_message = filter.message_id.is_none() || filter.message_id == entry.message_id;
        is_of_message && rare.is_none_or(|kind| entry.kinds.contains(&kind))
    };
    let all = shards
        .iter()
        .flat_map(|shard| shard.log.entries.range(..before));
    let mut wanted: Vec<_> = all.filter(|(_, entry)| is_wanted(entry)).collect();
    wanted.sort_by_key(|(number, _)| std::cmp::Reverse(**number));
    let is_last = wanted.len() <= request.limit;
    wanted.truncate(request.limit);
    let next = wanted.last().filter(|_| !is_last);
    Ok(Page {
        next: next.map(|(number, _)| number.to_string()),
        items: wanted.iter().map(|(_, entry)| entry.body.clone()).collect(),
    })
}

#[async_trait]
impl Log for MemoryStore {
    async fn read_log(&self, shard: Shard, limit: u32) -> Result<LogSlice, StoreError> {
        self.step(|all, now| all.shard(shard).log.read(most(limit), now))
            .await
    }

    async fn route(&self, shard: Shard, step: &RouteStep) -> Result<RouteOutcome, StoreError> {
        if self.loses_route() {
            return Err(StoreError::Unavailable("the step is lost".to_owned()));
        }
        self.step(|all, now| all.route(shard, step, now)).await
    }

    async fn left_entries(
        &self,
        shard: Shard,
        after: Option<&LogPosition>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        self.step(|all, _| all.shard(shard).log.left(after, most(limit)))
            .await
    }

    async fn route_left(&self, shard: Shard, step: &LeftStep) -> Result<RouteOutcome, StoreError> {
        self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            let are_left = shard.log.are_left(&step.entries);
            if !are_left || !shard.kept.change_all(&step.records, last) {
                return RouteOutcome::Conflict;
            }
            shard.log.forget_left(&step.entries);
            let added = shard.add_all(&step.deliveries, last, now);
            RouteOutcome::Done { added }
        })
        .await
    }

    async fn set_aside(&self) -> Result<Vec<KeptAside>, StoreError> {
        self.step(|all, _| all.kept_aside()).await
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Vec<u8>>, StoreError> {
        self.step(|all, _| self::page(&all.shards, filter, page))
            .await?
    }

    async fn events_before(&self, at: Timestamp) -> Result<String, StoreError> {
        self.step(|all, _| {
            let entries = all.shards.iter().flat_map(|shard| &shard.log.entries);
            let later = entries.filter(|(_, entry)| entry.at >= at);
            let first = later.map(|(number, _)| *number).min();
            first.unwrap_or(i64::MAX).to_string()
        })
        .await
    }

    async fn log_end(&self, shard: Shard) -> Result<LogPosition, StoreError> {
        self.step(|all, _| all.shard(shard).log.end()).await
    }

    async fn log_after(
        &self,
        shard: Shard,
        after: &LogPosition,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        self.step(|all, _| all.shard(shard).log.after(number(after), most(limit)))
            .await
    }

    async fn trim(&self, shard: Shard, bounds: &HistoryBounds) -> Result<Trimmed, StoreError> {
        let shards = u64::from(self.shard_count());
        self.step(|all, now| all.shard(shard).trim(bounds, shards, now))
            .await
    }
}
