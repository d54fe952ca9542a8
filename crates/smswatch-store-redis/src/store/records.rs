//! Records of watches and of other kinds: load, claim, commit, page.

use std::time::Duration;

use redis::Value;
use smswatch_plugin::async_trait;
use smswatch_plugin::model::{MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Appended, ClaimedRecords, ClaimedWatches, CommitOutcome, CommitStep, Committed, InvalidCursor,
    KeptRecord, LeaseId, Loaded, LogPosition, Memo, NewEntry, Page, PageRequest, RecordCommit,
    RecordId, RecordKind, Records, RecordsCommitted, Shard, StoreError, UnreadableRecord,
    WatchPriority,
};

use super::claims::Claimed;
use super::{RedisStore, about, kept, kinds, millis, queues};
use crate::error::strange;
use crate::field;
use crate::page::Place;

/// How many watches one page looks at: those that were removed are not shown, and there may be very
/// many of them. What it finds by then is a page, and its cursor goes on.
const MOST_LOOKED_AT: usize = 10_000;

/// How many of them one call of the script looks at: Redis does nothing else meanwhile.
const LOOKED_AT_ONCE: usize = 2_000;

/// A record's bytes; `None` where there is no record.
fn bytes(record: Option<&Record>) -> &[u8] {
    record.map_or(&[], Record::as_bytes)
}

/// A log entry's body; `None` where there is no entry.
fn body(entry: Option<&NewEntry>) -> &[u8] {
    entry.map_or(&[], |entry| &entry.body)
}

/// What the script that claims answers: the time, the next due time, fields and records, the fields of
/// what it put aside, how much is put aside, and how much of that it took.
type Claim = (i64, i64, Vec<Vec<u8>>, Vec<Vec<u8>>, i64, u64);

/// Watches as a script answers them.
#[derive(Default)]
struct Found {
    watches: Vec<(MessageId, Record)>,
    /// Those whose records this version cannot read.
    unreadable: Vec<MessageId>,
}

/// Reads fields and records.
fn read(values: Vec<Vec<u8>>) -> Found {
    let mut values = values.into_iter();
    let mut found = Found::default();
    while let (Some(field), Some(bytes)) = (values.next(), values.next()) {
        // An id that cannot be read has no name under which it could be told.
        let Some(id) = field::unpack(&field) else {
            continue;
        };
        match Record::from_bytes(bytes) {
            Some(record) => found.watches.push((id, record)),
            None => found.unreadable.push(id),
        }
    }
    found
}

impl RedisStore {
    /// A claim whose answer was lost may have taken place: its watches are not known, and would
    /// wait until the lease ends by itself.
    async fn release_unanswered(&self, shard: Shard) -> Result<(), StoreError> {
        let of_shard = |(other, _): &&(Shard, LeaseId)| *other == shard;
        let found: Vec<_> = self.unanswered().iter().filter(of_shard).cloned().collect();
        for claim in found {
            let mut call = self.call(&self.scripts.release, shard);
            call.arg(&claim.1.0);
            self.invoke::<()>(&call).await?;
            self.unanswered().remove(&claim);
        }
        Ok(())
    }
}

