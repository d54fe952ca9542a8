//! Watches: records, due times, leases.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::{MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Appended, ClaimedRecords, ClaimedWatches, CommitItem, CommitOutcome, CommitStep, Committed,
    InvalidCursor, KeptRecord, LeaseId, Loaded, Memo, NewEntry, Page, PageRequest, RecordCommit,
    RecordId, RecordKind, Records, RecordsCommitted, Shard, StoreError, WatchPriority,
};

use super::kept;
use super::log::{ShardLog, position};
use super::{Contained, MemoryStore, OFFERED_EVERY, count, most, next};

/// The lease under which watches are that their claimer could not read. Nobody finishes it.
const ASIDE: i64 = 0;

/// The watches of one shard.
#[derive(Debug, Default)]
pub(super) struct Watches(BTreeMap<MessageId, Watch>);

#[derive(Debug)]
struct Watch {
    record: Record,
    priority: WatchPriority,
    /// When it can be claimed: its due time, or the end of the lease that holds it.
    at: Timestamp,
    lease: Option<i64>,
}

impl Watch {
    fn become_due(&mut self, at: Timestamp) {
        self.at = at;
        self.lease = None;
    }
}

impl Watches {
    pub(super) fn load(&self, ids: &[MessageId]) -> Vec<Loaded> {
        let record = |id| self.0.get(id).map(|watch| watch.record.clone());
        ids.iter().map(|id| Ok(record(id))).collect()
    }

    /// Takes what is due under a lease, given by its number and its end.
    pub(super) fn claim(
        &mut self,
        priority: WatchPriority,
        limit: usize,
        (lease, until): (i64, Timestamp),
        now: Timestamp,
    ) -> ClaimedWatches {
        let of_priority = |watch: &Watch| watch.priority == priority;
        let due = |(_, watch): &(&MessageId, &mut Watch)| of_priority(watch) && watch.at <= now;
        let mut due: Vec<_> = self.0.iter_mut().filter(due).collect();
        due.sort_by_key(|(_, watch)| watch.at);
        let watches: Vec<_> = due
            .into_iter()
            .take(limit)
            .map(|(id, watch)| {
                (watch.at, watch.lease) = (until, Some(lease));
                (id.clone(), watch.record.clone())
            })
            .collect();
        let others = || self.0.values().filter(|watch| of_priority(watch));
        ClaimedWatches {
            lease: (!watches.is_empty()).then(|| LeaseId(lease.to_string())),
            watches,
            unreadable: Vec::new(),
            put_aside: Some(count(others().filter(|watch| watch.lease == Some(ASIDE)))),
            next_due: others().map(|watch| watch.at).min(),
            now,
        }
    }

    pub(super) fn release(&mut self, lease: &LeaseId, now: Timestamp) {
        let number = lease.0.parse().ok();
        let held = self.0.values_mut();
        for watch in held.filter(|watch| number.is_some() && watch.lease == number) {
            watch.become_due(now);
        }
    }

    pub(super) fn recall(
        &mut self,
        priority: WatchPriority,
        furthest: Duration,
        now: Timestamp,
    ) -> u64 {
        let is_far = |watch: &&mut Watch| watch.priority == priority && watch.at > now + furthest;
        let far = self.0.values_mut().filter(is_far);
        count(far.map(|watch| watch.become_due(now)))
    }

    pub(super) fn put_aside(&mut self, ids: &[MessageId], now: Timestamp) {
        for id in ids {
            if let Some(watch) = self.0.get_mut(id) {
                (watch.at, watch.lease) = (now + OFFERED_EVERY, Some(ASIDE));
            }
        }
    }

    pub(super) fn commit(
        &mut self,
        log: &mut ShardLog,
        step: &CommitStep,
        last: &mut i64,
        now: Timestamp,
    ) -> Committed {
        let after = log.end();
        let mut positions = Vec::new();
        let mut outcomes = Vec::with_capacity(step.items.len());
        for item in &step.items {
            let current = self.0.get(&item.message_id).map(|watch| &watch.record);
            if current != item.expected.as_ref() {
                outcomes.push(CommitOutcome::Conflict(current.cloned()));
                continue;
            }
            if let Some(entry) = &item.entry {
                let appended = log.append(Some(&item.message_id), entry, last, now);
                positions.push(position(appended));
            }
            self.write(item);
            outcomes.push(CommitOutcome::Done);
        }
        if outcomes
            .iter()
            .all(|outcome| *outcome == CommitOutcome::Done)
        {
            for lease in &step.finished {
                self.finish(lease, &step.items);
            }
        }
        Committed {
            outcomes,
            unrouted: log.unrouted(),
            appended: (!positions.is_empty()).then_some(Appended { after, positions }),
        }
    }

    fn write(&mut self, item: &CommitItem) {
        let Some(record) = item.record.clone() else {
            self.0.remove(&item.message_id);
            return;
        };
        let (at, priority) = (record.due(), item.priority);
        match self.0.get_mut(&item.message_id) {
            // The same due time stays claimed, or claimable, as it is.
            Some(watch) if watch.record.due() == at => {
                (watch.record, watch.priority) = (record, priority);
            }
            _ => {
                let watch = Watch {
                    record,
                    priority,
                    at,
                    lease: None,
                };
                self.0.insert(item.message_id.clone(), watch);
            }
        }
    }

