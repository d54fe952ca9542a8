//! Watches: records, due times, leases.

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
use super::schedule::{Schedule, Watch};
use super::{Contained, MemoryStore, OFFERED_EVERY, count, most, next, takes_one};

/// The lease under which watches are that their claimer could not read. Nobody finishes it.
const ASIDE: i64 = 0;

/// The watches of one shard.
#[derive(Debug, Default)]
pub(super) struct Watches(Schedule);

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
        let due = self.0.due(priority, limit, now);
        let mut watches = Vec::with_capacity(due.len());
        for id in due {
            self.0.set(&id, until, Some(lease));
            if let Some(watch) = self.0.get(&id) {
                watches.push((id, watch.record.clone()));
            }
        }
        let aside = self.0.held(ASIDE);
        let aside = aside.iter().filter_map(|id| self.0.get(id));
        ClaimedWatches {
            lease: (!watches.is_empty()).then(|| LeaseId(lease.to_string())),
            watches,
            unreadable: Vec::new(),
            put_aside: Some(count(aside.filter(|watch| watch.priority == priority))),
            next_due: self.0.next_due(priority),
            now,
        }
    }

    pub(super) fn release(&mut self, lease: &LeaseId, now: Timestamp) {
        let Ok(number) = lease.0.parse() else { return };
        for id in self.0.held(number) {
            self.0.set(&id, now, None);
        }
    }

    pub(super) fn recall(
        &mut self,
        priority: WatchPriority,
        furthest: Duration,
        now: Timestamp,
    ) -> u64 {
        let far = self.0.later_than(priority, now + furthest);
        far.iter().for_each(|id| self.0.set(id, now, None));
        count(far.iter())
    }

    pub(super) fn put_aside(&mut self, ids: &[MessageId], now: Timestamp) {
        for id in ids {
            self.0.set(id, now + OFFERED_EVERY, Some(ASIDE));
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
        let before = self.0.remove(&item.message_id);
        let Some(record) = item.record.clone() else {
            return;
        };
        let (at, priority) = (record.due(), item.priority);
        // The same due time stays claimed, or claimable, as it is.
        let same = before.filter(|watch| watch.record.due() == at);
        let (at, lease) = same.map_or((at, None), |watch| (watch.at, watch.lease));
        let watch = Watch {
            record,
            priority,
            at,
            lease,
        };
        self.0.put(item.message_id.clone(), watch);
    }

    /// Makes claimable what keeps its due time and stood under a lease that has come to its end. What else stands under it
    /// stands nowhere any more, as its claimer said that there is nothing of it left to do.
    fn finish(&mut self, lease: &LeaseId, items: &[CommitItem]) {
        let Ok(number) = lease.0.parse::<i64>() else {
            return;
        };
        for id in self.0.held(number) {
            let is_written = items.iter().any(|item| item.message_id == id);
            let due = self.0.get(&id).map(|watch| watch.record.due());
            match due.filter(|_| is_written) {
                Some(due) => self.0.set(&id, due, None),
                None => self.0.unqueue(&id),
            }
        }
    }

    /// How many watches are in a state.
    pub(super) fn in_state(&self, state: WatchState) -> u64 {
        self.0.in_state(state)
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
    let all = shards.iter().flat_map(|shard| shard.watches.0.iter());
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
        if self.fails_load() {
            return Err(StoreError::Unavailable("the way to it was cut".to_owned()));
        }
        self.step(|all, _| all.shard(shard).watches.load(ids)).await
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
        .await
    }

    async fn release(&self, shard: Shard, lease: LeaseId) -> Result<(), StoreError> {
        self.step(|all, now| all.shard(shard).watches.release(&lease, now))
            .await
    }

    async fn recall(
        &self,
        shard: Shard,
        priority: WatchPriority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        self.step(|all, now| all.shard(shard).watches.recall(priority, furthest, now))
            .await
    }

    async fn put_aside(
        &self,
        shard: Shard,
        _: WatchPriority,
        ids: &[MessageId],
    ) -> Result<(), StoreError> {
        self.step(|all, now| all.shard(shard).watches.put_aside(ids, now))
            .await
    }

    async fn commit(&self, shard: Shard, step: &CommitStep) -> Result<Committed, StoreError> {
        if let Some(after) = self.fails_commit() {
            tokio::time::sleep(after).await;
            return Err(StoreError::Unavailable("the way to it was cut".to_owned()));
        }
        self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            shard.watches.commit(&mut shard.log, step, last, now)
        })
        .await
    }

    async fn watches(&self, page: &PageRequest) -> Result<Page<(MessageId, Record)>, StoreError> {
        self.step(|all, _| self::page(&all.shards, page)).await?
    }

    async fn memo(&self, shard: Shard, name: &str) -> Result<Option<Memo>, StoreError> {
        self.step(|all, _| all.shard(shard).memos.get(name).cloned())
            .await
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
                shard.log.append(entry.about.as_ref(), entry, last, now);
            }
            true
        })
        .await
    }

    async fn load_records(
        &self,
        shard: Shard,
        kind: RecordKind,
        ids: &[RecordId],
    ) -> Result<Vec<Option<KeptRecord>>, StoreError> {
        self.step(|all, _| all.shard(shard).kept.load(kind, ids))
            .await
    }

    async fn claim_records(
        &self,
        shard: Shard,
        kind: RecordKind,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedRecords, StoreError> {
        self.step(|all, now| all.shard(shard).kept.claim(kind, most(limit), lease, now))
            .await
    }

    async fn commit_records(
        &self,
        shard: Shard,
        commits: &[RecordCommit],
    ) -> Result<RecordsCommitted, StoreError> {
        if takes_one(&self.failing_records) {
            return Err(StoreError::Unavailable("the way to it was cut".to_owned()));
        }
        let committed = self.step(|all, now| {
            let (shard, last) = all.numbered(shard);
            shard.commit_records(commits, last, now)
        });
        let committed = committed.await;
        if takes_one(&self.lost_answers) {
            return Err(StoreError::Unavailable("it has not answered".to_owned()));
        }
        committed
    }

    async fn records(
        &self,
        kind: RecordKind,
        page: &PageRequest,
    ) -> Result<Page<KeptRecord>, StoreError> {
        self.step(|all, _| kept::page(&all.shards, kind, page))
            .await?
    }
}
