//! What the promises about stores write, and how they claim it.

use std::time::Duration;

use smswatch_model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Attempt, ClaimedDelivery, ClaimedWatches, CommitItem, CommitStep, Completion, NewDelivery,
    Outcome, Priority, Shard, Store, WatchPriority, shard_of,
};

use crate::PATIENCE;

/// An id that belongs to `shard`.
pub(super) fn id_in(store: &dyn Store, shard: Shard, n: u32) -> MessageId {
    (0..)
        .map(|salt| format!("message-{n}-{salt}"))
        .find(|id| shard_of(id, store.shard_count()) == shard)
        .map(|id| MessageId::new(id).expect("a valid id"))
        .expect("every shard has ids")
}

/// A record of a watch that goes on.
pub fn record(due: Timestamp, body: &[u8]) -> Record {
    Record::new(WatchState::Watching, due, body)
}

/// Replaces what is known of one watch.
pub fn put(id: &MessageId, expected: Option<&Record>, record: Option<&Record>) -> CommitItem {
    CommitItem {
        message_id: id.clone(),
        expected: expected.cloned(),
        record: record.cloned(),
        priority: WatchPriority::New,
        entry: None,
    }
}

/// A step that ends no lease.
pub fn step(items: Vec<CommitItem>) -> CommitStep {
    CommitStep {
        items,
        finished: Vec::new(),
    }
}

/// Writes a new watch and returns its record.
pub async fn add(store: &dyn Store, id: &MessageId, due: Timestamp) -> Record {
    let shard = shard_of(id.as_str(), store.shard_count());
    let record = record(due, b"body");
    store
        .commit(shard, &step(vec![put(id, None, Some(&record))]))
        .await
        .expect("a commit");
    record
}

/// Claims up to ten new watches of a shard.
pub async fn claim_new(store: &dyn Store, shard: Shard, lease: Duration) -> ClaimedWatches {
    let claimed = store.claim(shard, WatchPriority::New, 10, lease).await;
    claimed.expect("a claim")
}

/// A delivery of its own for each number.
pub fn delivery(n: u32, sink: &str, priority: Priority) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(format!("dlv_{n:04}")).expect("a valid id"),
        sink: sink.to_owned(),
        rule: "rule".to_owned(),
        priority,
        message_ids: vec![MessageId::new(format!("m{n}")).expect("a valid id")],
        body: vec![1, 0, 255, 10],
        suppressed: None,
    }
}

/// What came of an attempt that says which one it was.
pub fn completion(claimed: &ClaimedDelivery, outcome: Outcome) -> Completion {
    let attempt = Attempt {
        at: Timestamp::from_seconds(1_777_636_800),
        result: "x".to_owned(),
        detail: format!("attempt {} \"quoted\"\nline", claimed.attempts_made),
    };
    Completion {
        id: claimed.id.clone(),
        token: claimed.token,
        outcome,
        attempt,
        fallback: None,
    }
}

/// Waits until `condition` holds.
pub(super) async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let begun = tokio::time::Instant::now();
    while begun.elapsed() < PATIENCE {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the condition did not come true");
}