    /// Makes claimable what keeps its due time and stood under a lease that has come to its end.
    fn finish(&mut self, lease: &LeaseId, items: &[CommitItem]) {
        let number = lease.0.parse().ok();
        for item in items {
            if let Some(watch) = self.0.get_mut(&item.message_id)
                && number.is_some()
                && watch.lease == number
            {
                watch.become_due(watch.record.due());
            }
        }
    }

    /// How many watches are in a state.
    pub(super) fn in_state(&self, state: WatchState) -> u64 {
        let watches = self.0.values();
        count(watches.filter(|watch| watch.record.state() == state))
    }
}

/// A page of all but the removed ones, in the order of their ids.
fn page(
    shards: &[Contained],
    request: &PageRequest,
) -> Result<Page<(MessageId, Record)>, StoreError> {
    let after = match &request.cursor {
        None => None,
        Some(text) => {
            let id = text.strip_prefix("after:").ok_or(InvalidCursor)?;
            Some(MessageId::new(id).map_err(|_| InvalidCursor)?)
        }
    };
    let all = shards.iter().flat_map(|shard| &shard.watches.0);
    let mut shown: Vec<_> = all
        .filter(|(_, watch)| watch.record.state() != WatchState::Removed)
        .map(|(id, watch)| (id.clone(), watch.record.clone()))
        .filter(|(id, _)| after.as_ref().is_none_or(|after| id > after))
        .collect();
    shown.sort_by(|(one, _), (other, _)| one.cmp(other));
    let is_last = shown.len() <= request.limit;
    shown.truncate(request.limit);
    let next = shown.last().filter(|_| !is_last);
    Ok(Page {
        next: next.map(|(id, _)| format!("after:{id}")),
        items: shown,
    })
}

#[async_trait]
impl Records for MemoryStore {
    async fn load(&self, shard: Shard, ids: &[MessageId]) -> Result<Vec<Loaded>, StoreError> {
        self.step(|all, _| all.shard(shard).watches.load(ids))
    }

    async fn claim(
        &self,
        shard: Shard,
        priority: WatchPriority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedWatches, StoreError> {
        self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            let lease = (next(last), now + lease);
            shard.watches.claim(priority, most(limit), lease, now)
        })
    }

    async fn release(&self, shard: Shard, lease: LeaseId) -> Result<(), StoreError> {
        self.step(|all, now| all.shard(shard).watches.release(&lease, now))
    }

    async fn recall(
        &self,
        shard: Shard,
        priority: WatchPriority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        self.step(|all, now| all.shard(shard).watches.recall(priority, furthest, now))
    }

    async fn put_aside(
        &self,
        shard: Shard,
        _: WatchPriority,
        ids: &[MessageId],
    ) -> Result<(), StoreError> {
        self.step(|all, now| all.shard(shard).watches.put_aside(ids, now))
    }

    async fn commit(&self, shard: Shard, step: &CommitStep) -> Result<Committed, StoreError> {
        self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            shard.watches.commit(&mut shard.log, step, last, now)
        })
    }

    async fn watches(&self, page: &PageRequest) -> Result<Page<(MessageId, Record)>, StoreError> {
        self.step(|all, _| self::page(&all.shards, page))?
    }

    async fn memo(&self, shard: Shard, name: &str) -> Result<Option<Memo>, StoreError> {
        self.step(|all, _| all.shard(shard).memos.get(name).cloned())
    }

    async fn put_memo(
        &self,
        shard: Shard,
        name: &str,
        expected: Option<u64>,
        value: Vec<u8>,
        entries: Vec<NewEntry>,
    ) -> Result<bool, StoreError> {
        self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            let known = shard.memos.get(name).map(|memo| memo.version);
            if known != expected {
                return false;
            }
            let version = known.unwrap_or(0) + 1;
            shard.memos.insert(name.to_owned(), Memo { version, value });
            for entry in &entries {
                shard.log.append(None, entry, last, now);
            }
            true
        })
    }

    async fn load_records(
        &self,
        shard: Shard,
        kind: RecordKind,
        ids: &[RecordId],
    ) -> Result<Vec<Option<KeptRecord>>, StoreError> {
        self.step(|all, _| all.shard(shard).kept.load(kind, ids))
    }

    async fn claim_records(
        &self,
        shard: Shard,
        kind: RecordKind,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedRecords, StoreError> {
        self.step(|all, now| all.shard(shard).kept.claim(kind, most(limit), lease, now))
    }

    async fn commit_records(
        &self,
        shard: Shard,
        commits: &[RecordCommit],
    ) -> Result<RecordsCommitted, StoreError> {
        self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            shard.commit_records(commits, last, now)
        })
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: &PageRequest,
    ) -> Result<Page<KeptRecord>, StoreError> {
        self.step(|all, _| kept::page(&all.shards, kind, page))?
    }
}
