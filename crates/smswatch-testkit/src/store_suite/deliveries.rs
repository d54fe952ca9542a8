//! Promises about deliveries: queues, leases, tokens, attempts, pages.

use std::time::Duration;

use smswatch_plugin::store::{
    Attempt, ClaimedDelivery, DeliveryState, Outcome, Pick, Priority, Shard, Store,
};

use super::{LONG, StoreFixture, completion, delivery, until};

const SHARD: Shard = Shard(0);

pub(super) async fn claim(store: &dyn Store, sink: &str, lease: Duration) -> Vec<ClaimedDelivery> {
    let claimed = store
        .claim_deliveries(SHARD, sink, Priority::Normal, Pick::Due(100), lease)
        .await
        .expect("a claim");
    claimed.deliveries
}

pub(super) async fn complete(
    store: &dyn Store,
    sink: &str,
    claimed: &ClaimedDelivery,
    outcome: Outcome,
) -> bool {
    let completions = vec![completion(claimed, outcome)];
    store
        .complete(SHARD, sink, &completions)
        .await
        .expect("completed")
        .done
        .remove(0)
}

/// The same delivery queued again stays as it is.
pub async fn a_delivery_is_queued_once(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let of_mail = delivery(2, "mail", Priority::Normal);
    let delivery = delivery(1, "crm", Priority::Normal);
    store
        .enqueue(SHARD, delivery.clone())
        .await
        .expect("queued");
    let claimed = claim(&*store, "crm", LONG).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].body, delivery.body);
    assert!(complete(&*store, "crm", &claimed[0], Outcome::Delivered).await);
    let again = vec![delivery.clone(), of_mail.clone(), of_mail];
    let added = store.enqueue_all(SHARD, &again).await;
    assert_eq!(added.expect("queued"), 1);
    assert!(claim(&*store, "crm", LONG).await.is_empty());
    let found = store
        .delivery(&delivery.id)
        .await
        .expect("found")
        .expect("it is there");
    assert_eq!(
        (found.state, found.next_attempt_at),
        (DeliveryState::Delivered, None)
    );
}

/// Whoever wants critical ones gets none of the others, and the other way round.
pub async fn deliveries_are_claimed_by_priority_the_earliest_first(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let queue = [
        (4, Priority::Normal),
        (3, Priority::Normal),
        (2, Priority::Critical),
        (1, Priority::Normal),
    ];
    for (n, priority) in queue {
        let queued = store.enqueue(SHARD, delivery(n, "crm", priority)).await;
        queued.expect("queued");
        let queued_at = store.now(SHARD).await.expect("the time");
        until(async || store.now(SHARD).await.expect("the time") > queued_at).await;
    }
    for (priority, expected, has_more) in [
        (Priority::Normal, ["dlv_0004", "dlv_0003"].as_slice(), true),
        (Priority::Critical, &["dlv_0002"], false),
        (Priority::Normal, &["dlv_0001"], false),
    ] {
        let claimed = store
            .claim_deliveries(SHARD, "crm", priority, Pick::Due(2), LONG)
            .await
            .expect("a claim");
        let ids = claimed.deliveries.iter().map(|one| one.id.as_str());
        assert_eq!(ids.collect::<Vec<_>>(), expected);
        let due = claimed.next_due.expect("what is claimed comes again");
        assert_eq!(due <= claimed.now, has_more);
    }
}

/// Each priority has its own due time, so that no claim is made for nothing.
pub async fn the_next_due_time_is_that_of_the_priority(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let queued = store
        .enqueue(SHARD, delivery(1, "crm", Priority::Normal))
        .await;
    queued.expect("queued");
    let critical = store
        .claim_deliveries(SHARD, "crm", Priority::Critical, Pick::Due(10), LONG)
        .await
        .expect("a claim");
    assert_eq!((critical.deliveries, critical.next_due), (vec![], None));
    let normal = claim(&*store, "crm", LONG).await.remove(0);
    assert!(complete(&*store, "crm", &normal, Outcome::Retry(LONG)).await);
    let queued = store
        .enqueue(SHARD, delivery(2, "crm", Priority::Critical))
        .await;
    queued.expect("queued");
    let normal = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(10), LONG)
        .await
        .expect("a claim");
    assert_eq!(normal.deliveries, []);
    assert!(normal.next_due.is_some_and(|due| due > normal.now));
}

