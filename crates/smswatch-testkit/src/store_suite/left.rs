//! Promises about deliveries that a later version wrote, and about those that wait for too long.

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Bound, DeadLetter, DeliveryFilter, DeliveryState, HistoryBounds, Outcome, PageRequest, Pick,
    Priority, QueueRequest, Redrive, RedriveOutcome, Shard, Store,
};

use super::deliveries::{claim, complete};
use super::{LONG, StoreFixture, completion, delivery, until};

const SHARD: Shard = Shard(0);

/// Queues `count` deliveries, and returns their names.
async fn queue(store: &dyn Store, count: u32) -> Vec<DeliveryId> {
    let new: Vec<_> = (1..=count)
        .map(|n| delivery(n, "crm", Priority::Normal))
        .collect();
    store.enqueue_all(SHARD, &new).await.expect("queued");
    let queued_at = store.now(SHARD).await.expect("the time");
    until(async || store.now(SHARD).await.expect("the time") > queued_at).await;
    new.into_iter().map(|one| one.id).collect()
}

/// Leaves all that is due to a later version.
async fn leave_all(store: &dyn Store) {
    let claimed = claim(store, "crm", LONG).await;
    let left: Vec<_> = claimed
        .iter()
        .map(|one| completion(one, Outcome::Left))
        .collect();
    let done = store.complete(SHARD, "crm", &left).await;
    assert_eq!(done.expect("completed").done, vec![true; left.len()]);
}

async fn waiting(store: &dyn Store) -> (u64, usize) {
    let request = QueueRequest {
        priority: Priority::Normal,
        after: None,
        limit: 100,
    };
    let slice = store.peek(SHARD, "crm", request).await;
    let slice = slice.expect("a slice");
    (slice.pending, slice.deliveries.len())
}

/// What is left to a later version is pending, is shown, and is in the way of nothing.
pub async fn what_is_left_to_a_later_version_stays_pending_in_nobodys_way(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    let newer = queue(&*store, 3).await;
    leave_all(&*store).await;
    store
        .enqueue(SHARD, delivery(4, "crm", Priority::Normal))
        .await
        .expect("queued");
    let queued_at = store.now(SHARD).await.expect("the time");
    until(async || store.now(SHARD).await.expect("the time") > queued_at).await;

    assert_eq!(store.make_due(SHARD, "crm").await.expect("an answer"), 0);
    assert_eq!(waiting(&*store).await, (1, 1), "it counts for no bound");
    let claimed = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(100), LONG)
        .await
        .expect("a claim");
    assert_eq!(claimed.deliveries.len(), 1, "it is not offered at once");
    assert_eq!(claimed.left, 3);
    assert!(claimed.next_due.is_some_and(|due| due > claimed.now));
    assert!(complete(&*store, "crm", &claimed.deliveries[0], Outcome::Delivered).await);
    let early = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::First, LONG)
        .await
        .expect("a claim");
    assert!(early.deliveries.is_empty(), "it probes nothing");

    let dead_letters: Vec<_> = newer
        .iter()
        .map(|id| DeadLetter {
            id: id.clone(),
            fallback: None,
        })
        .collect();
    let attempt = completion(&claimed.deliveries[0], Outcome::Dead).attempt;
    let dead_lettered = store
        .dead_letter(SHARD, "crm", &dead_letters, &attempt)
        .await;
    assert_eq!(dead_lettered.expect("an answer").done, [false; 3]);
    let nothing = Bound {
        keep_for: std::time::Duration::ZERO,
        max: 0,
    };
    let bounds = HistoryBounds {
        events: nothing,
        deliveries: nothing,
        dead: nothing,
    };
    store.trim(SHARD, &bounds).await.expect("a trim");

    let gauges = store.gauges().await.expect("counts");
    let crm = gauges.queues.iter().find(|queue| queue.sink == "crm");
    let crm = crm.expect("it is counted");
    assert_eq!((crm.pending, crm.left, crm.dead), (0, 3, 0));
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    for since in [None, Some(Timestamp::from_seconds(1))] {
        let filter = DeliveryFilter {
            state: Some(DeliveryState::Pending),
            sink: Some("crm".to_owned()),
            since,
            ..DeliveryFilter::default()
        };
        let shown = store.deliveries(&filter, &page).await.expect("a page");
        let mut shown: Vec<_> = shown.items.into_iter().map(|one| one.id).collect();
        shown.sort();
        assert_eq!(shown, newer);
    }
    for id in &newer {
        let found = store.delivery(id).await.expect("found");
        let found = found.expect("it is there");
        assert_eq!(found.state, DeliveryState::Pending);
        assert_eq!((found.attempts_made, found.attempts), (0, vec![]));
        assert_eq!(found.body, [1, 0, 255, 10]);
    }
    // A person may do with it what they like.
    let forgotten = store.redrive_one(&newer[0], Redrive::Forget, &[DeliveryState::Pending]);
    let forgotten = forgotten.await.expect("an answer");
    assert!(matches!(forgotten, RedriveOutcome::Done { .. }));
    assert_eq!(store.delivery(&newer[0]).await.expect("found"), None);
    let requeued = store.redrive_one(&newer[1], Redrive::Requeue, &[DeliveryState::Pending]);
    let requeued = requeued.await.expect("an answer");
    assert!(matches!(requeued, RedriveOutcome::Done { .. }));
    let claimed = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(100), LONG)
        .await
        .expect("a claim");
    let ids: Vec<_> = claimed.deliveries.iter().map(|one| &one.id).collect();
    assert_eq!((ids, claimed.left), (vec![&newer[1]], 1));
}

