//! Promises about deliveries that are held back: they are no work for anybody, are found with what held them
//! back, and can be sent after all.

use std::time::Duration;

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, Bound, ClaimedDeliveries, Completion, DeliveryFilter, DeliveryState, HistoryBounds,
    NewDelivery, Outcome, PageRequest, Pick, Priority, QueueRequest, Redrive, RedriveOutcome,
    Shard, Store, StoredDelivery,
};

use super::{LONG, StoreFixture, delivery, id_in, until};

const SHARD: Shard = Shard(0);

const REASON: &str = "silence:7";

fn note() -> Attempt {
    Attempt::suppressed(Timestamp::from_seconds(1_777_636_800), REASON)
}

fn held_back(n: u32) -> NewDelivery {
    NewDelivery {
        suppressed: Some(note()),
        ..delivery(n, "crm", Priority::Normal)
    }
}

async fn queue(store: &dyn Store, new: NewDelivery) {
    store.enqueue(SHARD, new).await.expect("it is queued");
}

async fn claim(store: &dyn Store) -> ClaimedDeliveries {
    let claim = store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(100), LONG);
    claim.await.expect("a claim")
}

async fn found(store: &dyn Store, id: &DeliveryId) -> StoredDelivery {
    let found = store.delivery(id).await.expect("an answer");
    found.expect("it is there")
}

async fn suppressed(store: &dyn Store, sink: Option<&str>) -> Vec<DeliveryId> {
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Suppressed),
        sink: sink.map(str::to_owned),
        ..DeliveryFilter::default()
    };
    let page = PageRequest {
        cursor: None,
        limit: 100,
    };
    let page = store.deliveries(&filter, &page).await.expect("a page");
    page.items.into_iter().map(|one| one.id).collect()
}

/// Nobody claims it, it counts for no bound, and it is found like any other that has ended. Queueing it again
/// changes nothing, held back or not.
pub async fn what_is_held_back_from_the_beginning_takes_no_place_in_the_queue(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    let new = NewDelivery {
        message_ids: vec![id_in(&*store, SHARD, 1)],
        ..held_back(1)
    };
    for again in [&new, &new, &delivery(1, "crm", Priority::Normal)] {
        queue(&*store, again.clone()).await;
    }
    let claimed = claim(&*store).await;
    assert_eq!(claimed.deliveries, []);
    assert_eq!(claimed.next_due, None);
    let request = QueueRequest {
        priority: Priority::Normal,
        after: None,
        limit: 10,
    };
    let slice = store.peek(SHARD, "crm", request).await.expect("a slice");
    assert_eq!((slice.pending, slice.deliveries.len()), (0, 0));
    let stored = found(&*store, &new.id).await;
    assert_eq!(stored.suppressed_by(), Some(REASON));
    assert_eq!(stored.attempts, [note()]);
    assert_eq!((stored.attempts_made, stored.next_attempt_at), (0, None));
    assert_eq!(stored.body, new.body);
    assert_eq!(
        suppressed(&*store, Some("crm")).await,
        std::slice::from_ref(&new.id)
    );
    assert_eq!(suppressed(&*store, Some("ops")).await, []);
    let of_message = DeliveryFilter {
        message_ids: new.message_ids.clone(),
        ..DeliveryFilter::default()
    };
    let page = PageRequest {
        cursor: None,
        limit: 100,
    };
    let page = store.deliveries(&of_message, &page).await.expect("a page");
    assert_eq!(page.items, [stored]);
    let gauges = store.gauges().await.expect("counts");
    let queue = gauges.queues.iter().find(|queue| queue.sink == "crm");
    let queue = queue.expect("the sink has a delivery");
    assert_eq!((queue.pending, queue.dead, queue.oldest), (0, 0, None));
}

/// The note is kept beside earlier attempts and does not count as one.
pub async fn what_is_held_back_after_its_claim_was_not_attempted(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, delivery(1, "crm", Priority::Normal)).await;
    let claimed = claim(&*store).await.deliveries;
    let completion = Completion {
        id: claimed[0].id.clone(),
        token: claimed[0].token,
        outcome: Outcome::Suppressed,
        attempt: note(),
        fallback: None,
    };
    for is_first in [true, false] {
        let done = store.complete(SHARD, "crm", std::slice::from_ref(&completion));
        assert_eq!(done.await.expect("an answer").done, [is_first]);
    }
    let stored = found(&*store, &completion.id).await;
    assert_eq!(stored.suppressed_by(), Some(REASON));
    assert_eq!(stored.attempts, [note()]);
    assert_eq!((stored.attempts_made, stored.next_attempt_at), (0, None));
    assert_eq!(claim(&*store).await.next_due, None);
    assert_eq!(suppressed(&*store, None).await, [completion.id]);
}

/// It goes under its own id, and still says that it was held back.
pub async fn what_was_held_back_is_sent_once_somebody_wants_it(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let new = held_back(1);
    queue(&*store, new.clone()).await;
    let queued_at = found(&*store, &new.id).await.queued_at;
    until(async || store.now(SHARD).await.is_ok_and(|now| now > queued_at)).await;
    let states = [DeliveryState::Suppressed];
    let redriven = store.redrive_one(&new.id, Redrive::Requeue, &states).await;
    let sink = "crm".to_owned();
    let done = RedriveOutcome::Done { shard: SHARD, sink };
    assert_eq!(redriven.expect("an answer"), done);
    queue(&*store, delivery(2, "crm", Priority::Normal)).await;
    let claimed = claim(&*store).await.deliveries;
    let claimed: Vec<_> = claimed
        .iter()
        .map(|one| (&one.id, one.attempts_made, one.is_queued_again))
        .collect();
    let other = delivery(2, "crm", Priority::Normal).id;
    assert_eq!(claimed, [(&new.id, 0, true), (&other, 0, false)]);
    let stored = found(&*store, &new.id).await;
    assert_eq!(stored.suppressed_by(), None);
    assert_eq!(stored.attempts, [note()]);
    assert_eq!(suppressed(&*store, None).await, []);
}

/// Its age counts from when it was held back.
pub async fn what_is_held_back_is_trimmed_with_what_was_delivered(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for n in 1..=3 {
        queue(&*store, held_back(n)).await;
    }
    let keep = Bound {
        keep_for: LONG,
        max: 1000,
    };
    let bounds = |deliveries| HistoryBounds {
        events: keep,
        deliveries,
        dead: keep,
    };
    let trimmed = store.trim(SHARD, &bounds(keep)).await.expect("a trim");
    assert_eq!(trimmed.deliveries, 0);
    let too_old = Bound {
        keep_for: Duration::ZERO,
        ..keep
    };
    let removed = std::cell::Cell::new(0);
    until(async || {
        let trimmed = store.trim(SHARD, &bounds(too_old)).await.expect("a trim");
        removed.set(removed.get() + trimmed.deliveries);
        suppressed(&*store, None).await.is_empty()
    })
    .await;
    assert_eq!(removed.get(), 3);
    let gone = store.delivery(&held_back(1).id).await.expect("an answer");
    assert_eq!(gone, None);
}