/// Nobody else gets it meanwhile; afterwards it comes again, under another token.
pub async fn a_claimed_delivery_belongs_to_its_claimer_until_the_lease_ends(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    store
        .enqueue(SHARD, delivery(1, "crm", Priority::Normal))
        .await
        .expect("queued");
    let first = claim(&*store, "crm", LONG).await.remove(0);
    assert!(claim(&*store, "crm", LONG).await.is_empty());
    assert!(complete(&*store, "crm", &first, Outcome::Retry(Duration::ZERO)).await);
    let second = claim(&*store, "crm", Duration::from_millis(30))
        .await
        .remove(0);
    assert_eq!(second.attempts_made, 1);
    until(async || {
        let claimed = claim(&*store, "crm", LONG).await;
        claimed
            .first()
            .is_some_and(|third| third.token != second.token)
    })
    .await;
}

/// What was claimed and not attempted is as if nobody had claimed it.
pub async fn a_delivery_that_goes_back_is_due_at_once_without_an_attempt(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    let new = delivery(1, "crm", Priority::Normal);
    store.enqueue(SHARD, new.clone()).await.expect("queued");
    let first = claim(&*store, "crm", LONG).await.remove(0);
    assert!(complete(&*store, "crm", &first, Outcome::Returned).await);
    assert!(!complete(&*store, "crm", &first, Outcome::Delivered).await);
    let second = claim(&*store, "crm", LONG).await.remove(0);
    assert_eq!(second.attempts_made, 0);
    let found = store.delivery(&new.id).await.expect("found");
    let found = found.expect("it is there");
    assert_eq!(
        (found.state, found.attempts),
        (DeliveryState::Pending, vec![])
    );
}

/// What is not to be attempted for now waits, and keeps the attempts that it had.
pub async fn a_postponed_delivery_is_due_after_its_delay_without_an_attempt(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    let new = delivery(1, "crm", Priority::Normal);
    store.enqueue(SHARD, new.clone()).await.expect("queued");
    let first = claim(&*store, "crm", LONG).await.remove(0);
    assert!(complete(&*store, "crm", &first, Outcome::Postponed(LONG)).await);
    assert!(claim(&*store, "crm", LONG).await.is_empty());
    let found = store.delivery(&new.id).await.expect("found");
    let found = found.expect("it is there");
    assert_eq!(
        (found.state, found.attempts_made, found.attempts),
        (DeliveryState::Pending, 0, vec![])
    );
    let due = found.next_attempt_at.expect("it waits");
    assert!(due.since(store.now(SHARD).await.expect("a clock")) > LONG / 2);
}

/// What one step queues for a sink is claimed in the order in which the step names it, and behind what
/// an earlier step queued; what goes back unattempted is claimed in that order again.
pub async fn what_is_queued_together_is_claimed_in_its_order(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    // The names are in no order.
    let number = |n: u32| n * 7919 % 1009;
    let all: Vec<_> = (1..=60)
        .map(|n| delivery(number(n), "crm", Priority::Normal))
        .collect();
    let expected: Vec<_> = all.iter().map(|one| one.id.clone()).collect();
    for step in all.chunks(20) {
        let queued = store.enqueue_all(SHARD, step).await.expect("queued");
        assert_eq!(queued, 20);
    }
    let (mut claimed, mut ids) = (Vec::new(), Vec::new());
    while claimed.len() < 60 {
        let more = store
            .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(7), LONG)
            .await
            .expect("a claim");
        ids.extend(more.deliveries.iter().map(|one| one.id.clone()));
        claimed.extend(more.deliveries);
    }
    assert_eq!(ids, expected);
    let returned = claimed.iter().map(|one| completion(one, Outcome::Returned));
    let returned: Vec<_> = returned.collect();
    let done = store.complete(SHARD, "crm", &returned).await;
    assert_eq!(done.expect("completed").done, vec![true; 60]);
    let again = claim(&*store, "crm", LONG).await;
    let again: Vec<_> = again.into_iter().map(|one| one.id).collect();
    assert_eq!(again, expected);
}