/// What waits can be left by whoever looks at a queue, and what somebody attempts is theirs.
pub async fn what_waits_is_left_unless_somebody_has_claimed_it(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let ids = queue(&*store, 3).await;
    let claimed = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(1), LONG)
        .await
        .expect("a claim");
    let claimed = &claimed.deliveries[0];
    let unknown = delivery(9, "crm", Priority::Normal).id;
    let asked = [claimed.id.clone(), ids[1].clone(), ids[2].clone(), unknown];
    for expected in [2, 0] {
        let left = store.leave_deliveries(SHARD, "crm", Priority::Normal, &asked);
        assert_eq!(left.await.expect("an answer"), expected);
    }
    assert_eq!(waiting(&*store).await, (1, 1));
    assert!(complete(&*store, "crm", claimed, Outcome::Delivered).await);
    let gauges = store.gauges().await.expect("counts");
    assert_eq!((gauges.queues[0].pending, gauges.queues[0].left), (0, 2));
}

/// What a clock that was far ahead has scheduled, or claimed, is due when it is recalled; nothing else is.
pub async fn a_delivery_that_waits_for_longer_than_it_can_is_recalled(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, 3).await;
    let years = 1000 * LONG;
    let recall = || store.recall_deliveries(SHARD, "crm", Priority::Normal, 10 * LONG);
    let far = claim(&*store, "crm", years).await;
    assert_eq!(recall().await.expect("an answer"), 3, "leases, too");
    assert!(
        !complete(&*store, "crm", &far[0], Outcome::Delivered).await,
        "they end"
    );
    let again = claim(&*store, "crm", LONG).await;
    assert_eq!(again.len(), 3);
    let delays = [years, LONG, years];
    let retries = again.iter().zip(delays);
    let retries: Vec<_> = retries
        .map(|(one, delay)| completion(one, Outcome::Retry(delay)))
        .collect();
    let done = store.complete(SHARD, "crm", &retries).await;
    assert_eq!(done.expect("completed").done, [true; 3]);
    for expected in [2, 0] {
        assert_eq!(recall().await.expect("an answer"), expected);
    }
    let due = claim(&*store, "crm", LONG).await;
    let due: Vec<_> = due
        .into_iter()
        .map(|one| (one.id, one.attempts_made))
        .collect();
    assert_eq!(due, [(again[0].id.clone(), 1), (again[2].id.clone(), 1)]);
}
