//! Records that count by the hour: each shard has one for each hour in which something happened, for a week.

use std::time::Duration;

use serde::Serialize;
use smswatch_model::Timestamp;

use crate::context::Context;
use crate::form;
use crate::store::{KeptRecord, NewRecord, RecordChange, RecordId, RecordKind, Shard, StoreError};

/// How many milliseconds an hour has.
const HOUR: i64 = 3_600_000;

/// How far back the records go, in hours.
const MOST: i64 = 7 * 24;

/// How far back the records go.
pub(crate) const LONGEST: Duration = Duration::from_secs(MOST.unsigned_abs() * 3600);

/// How many records of a shard are read at once.
pub(crate) const AT_ONCE: usize = 32;

/// The number of the hour of this moment, since 1970.
pub(crate) fn number(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(HOUR)
}

/// When the hour of this number began.
pub(crate) fn begin(number: i64) -> Timestamp {
    Timestamp::from_millis(number.saturating_mul(HOUR))
}

/// The numbers of the hours in the last `window`, a week at most. The first of them may have begun before it.
pub(crate) fn of_window(window: Duration, now: Timestamp) -> Vec<i64> {
    let first = number(now - window).max(number(now) - MOST);
    (first..=number(now)).collect()
}

/// Until when the record of an hour is kept: one hour more, so that the first hour of the longest window is whole.
fn kept_until(hour: i64) -> Timestamp {
    begin(hour.saturating_add(MOST + 2))
}

/// A kind of record, and how its content is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind<T> {
    kind: RecordKind,
    format: u8,
    decode: fn(&[u8]) -> Option<T>,
}

impl<T> Kind<T> {
    pub(crate) const fn new(kind: RecordKind, format: u8, decode: fn(&[u8]) -> Option<T>) -> Self {
        Self {
            kind,
            format,
            decode,
        }
    }
}

/// A record as the store holds it; empty if the store has none.
#[derive(Debug)]
pub(crate) struct Stored<T> {
    kind: RecordKind,
    format: u8,
    id: RecordId,
    /// Which version of it was read.
    pub(crate) version: Option<u64>,
    pub(crate) content: T,
}

impl<T: Serialize> Stored<T> {
    /// The change that writes the record, to be kept as long as what is known of this hour.
    pub(crate) fn change(self, hour: i64) -> RecordChange {
        RecordChange {
            kind: self.kind,
            id: self.id,
            expected: self.version,
            record: Some(NewRecord {
                due: Some(kept_until(hour)),
                body: form::encode(self.format, &self.content),
            }),
        }
    }
}

impl<T: Default> Kind<T> {
    /// The records of the hours of these numbers, in their order.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn read_hours(
        &self,
        context: &Context,
        shard: Shard,
        numbers: &[i64],
    ) -> Result<Vec<Stored<T>>, StoreError> {
        let names: Vec<String> = numbers.iter().map(i64::to_string).collect();
        self.read(context, shard, &names).await
    }

    /// The records of these names, in their order. If a later version wrote one, this version keeps its own beside it.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn read(
        &self,
        context: &Context,
        shard: Shard,
        names: &[String],
    ) -> Result<Vec<Stored<T>>, StoreError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<RecordId> = names.iter().map(|name| id(name)).collect();
        let records = self.load(context, shard, &ids).await?;
        let mut stored = Vec::with_capacity(ids.len());
        for (own, record) in ids.into_iter().zip(records) {
            let is_newer = |record: &KeptRecord| (self.decode)(&record.body).is_none();
            let (id, record) = match record {
                Some(record) if is_newer(&record) => {
                    context.metrics.unreadable.inc();
                    let beside = [id(&format!("{}.{}", own.as_str(), self.format))];
                    let record = self.load(context, shard, &beside).await?.pop().flatten();
                    let [beside] = beside;
                    (beside, record)
                }
                record => (own, record),
            };
            let content = record
                .as_ref()
                .and_then(|record| (self.decode)(&record.body));
            stored.push(Stored {
                kind: self.kind,
                format: self.format,
                id,
                version: record.map(|record| record.version),
                content: content.unwrap_or_default(),
            });
        }
        Ok(stored)
    }

    async fn load(
        &self,
        context: &Context,
        shard: Shard,
        ids: &[RecordId],
    ) -> Result<Vec<Option<KeptRecord>>, StoreError> {
        let load = context.store.load_records(shard, self.kind, ids);
        context.call("load_records", load).await
    }
}

fn id(text: &str) -> RecordId {
    RecordId::new(text).expect("a number or a word in ASCII")
}
