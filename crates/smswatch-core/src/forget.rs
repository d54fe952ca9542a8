//! Removes records that are kept for a time and then are of no use: marks of messages, throttles, the figures of
//! hours, and what sinks want to know again.

use crate::budget::REMOVAL_LEASE;
use crate::context::Context;
use crate::fired;
use crate::marks::{self, Mark};
use crate::remembered::{self, Remembered};
use crate::stats::{self, Hour, Open};
use crate::store::{KeptRecord, RecordChange, RecordCommit, RecordKind, Shard, StoreError};
use crate::throttle::{self, Slots};

/// How many records are removed at once.
const AT_ONCE: u32 = 500;

/// Removes what is over in a shard, a bounded number of each kind.
///
/// # Errors
///
/// The store is not there.
pub(crate) async fn forget(context: &Context, shard: Shard) -> Result<(), StoreError> {
    forget_kind(context, shard, marks::KIND, |record| {
        Mark::decode(&record.body).is_some()
    })
    .await?;
    let is_throttle = |record: &KeptRecord| Slots::decode(record).is_some();
    forget_kind(context, shard, throttle::KIND, is_throttle).await?;
    let are_figures = |record: &KeptRecord| {
        Hour::decode(&record.body).is_some() || Open::decode(&record.body).is_some()
    };
    forget_kind(context, shard, stats::KIND, are_figures).await?;
    let are_times = |record: &KeptRecord| fired::Hour::decode(&record.body).is_some();
    forget_kind(context, shard, fired::KIND, are_times).await?;
    let is_remembered = |record: &KeptRecord| Remembered::decode(record).is_some();
    forget_kind(context, shard, remembered::KIND, is_remembered).await
}

/// Removes records of `kind` that are due; those of a later version stay.
async fn forget_kind(
    context: &Context,
    shard: Shard,
    kind: RecordKind,
    is_readable: impl Fn(&KeptRecord) -> bool,
) -> Result<(), StoreError> {
    let claim = context
        .store
        .claim_records(shard, kind, AT_ONCE, REMOVAL_LEASE);
    let claimed = context.call("claim_records", claim).await?;
    let records = claimed.records.into_iter();
    let removals = records.filter(|record| is_readable(record));
    let removals = removals.map(|record| {
        RecordCommit::from(RecordChange {
            kind,
            id: record.id,
            expected: Some(record.version),
            record: None,
        })
    });
    let removals: Vec<RecordCommit> = removals.collect();
    if removals.is_empty() {
        return Ok(());
    }
    let commit = context.store.commit_records(shard, &removals);
    context.call("commit_records", commit).await.map(drop)
}
