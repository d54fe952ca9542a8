//! Promises about queues that are looked through without claiming, and about what is dead_lettered in them.

use std::time::Duration;

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, Completion, DeadLetter, DeliveryState, NewDelivery, Outcome, Pick, Priority,
    QueueRequest, QueueSlice, Redrive, Shard, Store,
};

use super::{LONG, StoreFixture, delivery, until};

const SHARD: Shard = Shard(0);

fn normal(limit: u32) -> QueueRequest {
    QueueRequest {
        priority: Priority::Normal,
        after: None,
        limit,
    }
}

async fn look(store: &dyn Store, request: QueueRequest) -> QueueSlice {
    let slice = store.peek(SHARD, "crm", request).await;
    slice.expect("a slice")
}

fn names(slice: &QueueSlice) -> Vec<DeliveryId> {
    let names = slice.deliveries.iter();
    names.map(|waiting| waiting.place.id.clone()).collect()
}

/// Queues deliveries together and waits until they are to be seen.
async fn queue(store: &dyn Store, deliveries: Vec<NewDelivery>) {
    let queued = store.enqueue_all(SHARD, &deliveries).await;
    queued.expect("queued");
    let queued = store.now(SHARD).await.expect("the time");
    until(async || store.now(SHARD).await.expect("the time") > queued).await;
}

fn of_crm(n: u32) -> NewDelivery {
    delivery(n, "crm", Priority::Normal)
}

fn full() -> Attempt {
    Attempt {
        at: Timestamp::from_seconds(1_777_636_800),
        result: "dead".to_owned(),
        detail: "queue_full".to_owned(),
    }
}

async fn dead_letter(store: &dyn Store, ids: &[&DeliveryId]) -> u64 {
    let dead_letters = ids.iter().map(|id| DeadLetter {
        id: (*id).clone(),
        fallback: None,
    });
    let dead_letters: Vec<_> = dead_letters.collect();
    let dead_lettered = store
        .dead_letter(SHARD, "crm", &dead_letters, &full())
        .await;
    let dead_lettered = dead_lettered.expect("an answer").done;
    assert_eq!(dead_lettered.len(), dead_letters.len());
    dead_lettered.into_iter().map(u64::from).sum()
}

async fn state(store: &dyn Store, id: &DeliveryId) -> DeliveryState {
    let found = store.delivery(id).await.expect("an answer");
    found.expect("it is there").state
}

/// Claims the normal one that is due first and writes what came of it.
async fn attempt(store: &dyn Store, outcome: Outcome) -> DeliveryId {
    attempt_one(store, Priority::Normal, outcome).await
}

async fn attempt_one(store: &dyn Store, priority: Priority, outcome: Outcome) -> DeliveryId {
    let claimed = store
        .claim_deliveries(SHARD, "crm", priority, Pick::Due(1), LONG)
        .await;
    let claimed = claimed.expect("a claim").deliveries.remove(0);
    let completion = Completion {
        id: claimed.id.clone(),
        token: claimed.token,
        outcome,
        attempt: full(),
        fallback: None,
    };
    let held = store.complete(SHARD, "crm", &[completion]).await;
    assert_eq!(held.expect("completed").done, [true]);
    claimed.id
}

/// A retry that is due late does not make a delivery younger.
pub async fn a_queue_is_looked_through_in_the_order_of_queueing(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for n in 0..3 {
        queue(&*store, vec![of_crm(n)]).await;
    }
    let critical = delivery(9, "crm", Priority::Critical);
    let elsewhere = delivery(8, "mail", Priority::Normal);
    queue(&*store, vec![critical.clone(), elsewhere]).await;
    // The critical one ends; the oldest is put off.
    attempt_one(&*store, Priority::Critical, Outcome::Delivered).await;
    let oldest = attempt(&*store, Outcome::Retry(Duration::from_secs(60))).await;
    assert_eq!(oldest, of_crm(0).id);
    let slice = look(&*store, normal(10)).await;
    assert_eq!(names(&slice), [0, 1, 2].map(|n| of_crm(n).id));
    assert!(slice.deliveries.iter().all(|waiting| !waiting.is_claimed));
    assert_eq!((slice.pending, slice.next), (3, None));
    let first = &slice.deliveries[0];
    let new = of_crm(0);
    assert_eq!(first.body, new.body);
    let found = store.delivery(&new.id).await.expect("found");
    assert_eq!(first.place.queued_at, found.expect("it is there").queued_at);
    // Queued again, it is the youngest.
    attempt(&*store, Outcome::Dead).await;
    let again = store
        .redrive_one(&of_crm(1).id, Redrive::Requeue, &[DeliveryState::Dead])
        .await;
    again.expect("queued again");
    until(async || look(&*store, normal(10)).await.deliveries.len() == 3).await;
    let slice = look(&*store, normal(10)).await;
    assert_eq!(names(&slice), [0, 2, 1].map(|n| of_crm(n).id));
}

