//! Promises about what another sink gets because a delivery's own one does not: it is queued in the step
//! that ends the delivery, and in no other.

use std::time::Duration;

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, ClaimedDelivery, Completion, DeadLetter, DeliveryState, NewDelivery, Outcome, Pick,
    Priority, Shard, Store,
};

use super::{LONG, StoreFixture, delivery, until};

const SHARD: Shard = Shard(0);

fn attempt() -> Attempt {
    Attempt {
        at: Timestamp::from_seconds(1_777_636_800),
        result: "dead".to_owned(),
        detail: String::new(),
    }
}

fn of_crm(n: u32) -> NewDelivery {
    delivery(n, "crm", Priority::Normal)
}

fn of_ops(n: u32) -> NewDelivery {
    delivery(n, "ops", Priority::Critical)
}

async fn queue(store: &dyn Store, new: NewDelivery) {
    store.enqueue(SHARD, new).await.expect("it is queued");
}

async fn claim(store: &dyn Store, lease: Duration) -> Vec<ClaimedDelivery> {
    let claim = store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(100), lease);
    claim.await.expect("a claim").deliveries
}

/// The state of a delivery, if there is such a one.
async fn state(store: &dyn Store, id: &DeliveryId) -> Option<DeliveryState> {
    let found = store.delivery(id).await.expect("an answer");
    found.map(|found| found.state)
}

/// Ends what was claimed, with something instead of it.
async fn end(store: &dyn Store, claimed: &[ClaimedDelivery], instead: &[NewDelivery]) -> Vec<bool> {
    let completions = claimed.iter().zip(instead).map(|(claimed, instead)| {
        let (id, token) = (claimed.id.clone(), claimed.token);
        Completion {
            id,
            token,
            outcome: Outcome::Dead,
            attempt: attempt(),
            fallback: Some(instead.clone()),
        }
    });
    let completions: Vec<_> = completions.collect();
    let held = store.complete(SHARD, "crm", &completions).await;
    held.expect("an answer").done
}

/// It is due at once, like any other; one that is there already stays as it is.
pub async fn what_another_sink_gets_is_queued_as_the_first_one_dies(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, of_crm(1)).await;
    queue(&*store, of_crm(2)).await;
    queue(&*store, of_ops(12)).await;
    let claimed = claim(&*store, LONG).await;
    let held = end(&*store, &claimed, &[of_ops(11), of_ops(12)]).await;
    assert_eq!(held, [true, true]);
    for n in [1, 2] {
        let state = state(&*store, &of_crm(n).id).await;
        assert_eq!(state, Some(DeliveryState::Dead));
    }
    let claimed = store
        .claim_deliveries(SHARD, "ops", Priority::Critical, Pick::Due(100), LONG)
        .await
        .expect("a claim");
    let mut found: Vec<_> = claimed.deliveries.iter().map(|it| it.id.clone()).collect();
    found.sort();
    assert_eq!(found, [of_ops(11).id, of_ops(12).id]);
    assert_eq!(claimed.deliveries[0].body, of_ops(11).body);
}

/// Whoever lost the lease does not know what becomes of the delivery: it may well arrive.
pub async fn a_lost_lease_queues_nothing_elsewhere(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, of_crm(1)).await;
    let lost = claim(&*store, Duration::from_millis(1)).await;
    until(async || !claim(&*store, LONG).await.is_empty()).await;
    assert_eq!(end(&*store, &lost, &[of_ops(11)]).await, [false]);
    assert_eq!(state(&*store, &of_ops(11).id).await, None);
}

/// What is under way is not dead_lettered, and nobody else is told of it.
pub async fn a_dead_letter_queues_its_fallback_and_nothing_else(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    queue(&*store, of_crm(1)).await;
    assert_eq!(claim(&*store, LONG).await.len(), 1);
    for n in [2, 3] {
        queue(&*store, of_crm(n)).await;
    }
    let dead_letters = [(1, Some(11)), (2, Some(12)), (3, None)].map(|(n, instead)| DeadLetter {
        id: of_crm(n).id,
        fallback: instead.map(of_ops),
    });
    let dead_lettered = store
        .dead_letter(SHARD, "crm", &dead_letters, &attempt())
        .await;
    assert_eq!(dead_lettered.expect("an answer").done, [false, true, true]);
    assert_eq!(state(&*store, &of_ops(11).id).await, None);
    let queued = state(&*store, &of_ops(12).id).await;
    assert_eq!(queued, Some(DeliveryState::Pending));
}