#[async_trait]
impl Records for RedisStore {
    async fn load(&self, shard: Shard, ids: &[MessageId]) -> Result<Vec<Loaded>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.call(&self.scripts.load, shard);
        for id in ids {
            call.arg(field::bucket(id)).arg(field::pack(id));
        }
        let records: Vec<Option<Vec<u8>>> = self.invoke(&call).await?;
        let loaded = records.into_iter().map(|bytes| match bytes {
            None => Ok(None),
            Some(bytes) => Record::from_bytes(bytes).map(Some).ok_or(UnreadableRecord),
        });
        Ok(loaded.collect())
    }

    async fn claim(
        &self,
        shard: Shard,
        priority: WatchPriority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedWatches, StoreError> {
        self.release_unanswered(shard).await?;
        let id = self.next_lease(priority);
        let is_offered = self.offers.is_due(shard, priority);
        let last_state = WatchState::ALL.map(WatchState::byte).into_iter().max();
        let mut call = self.call(&self.scripts.claim, shard);
        call.arg(priority.index())
            .arg(limit)
            .arg(millis(lease))
            .arg(&id.0)
            .arg(Record::EXTENDED)
            .arg(last_state)
            .arg(u8::from(is_offered));
        let answer = self.invoke(&call).await;
        if answer.is_err() {
            self.unanswered().insert((shard, id.clone()));
        }
        let (now, next_due, found, news, n_aside, n_revived): Claim = answer?;
        let Found {
            watches,
            mut unreadable,
        } = read(found);
        if is_offered {
            self.offers.made(shard, priority, n_revived > 0);
        }
        unreadable.extend(news.iter().filter_map(|field| field::unpack(field)));
        Ok(ClaimedWatches {
            lease: (!watches.is_empty()).then_some(id),
            watches,
            unreadable,
            put_aside: u64::try_from(n_aside).ok(),
            next_due: (next_due >= 0).then(|| Timestamp::from_millis(next_due)),
            now: Timestamp::from_millis(now),
        })
    }

    async fn release(&self, shard: Shard, lease: LeaseId) -> Result<(), StoreError> {
        let mut call = self.call(&self.scripts.release, shard);
        call.arg(lease.0);
        self.invoke(&call).await
    }

    async fn recall(
        &self,
        shard: Shard,
        priority: WatchPriority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        let mut call = self.call(&self.scripts.recall, shard);
        call.arg(priority.index()).arg(millis(furthest));
        self.invoke(&call).await
    }

    async fn put_aside(
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

    async fn commit(&self, shard: Shard, step: &CommitStep) -> Result<Committed, StoreError> {
        let mut call = self.call(&self.scripts.commit, shard);
        call.arg(step.finished.len());
        for lease in &step.finished {
            call.arg(&lease.0);
        }
        for item in &step.items {
            let due = item
                .record
                .as_ref()
                .map_or(0, |record| record.due().as_millis());
            call.arg(field::bucket(&item.message_id))
                .arg(field::pack(&item.message_id))
                .arg(bytes(item.expected.as_ref()))
                .arg(bytes(item.record.as_ref()))
                .arg(item.priority.index())
                .arg(due)
                .arg(body(item.entry.as_ref()))
                .arg(item.entry.as_ref().map(kinds).unwrap_or_default());
        }
        let (unrouted, outcomes, places): (i64, Vec<Value>, Vec<String>) =
            self.invoke(&call).await?;
        let mut places = places.into_iter().map(LogPosition);
        let outcomes = outcomes.into_iter().map(|outcome| match outcome {
            Value::Int(1) => Ok(CommitOutcome::Done),
            Value::Int(0) => Ok(CommitOutcome::Conflict(None)),
            Value::Int(-1) => Ok(CommitOutcome::Unreadable),
            Value::BulkString(current) => Ok(Record::from_bytes(current)
                .map_or(CommitOutcome::Unreadable, |current| {
                    CommitOutcome::Conflict(Some(current))
                })),
            _ => Err(strange("a commit")),
        });
        Ok(Committed {
            outcomes: outcomes.collect::<Result<_, _>>()?,
            unrouted: u64::try_from(unrouted).unwrap_or(0),
            appended: places.next().map(|after| Appended {
                after,
                positions: places.collect(),
            }),
        })
    }

    /// Goes through shards and buckets; a cursor names the last one that was told.
    async fn watches(
        &self,
        request: &PageRequest,
    ) -> Result<Page<(MessageId, Record)>, StoreError> {
        let mut place = match &request.cursor {
            Some(text) => Place::parse(text, 2)?,
            None => Place::start(0, 2),
        };
        let mut items: Vec<(MessageId, Record)> = Vec::new();
        let mut n_looked_at = 0;
        while place.shard < self.shards
            && items.len() < request.limit
            && n_looked_at < MOST_LOOKED_AT
        {
            let bucket: u16 = match place.inner[0].as_str() {
                "" => 0,
                bucket => bucket.parse().map_err(|_| InvalidCursor)?,
            };
            let after = hex::decode(&place.inner[1]).map_err(|_| InvalidCursor)?;
            let mut call = self.call(&self.scripts.watches, Shard(place.shard));
            call.arg(bucket)
                .arg(after)
                .arg(request.limit - items.len())
                .arg(field::BUCKETS)
                .arg(WatchState::Removed.byte())
                .arg(LOOKED_AT_ONCE);
            let (next, after, found, looked_at): (i64, Vec<u8>, Vec<Vec<u8>>, usize) =
                self.invoke(&call).await?;
            n_looked_at += looked_at;
            items.extend(read(found).watches);
            place = match next {
                -1 => Place::start(place.shard + 1, 2),
                bucket => Place {
                    shard: place.shard,
                    inner: vec![bucket.to_string(), hex::encode(&after)],
                },
            };
        }
        let next = (place.shard < self.shards).then(|| place.text());
        Ok(Page { items, next })
    }

    async fn memo(&self, shard: Shard, name: &str) -> Result<Option<Memo>, StoreError> {
        self.read_memo(shard, name).await
    }

    async fn put_memo(
        &self,
        shard: Shard,
        name: &str,
        expected: Option<u64>,
        value: Vec<u8>,
        entries: Vec<NewEntry>,
    ) -> Result<bool, StoreError> {
        self.write_memo(shard, name, expected, &value, &entries)
            .await
    }

    async fn load_records(
        &self,
        shard: Shard,
        kind: RecordKind,
        ids: &[RecordId],
    ) -> Result<Vec<Option<KeptRecord>>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut call = self.call(&self.scripts.load_records, shard);
        call.arg(kind.as_str());
        for id in ids {
            call.arg(id.as_str());
        }
        let values: Vec<Vec<u8>> = self.invoke(&call).await?;
        let records = ids.iter().zip(values);
        Ok(records.map(|(id, value)| kept::read(id, &value)).collect())
    }

    async fn claim_records(
        &self,
        shard: Shard,
        kind: RecordKind,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedRecords, StoreError> {
        let claim = self
            .begin_claim(shard, Claimed::Records(kind), lease)
            .await?;
        let mut call = self.call(&self.scripts.claim_records, shard);
        call.arg(kind.as_str())
            .arg(limit)
            .arg(claim.lease)
            .arg(&*self.process)
            .arg(claim.number);
        let answer = self.invoke(&call).await;
        if answer.is_err() {
            self.lost(claim);
        }
        let (now, next_due, found): (i64, i64, Vec<Vec<u8>>) = answer?;
        Ok(ClaimedRecords {
            records: kept::read_all(&found),
            next_due: (next_due >= 0).then(|| Timestamp::from_millis(next_due)),
            now: Timestamp::from_millis(now),
        })
    }

    async fn commit_records(
        &self,
        shard: Shard,
        commits: &[RecordCommit],
    ) -> Result<RecordsCommitted, StoreError> {
        if commits.is_empty() {
            return Ok(RecordsCommitted::default());
        }
        let mut call = self.call(&self.scripts.commit_records, shard);
        for commit in commits {
            kept::add(&mut call, &commit.change);
            call.arg(commit.entries.len()).arg(commit.deliveries.len());
            for entry in &commit.entries {
                call.arg(&entry.body[..])
                    .arg(about(entry))
                    .arg(kinds(entry));
            }
            for delivery in &commit.deliveries {
                queues::add(&mut call, delivery)?;
            }
        }
        let (queued, done): (u64, Vec<u8>) = self.invoke(&call).await?;
        Ok(RecordsCommitted {
            done: done.into_iter().map(|done| done == 1).collect(),
            queued,
        })
    }

    /// Goes through the shards; a cursor names the last id that was looked at.
    async fn records(
        &self,
        kind: RecordKind,
        request: &PageRequest,
    ) -> Result<Page<KeptRecord>, StoreError> {
        let mut place = match &request.cursor {
            Some(text) => Place::parse(text, 1)?,
            None => Place::start(0, 1),
        };
        let mut items = Vec::new();
        while place.shard < self.shards && items.len() < request.limit {
            let mut call = self.call(&self.scripts.records, Shard(place.shard));
            call.arg(kind.as_str())
                .arg(&place.inner[0])
                .arg(request.limit - items.len());
            let (last, found): (String, Vec<Vec<u8>>) = self.invoke(&call).await?;
            items.extend(kept::read_all(&found));
            if last.is_empty() {
                place = Place::start(place.shard + 1, 1);
            } else {
                place.inner = vec![last];
            }
        }
        let next = (place.shard < self.shards).then(|| place.text());
        Ok(Page { items, next })
    }
}