/// Retries that wait long stand behind all others in the order of their due times.
pub async fn the_oldest_of_a_queue_is_told_however_late_it_is_due(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, vec![of_crm(0)]).await;
    assert_eq!(attempt(&*store, Outcome::Retry(LONG)).await, of_crm(0).id);
    queue(&*store, (1..40).map(of_crm).collect()).await;
    let found = store.delivery(&of_crm(0).id).await.expect("found");
    let oldest = found.expect("it is there").queued_at;
    let gauges = store.gauges().await.expect("counts");
    assert_eq!(gauges.queues[0].oldest, Some(oldest));
}

/// However many were queued in the same moment, each is in one slice.
pub async fn a_queue_is_looked_through_in_bounded_slices(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, (0..10).map(of_crm).collect()).await;
    queue(&*store, vec![of_crm(10)]).await;
    let mut found = Vec::new();
    let mut request = normal(3);
    loop {
        let slice = look(&*store, request.clone()).await;
        assert!(slice.deliveries.len() <= 3);
        assert_eq!(slice.pending, 11);
        found.extend(names(&slice));
        request.after = slice.next;
        if request.after.is_none() {
            break;
        }
    }
    assert_eq!(found, (0..11).map(|n| of_crm(n).id).collect::<Vec<_>>());
}

/// Whoever claimed a delivery is left to it until the lease ends.
pub async fn what_is_claimed_is_told_apart_and_not_dead_lettered(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, vec![of_crm(0)]).await;
    queue(&*store, vec![of_crm(1)]).await;
    let claimed = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(1), LONG)
        .await;
    assert_eq!(claimed.expect("a claim").deliveries[0].id, of_crm(0).id);
    let slice = look(&*store, normal(10)).await;
    assert_eq!(names(&slice), [of_crm(0).id, of_crm(1).id]);
    let claimed = slice.deliveries.iter().map(|waiting| waiting.is_claimed);
    assert!(claimed.eq([true, false]));
    assert_eq!(
        dead_letter(&*store, &[&of_crm(0).id, &of_crm(1).id]).await,
        1
    );
    assert_eq!(state(&*store, &of_crm(0).id).await, DeliveryState::Pending);

    let short = Duration::from_millis(1);
    queue(&*store, vec![of_crm(2)]).await;
    let claimed = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(1), short)
        .await;
    let claimed = claimed.expect("a claim").deliveries.remove(0);
    until(async || dead_letter(&*store, &[&of_crm(2).id]).await == 1).await;
    let completion = Completion {
        id: claimed.id,
        token: claimed.token,
        outcome: Outcome::Delivered,
        attempt: full(),
        fallback: None,
    };
    let held = store.complete(SHARD, "crm", &[completion]).await;
    assert_eq!(held.expect("an answer").done, [false]);
}

/// It is dead, says why, and is counted, found and queued again like any other.
pub async fn what_is_dead_lettered_is_dead_and_says_why(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, vec![of_crm(0)]).await;
    attempt(&*store, Outcome::Retry(LONG)).await;
    let id = of_crm(0).id;
    assert_eq!(dead_letter(&*store, &[&id]).await, 1);
    assert_eq!(dead_letter(&*store, &[&id]).await, 0, "once");
    let found = store.delivery(&id).await.expect("found");
    let found = found.expect("it is there");
    assert_eq!(found.state, DeliveryState::Dead);
    assert_eq!((found.attempts_made, found.next_attempt_at), (1, None));
    assert_eq!(found.attempts, [full(), full()]);
    let gauges = store.gauges().await.expect("counts");
    let gauge = gauges.queues.first().expect("a queue");
    assert_eq!((gauge.pending, gauge.dead), (0, 1));
    assert_eq!(look(&*store, normal(10)).await.deliveries, []);
    let again = store
        .redrive_one(&id, Redrive::Requeue, &[DeliveryState::Dead])
        .await;
    again.expect("queued again");
    let claimed = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(10), LONG)
        .await;
    assert_eq!(claimed.expect("a claim").deliveries.len(), 1);
}

/// Neither a critical one, nor one that has ended, nor one of another sink.
pub async fn only_what_waits_and_is_not_critical_is_dead_lettered(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let critical = delivery(1, "crm", Priority::Critical);
    let elsewhere = delivery(2, "mail", Priority::Normal);
    queue(&*store, vec![of_crm(0)]).await;
    attempt(&*store, Outcome::Delivered).await;
    queue(&*store, vec![critical.clone(), elsewhere.clone()]).await;
    let unknown = delivery(3, "crm", Priority::Normal);
    let ids = [&of_crm(0).id, &critical.id, &elsewhere.id, &unknown.id];
    assert_eq!(dead_letter(&*store, &ids).await, 0);
    assert_eq!(state(&*store, ids[0]).await, DeliveryState::Delivered);
    for id in &ids[1..3] {
        assert_eq!(state(&*store, id).await, DeliveryState::Pending);
    }
}
