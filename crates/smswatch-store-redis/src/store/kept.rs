//! Records of other kinds than watches: load, claim, commit, page.

use std::time::Duration;

use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{
    ClaimedRecords, KeptRecord, Page, PageRequest, RecordChange, RecordCommit, RecordId,
    RecordKind, RecordsCommitted, Shard, StoreError,
};

use super::{RedisStore, about, kinds, millis, queue};
use crate::call::Call;
use crate::delivery::text;
use crate::page::Place;

/// What every value of this format begins with.
const FORMAT: &str = "1";

/// Adds a change to the arguments of a script.
fn add(call: &mut Call<'_>, change: &RecordChange) {
    let expected = change.expected.map(|version| version.to_string());
    let record = change.record.as_ref();
    let due = record.and_then(|record| record.due);
    let due = due.map(|due| due.as_millis().to_string());
    call.arg(change.kind.as_str())
        .arg(change.id.as_str())
        .arg(expected.unwrap_or_default())
        .arg(due.unwrap_or_default())
        .arg(record.map_or(&[][..], |record| &record.body));
}

/// Adds the changes of one step to the arguments of a script.
pub(super) fn add_all(call: &mut Call<'_>, changes: &[RecordChange]) {
    for change in changes {
        add(call, change);
    }
}

/// Reads a value; `None` if there is none. One of a later version is a record without a body, which nobody can read, and of
/// a version that no change can expect: it is seen, and left alone.
fn read(id: &RecordId, value: &[u8]) -> Option<KeptRecord> {
    (!value.is_empty()).then(|| {
        read_known(id, value).unwrap_or_else(|| KeptRecord {
            id: id.clone(),
            version: 0,
            due: None,
            body: Vec::new(),
        })
    })
}

fn read_known(id: &RecordId, value: &[u8]) -> Option<KeptRecord> {
    let end = value.iter().position(|byte| *byte == b'\n')?;
    let mut words = text(&value[..end]).ok()?.split(' ');
    let (format, version, due) = (words.next()?, words.next()?, words.next()?);
    let due = match due {
        "" => None,
        millis => Some(Timestamp::from_millis(millis.parse().ok()?)),
    };
    Some(KeptRecord {
        id: id.clone(),
        version: (format == FORMAT).then(|| version.parse().ok())??,
        due,
        body: value[end + 1..].to_vec(),
    })
}

/// Reads ids and values, without what cannot be read.
fn read_all(rows: &[Vec<u8>]) -> Vec<KeptRecord> {
    let rows = rows.chunks_exact(2);
    let records = rows.filter_map(|row| {
        let id = RecordId::new(text(&row[0]).ok()?).ok()?;
        read(&id, &row[1])
    });
    records.collect()
}

impl RedisStore {
    pub(super) async fn load_kept(
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
        Ok(records.map(|(id, value)| read(id, &value)).collect())
    }

    pub(super) async fn claim_kept(
        &self,
        shard: Shard,
        kind: RecordKind,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedRecords, StoreError> {
        let mut call = self.call(&self.scripts.claim_records, shard);
        call.arg(kind.as_str()).arg(limit).arg(millis(lease));
        let (now, next_due, found): (i64, i64, Vec<Vec<u8>>) = self.invoke(&call).await?;
        Ok(ClaimedRecords {
            records: read_all(&found),
            next_due: (next_due >= 0).then(|| Timestamp::from_millis(next_due)),
            now: Timestamp::from_millis(now),
        })
    }

    pub(super) async fn commit_kept(
        &self,
        shard: Shard,
        commits: &[RecordCommit],
    ) -> Result<RecordsCommitted, StoreError> {
        if commits.is_empty() {
            return Ok(RecordsCommitted::default());
        }
        let mut call = self.call(&self.scripts.commit_records, shard);
        for commit in commits {
            add(&mut call, &commit.change);
            call.arg(commit.entries.len()).arg(commit.deliveries.len());
            for entry in &commit.entries {
                call.arg(&entry.body[..])
                    .arg(about(entry))
                    .arg(kinds(entry));
            }
            for delivery in &commit.deliveries {
                queue::add(&mut call, delivery)?;
            }
        }
        let (queued, done): (u64, Vec<u8>) = self.invoke(&call).await?;
        Ok(RecordsCommitted {
            done: done.into_iter().map(|done| done == 1).collect(),
            queued,
        })
    }

    /// Goes through the shards; a cursor names the last id that was looked at.
    pub(super) async fn page_of_kept(
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
            items.extend(read_all(&found));
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