/// Whoever was paused for longer than a lease cannot overwrite a successor's result.
pub async fn a_lost_lease_cannot_complete(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    store
        .enqueue(SHARD, delivery(1, "crm", Priority::Normal))
        .await
        .expect("queued");
    let slow = claim(&*store, "crm", Duration::from_millis(20))
        .await
        .remove(0);
    let mut successor = Vec::new();
    while successor.is_empty() {
        successor = claim(&*store, "crm", LONG).await;
    }
    assert!(!complete(&*store, "crm", &slow, Outcome::Dead).await);
    assert!(complete(&*store, "crm", &successor[0], Outcome::Delivered).await);
    assert!(
        !complete(&*store, "crm", &successor[0], Outcome::Dead).await,
        "once is enough"
    );
    let found = store
        .delivery(&slow.id)
        .await
        .expect("found")
        .expect("it is there");
    assert_eq!(
        (found.state, found.attempts_made),
        (DeliveryState::Delivered, 1)
    );
}

/// A delivery that is to be tried later is not claimed before.
pub async fn a_retry_is_due_after_its_delay(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    store
        .enqueue(SHARD, delivery(1, "crm", Priority::Normal))
        .await
        .expect("queued");
    let claimed = claim(&*store, "crm", LONG).await.remove(0);
    assert!(complete(&*store, "crm", &claimed, Outcome::Retry(LONG)).await);
    let later = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(10), LONG)
        .await
        .expect("a claim");
    assert_eq!(later.deliveries, []);
    let due = later.next_due.expect("it is due later");
    assert!(due > later.now + LONG / 2 && due <= later.now + LONG);
    let found = store
        .delivery(&claimed.id)
        .await
        .expect("found")
        .expect("it is there");
    assert_eq!(
        (found.state, found.next_attempt_at),
        (DeliveryState::Pending, Some(due))
    );
}

/// A long history is cut in its middle, and its length is not.
pub async fn the_first_and_the_newest_attempts_are_kept_and_all_are_counted(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    let new = delivery(1, "crm", Priority::Normal);
    store.enqueue(SHARD, new.clone()).await.expect("queued");
    for _ in 0..Attempt::MAX_KEPT + 5 {
        let claimed = claim(&*store, "crm", LONG).await.remove(0);
        assert!(complete(&*store, "crm", &claimed, Outcome::Retry(Duration::ZERO)).await);
    }
    let found = store
        .delivery(&new.id)
        .await
        .expect("found")
        .expect("it is there");
    assert_eq!(found.attempts.len(), Attempt::MAX_KEPT);
    assert_eq!(
        usize::try_from(found.attempts_made).expect("few"),
        Attempt::MAX_KEPT + 5
    );
    let numbers = found.attempts.iter().map(|attempt| {
        let number = attempt.detail.split(' ').nth(1);
        number.and_then(|number| number.parse().ok())
    });
    let newest = 6..Attempt::MAX_KEPT + 5;
    assert!(numbers.eq([0].into_iter().chain(newest).map(Some)));
}

/// A sink's name is whatever an operator writes.
pub async fn sinks_of_any_name_have_a_queue(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for (n, sink) in ["a:b", "{0}", "ops slack", "é", "'; --"]
        .into_iter()
        .enumerate()
    {
        let n = u32::try_from(n).expect("few");
        store
            .enqueue(SHARD, delivery(n, sink, Priority::Normal))
            .await
            .expect("queued");
        assert_eq!(claim(&*store, sink, LONG).await.len(), 1, "{sink}");
    }
    let gauges = store.gauges().await.expect("counts");
    assert_eq!(gauges.queues.len(), 5);
    assert!(
        gauges
            .queues
            .iter()
            .all(|queue| queue.pending == 1 && queue.oldest.is_some())
    );
}
