//! The records of hours: a shard has one for each hour in which a rule fired, and keeps it for a week.

use std::time::Duration;

use futures::future::try_join_all;
use smswatch_model::Timestamp;

use super::{FORMAT, Hour, KIND};
use crate::context::Context;
use crate::form;
use crate::store::{KeptRecord, NewRecord, RecordChange, RecordId, Shard, StoreError};

/// How many milliseconds an hour has.
const HOUR: i64 = 3_600_000;

/// The longest time of which there are figures, in hours.
pub(super) const MOST: i64 = 7 * 24;

/// How many hours of a shard are read at once.
const AT_ONCE: usize = 32;

/// The number of the hour of this moment, since 1970.
pub(super) fn number(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(HOUR)
}

/// When the hour of this number began.
pub(super) fn begin(number: i64) -> Timestamp {
    Timestamp::from_millis(number.saturating_mul(HOUR))
}

/// The numbers of the hours in the last `window`, the first of which may have begun before it; a week at most.
pub(super) fn of_window(window: Duration, now: Timestamp) -> Vec<i64> {
    let first = number(now - window).max(number(now) - MOST);
    (first..=number(now)).collect()
}

/// An hour as the store holds it.
struct Stored {
    id: RecordId,
    version: Option<u64>,
    hour: Hour,
}

impl Stored {
    /// One that the store does not hold yet.
    fn new(number: i64) -> Self {
        Self {
            id: id(&number.to_string()),
            version: None,
            hour: Hour::default(),
        }
    }
}

/// The change that a route step of `shard` takes along: `add` puts what happened into the record of the hour of `now`.
///
/// # Errors
///
/// The store is not there.
pub(super) async fn change(
    context: &Context,
    shard: Shard,
    now: Timestamp,
    add: impl FnOnce(&mut Hour),
) -> Result<RecordChange, StoreError> {
    let number = number(now);
    let stored = read(context, shard, &[number]).await?.pop();
    let mut stored = stored.unwrap_or_else(|| Stored::new(number));
    add(&mut stored.hour);
    Ok(RecordChange {
        kind: KIND,
        id: stored.id,
        expected: stored.version,
        record: Some(NewRecord {
            // One hour more, so that the first hour of the longest window is whole.
            due: Some(begin(number.saturating_add(MOST + 2))),
            body: form::encode(FORMAT, &stored.hour),
        }),
    })
}

/// What all shards counted in the hours of these numbers, each with when it began.
///
/// # Errors
///
/// The store is not there.
pub(super) async fn read_all(
    context: &Context,
    numbers: &[i64],
) -> Result<Vec<(Timestamp, Hour)>, StoreError> {
    let shards = context.shards().map(|shard| async move {
        let mut hours = Vec::with_capacity(numbers.len());
        for numbers in numbers.chunks(AT_ONCE) {
            let stored = read(context, shard, numbers).await?;
            let begins = numbers.iter().map(|number| begin(*number));
            hours.extend(begins.zip(stored.into_iter().map(|stored| stored.hour)));
        }
        Ok::<_, StoreError>(hours)
    });
    Ok(try_join_all(shards).await?.into_iter().flatten().collect())
}

/// The records of `hours`, in their order. Beside one that a later version wrote, this version keeps its own.
async fn read(context: &Context, shard: Shard, hours: &[i64]) -> Result<Vec<Stored>, StoreError> {
    if hours.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<RecordId> = hours.iter().map(|hour| id(&hour.to_string())).collect();
    let records = load(context, shard, &ids).await?;
    let mut stored = Vec::with_capacity(ids.len());
    for (own, record) in ids.into_iter().zip(records) {
        let is_newer = |record: &KeptRecord| Hour::decode(&record.body).is_none();
        let (id, record) = match record {
            Some(record) if is_newer(&record) => {
                context.metrics.unreadable.inc();
                let beside = [id(&format!("{}.{}", own.as_str(), FORMAT))];
                let record = load(context, shard, &beside).await?.pop().flatten();
                let [beside] = beside;
                (beside, record)
            }
            record => (own, record),
        };
        let hour = record
            .as_ref()
            .and_then(|record| Hour::decode(&record.body));
        stored.push(Stored {
            id,
            version: record.map(|record| record.version),
            hour: hour.unwrap_or_default(),
        });
    }
    Ok(stored)
}

async fn load(
    context: &Context,
    shard: Shard,
    ids: &[RecordId],
) -> Result<Vec<Option<KeptRecord>>, StoreError> {
    let load = context.store.load_records(shard, KIND, ids);
    context.call("load_records", load).await
}

fn id(text: &str) -> RecordId {
    RecordId::new(text).expect("it is a number")
}
