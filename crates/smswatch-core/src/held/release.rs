//! Begins the watches of messages that were held and not registered in time; reports what was held
//! of those that were registered meanwhile.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::MessageId;
use tokio_util::sync::CancellationToken;

use super::{Held, KIND};
use crate::backoff::Backoff;
use crate::budget::GROUP_LEASE;
use crate::context::Context;
use crate::inbox::changes::{Reply, Request};
use crate::inbox::due_times::DueTimes;
use crate::inbox::requests::{Requests, Wanted};
use crate::leased::Leased;
use crate::store::{KeptRecord, NewRecord, RecordChange, RecordCommit, Shard, StoreError};

/// How many messages are released at once.
const AT_ONCE: u32 = 128;

/// What releasing touches.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) context: Arc<Context>,
    pub(crate) requests: Requests,
    /// When each shard has a message whose time is over.
    pub(crate) due: Arc<DueTimes>,
}

/// Releases what is due until it is told to stop, each shard by itself.
pub(crate) async fn run(stage: Arc<Release>, stop: CancellationToken) {
    let shards = stage.context.shards();
    let released = shards.map(|shard| release_of_shard(&stage, shard, &stop));
    join_all(released).await;
}

async fn release_of_shard(stage: &Release, shard: Shard, stop: &CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let queue = usize::from(shard.0);
    let (due, clock) = (&stage.due, &stage.context.clock);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = due.wait_in(queue, clock) => {}
        }
        if !due.take(queue, clock.now()) {
            continue;
        }
        match release_due(stage, shard, stop).await {
            Ok(()) => backoff.succeed(),
            Err(_) => due.hint(queue, clock.now() + backoff.fail()),
        }
    }
}

/// Releases what is due in a shard, up to a bounded number of messages. What it does not get done is due again at once,
/// for another process if this one stops.
async fn release_due(
    stage: &Release,
    shard: Shard,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let context = &stage.context;
    let mut leased = Leased::begin(GROUP_LEASE);
    let claim = context
        .store
        .claim_records(shard, KIND, AT_ONCE, GROUP_LEASE);
    let claimed = context.call("claim_records", claim).await?;
    if let Some(next) = claimed.next_due {
        stage.due.hint(usize::from(shard.0), next);
    }
    while let Err(error) = release(stage, shard, &claimed.records).await {
        if let Err(error) = leased.pause(error, stop).await {
            give_back(stage, shard, &claimed.records).await?;
            return Err(error);
        }
    }
    Ok(())
}

/// Leaves records as they were, and ends their leases.
async fn give_back(
    stage: &Release,
    shard: Shard,
    records: &[KeptRecord],
) -> Result<(), StoreError> {
    let context = &stage.context;
    let ours = records.iter();
    let ours = ours.filter(|record| Held::decode(record).is_some());
    let back: Vec<RecordCommit> = ours.map(given_back).collect();
    let give_back = context.store.commit_records(shard, &back);
    context.call("commit_records", give_back).await.map(drop)
}

/// The change that leaves a claimed record as it was, and ends its lease.
fn given_back(record: &KeptRecord) -> RecordCommit {
    RecordCommit::from(RecordChange {
        kind: KIND,
        id: record.id.clone(),
        expected: Some(record.version),
        record: Some(NewRecord {
            due: record.due,
            body: record.body.clone(),
        }),
    })
}

async fn release(stage: &Release, shard: Shard, records: &[KeptRecord]) -> Result<(), StoreError> {
    let context = &stage.context;
    let held: Vec<(&KeptRecord, MessageId, Held)> = records
        .iter()
        .filter_map(|record| {
            let held = Held::decode(record);
            if held.is_none() {
                // A later version wrote it, which can read it.
                context.metrics.unreadable.inc();
            }
            let key = MessageId::new(record.id.as_str()).ok()?;
            Some((record, key, held?))
        })
        .collect();
    if held.is_empty() {
        return Ok(());
    }
    let keys: Vec<MessageId> = held.iter().map(|(_, key, _)| key.clone()).collect();
    let stored = stage.requests.load(shard, &keys).await?;
    let mut wanted = Vec::with_capacity(held.len());
    let mut removals = Vec::with_capacity(held.len());
    for ((record, key, held), stored) in held.into_iter().zip(stored) {
        // What this version cannot read is left to the one that wrote it, with what is held for it.
        let Ok(stored) = stored else { continue };
        wanted.push(Wanted::new(key, stored, Request::Adopt(Box::new(held))));
        removals.push(RecordCommit::from(RecordChange {
            kind: KIND,
            id: record.id.clone(),
            expected: Some(record.version),
            record: None,
        }));
    }
    let n_wanted = wanted.len();
    let replies = stage.requests.submit(shard, wanted).await?;
    let failed = replies.iter().find_map(|reply| match reply {
        Reply::Failed(error) => Some(error.clone()),
        // A later version has changed the watch meanwhile: it takes in what is held for it.
        Reply::Unreadable(key) => Some(StoreError::Unexpected(format!("the watch of {key}"))),
        _ => None,
    });
    if let Some(error) = failed {
        return Err(error);
    }
    debug_assert_eq!(replies.len(), n_wanted);
    // What a callback has added to meanwhile stays, and is released again.
    let remove = context.store.commit_records(shard, &removals);
    context.call("commit_records", remove).await.map(drop)
}
