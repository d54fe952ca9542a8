//! Promises about deliveries that wait for a later attempt and are wanted before it.

use std::time::Duration;

use smswatch_model::DeliveryId;
use smswatch_plugin::store::{
    ClaimedDelivery, DeliveryState, Outcome, Pick, Priority, Shard, Store,
};

use super::{LONG, StoreFixture, completion, delivery, until};

const SHARD: Shard = Shard(0);

async fn complete(store: &dyn Store, claimed: &ClaimedDelivery, outcome: Outcome) -> bool {
    let held = store
        .complete(SHARD, "crm", &[completion(claimed, outcome)])
        .await;
    held.expect("an answer").done == [true]
}

async fn due(store: &dyn Store, priority: Priority) -> Vec<ClaimedDelivery> {
    let claimed = store
        .claim_deliveries(SHARD, "crm", priority, Pick::Due(100), LONG)
        .await;
    claimed.expect("a claim").deliveries
}

async fn early(store: &dyn Store, priority: Priority) -> Option<ClaimedDelivery> {
    let claimed = store
        .claim_deliveries(SHARD, "crm", priority, Pick::First, LONG)
        .await;
    claimed.expect("a claim").deliveries.pop()
}

/// Queues a delivery that waits `delay` for its second attempt, and is older than the next one.
async fn failed(store: &dyn Store, n: u32, priority: Priority, delay: Duration) -> DeliveryId {
    let new = delivery(n, "crm", priority);
    let id = new.id.clone();
    store.enqueue(SHARD, new).await.expect("it is queued");
    let claimed = due(store, priority).await.pop().expect("it is due");
    assert!(complete(store, &claimed, Outcome::Retry(delay)).await);
    let queued = store.now(SHARD).await.expect("the time");
    until(async || store.now(SHARD).await.expect("the time") > queued).await;
    id
}

/// The one that would be first, once, and of the priority that was asked for.
pub async fn what_waits_for_a_later_attempt_can_be_claimed_early(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    assert!(early(&*store, Priority::Normal).await.is_none());
    let later = failed(&*store, 1, Priority::Normal, LONG * 2).await;
    let sooner = failed(&*store, 2, Priority::Normal, LONG).await;
    assert!(due(&*store, Priority::Normal).await.is_empty());
    assert!(early(&*store, Priority::Critical).await.is_none());
    let first = early(&*store, Priority::Normal).await.expect("one waits");
    assert_eq!((&first.id, first.attempts_made), (&sooner, 1));
    let second = early(&*store, Priority::Normal).await.expect("one waits");
    assert_eq!(second.id, later);
    assert!(early(&*store, Priority::Normal).await.is_none());
    for claimed in [first, second] {
        assert!(complete(&*store, &claimed, Outcome::Delivered).await);
        let found = store.delivery(&claimed.id).await.expect("an answer");
        assert_eq!(found.expect("kept").state, DeliveryState::Delivered);
    }
}

/// What somebody else works on stays with them, however long their lease is.
pub async fn what_is_claimed_is_not_claimed_early(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for n in 0..100 {
        let new = delivery(n, "crm", Priority::Normal);
        store.enqueue(SHARD, new).await.expect("it is queued");
    }
    let claimed = due(&*store, Priority::Normal).await;
    assert_eq!(claimed.len(), 100);
    assert!(early(&*store, Priority::Normal).await.is_none());
    let one = &claimed[50];
    assert!(complete(&*store, one, Outcome::Retry(LONG * 2)).await);
    let found = early(&*store, Priority::Normal).await.expect("it waits");
    assert_eq!(found.id, one.id);
    let short = store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::First, LONG);
    assert!(short.await.expect("a claim").deliveries.is_empty());
}

/// The oldest first, of both priorities; what somebody works on, and other sinks, are left alone.
pub async fn what_waits_is_made_due_in_the_order_of_its_age(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let old = failed(&*store, 3, Priority::Normal, LONG * 3).await;
    let young = failed(&*store, 1, Priority::Normal, LONG).await;
    let critical = failed(&*store, 2, Priority::Critical, LONG).await;
    let taken = failed(&*store, 4, Priority::Normal, Duration::ZERO).await;
    let [held] = &due(&*store, Priority::Normal).await[..] else {
        panic!("one is due");
    };
    assert_eq!(held.id, taken);
    assert_eq!(store.make_due(SHARD, "mail").await.expect("an answer"), 0);
    assert_eq!(store.make_due(SHARD, "crm").await.expect("an answer"), 3);
    assert_eq!(store.make_due(SHARD, "crm").await.expect("an answer"), 0);
    let normal = due(&*store, Priority::Normal).await;
    let ids = normal.iter().map(|claimed| &claimed.id);
    assert!(ids.eq([&old, &young]), "{normal:?}");
    assert_eq!(due(&*store, Priority::Critical).await[0].id, critical);
    assert!(complete(&*store, held, Outcome::Delivered).await);
}

/// In bounded steps, however much of it there is, and each of it once.
pub async fn all_that_waits_is_made_due_however_much_it_is(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let new: Vec<_> = (0..1_300)
        .map(|n| delivery(n, "crm", Priority::Normal))
        .collect();
    store.enqueue_all(SHARD, &new).await.expect("queued");
    let claim = async || {
        let claimed =
            store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(2_000), LONG);
        claimed.await.expect("a claim").deliveries
    };
    let later: Vec<_> = claim()
        .await
        .iter()
        .map(|claimed| completion(claimed, Outcome::Retry(LONG)))
        .collect();
    store
        .complete(SHARD, "crm", &later)
        .await
        .expect("completed");
    assert_eq!(claim().await.len(), 0);
    assert_eq!(
        store.make_due(SHARD, "crm").await.expect("an answer"),
        1_300
    );
    assert_eq!(claim().await.len(), 1_300);
}
