//! Promises about ended deliveries that are taken up again, or forgotten.

use std::time::Duration;

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, Completion, DeliveryFilter, DeliveryState, NewDelivery, Outcome, PageRequest, Pick,
    Priority, Redrive, RedriveOutcome, RedriveStep, Shard, Store,
};

use super::{LONG, StoreFixture, delivery, until};

const SHARD: Shard = Shard(0);

/// A shard that is not the first one, where there is another.
fn last_shard(store: &dyn Store) -> Shard {
    Shard(store.shard_count() - 1)
}

async fn queue(store: &dyn Store, shard: Shard, delivery: NewDelivery) {
    store.enqueue(shard, delivery).await.expect("queued");
}

/// Claims all that is due for `sink`, completes it, and returns the ids.
async fn end(store: &dyn Store, shard: Shard, sink: &str, outcome: Outcome) -> Vec<DeliveryId> {
    let mut claimed = Vec::new();
    for priority in Priority::ALL {
        let claim = store.claim_deliveries(shard, sink, priority, Pick::Due(1000), LONG);
        claimed.extend(claim.await.expect("a claim").deliveries);
    }
    let completions = claimed.iter().map(|claimed| Completion {
        id: claimed.id.clone(),
        token: claimed.token,
        outcome,
        attempt: Attempt {
            at: Timestamp::from_seconds(1_777_636_800),
            result: "x".to_owned(),
            detail: format!("attempt {}", claimed.attempts_made),
        },
        fallback: None,
    });
    let completions: Vec<_> = completions.collect();
    if !completions.is_empty() {
        let held = store.complete(shard, sink, &completions).await;
        assert!(held.expect("completed").done.iter().all(|held| *held));
    }
    claimed.into_iter().map(|claimed| claimed.id).collect()
}

async fn step(store: &dyn Store, action: Redrive, state: DeliveryState) -> RedriveStep {
    RedriveStep {
        action,
        sink: "crm".to_owned(),
        state,
        rule: None,
        since: None,
        until: store.now(SHARD).await.expect("the time"),
        after: None,
        limit: 100,
    }
}

/// Does a step and all that follow it; returns how many each took up.
async fn redrive(store: &dyn Store, mut step: RedriveStep) -> Vec<u64> {
    let mut counts = Vec::new();
    loop {
        let done = store.redrive(SHARD, step.clone()).await.expect("a step");
        counts.push(done.count);
        step.after = done.next;
        if step.after.is_none() {
            return counts;
        }
    }
}

async fn in_state(store: &dyn Store, state: DeliveryState) -> Vec<DeliveryId> {
    let filter = DeliveryFilter {
        state: Some(state),
        ..DeliveryFilter::default()
    };
    let request = PageRequest {
        cursor: None,
        limit: 1000,
    };
    let page = store.deliveries(&filter, &request).await.expect("a page");
    let mut ids: Vec<_> = page.items.into_iter().map(|found| found.id).collect();
    ids.sort();
    ids
}

fn of_rule(n: u32, rule: &str) -> NewDelivery {
    NewDelivery {
        rule: rule.to_owned(),
        ..delivery(n, "crm", Priority::Normal)
    }
}

/// Its id, creation and attempts stay; its schedule and the time until it is given up begin anew.
pub async fn a_requeued_delivery_is_due_at_once_and_keeps_its_history(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let shard = last_shard(&*store);
    let new = delivery(1, "crm", Priority::Critical);
    queue(&*store, shard, new.clone()).await;
    end(&*store, shard, "crm", Outcome::Retry(Duration::ZERO)).await;
    end(&*store, shard, "crm", Outcome::Dead).await;
    let dead = store.delivery(&new.id).await.expect("found");
    let dead = dead.expect("it is there");
    assert_eq!(dead.queued_at, dead.created_at);
    until(async || store.now(SHARD).await.expect("the time") > dead.created_at).await;

    let outcome = store
        .redrive_one(&new.id, Redrive::Requeue, &[DeliveryState::Dead])
        .await
        .expect("a redrive");
    let sink = "crm".to_owned();
    assert_eq!(outcome, RedriveOutcome::Done { shard, sink });
    let found = store.delivery(&new.id).await.expect("found");
    let found = found.expect("it is there");
    assert_eq!(found.state, DeliveryState::Pending);
    assert_eq!(found.created_at, dead.created_at);
    assert!(found.queued_at > dead.created_at);
    assert_eq!(found.next_attempt_at, Some(found.queued_at));
    assert_eq!((found.attempts_made, found.attempts.len()), (2, 2));
    assert_eq!(found.body, new.body);

    let claimed = store
        .claim_deliveries(shard, "crm", Priority::Critical, Pick::Due(10), LONG)
        .await;
    let claimed = claimed.expect("a claim").deliveries.remove(0);
    assert_eq!((&claimed.id, claimed.attempts_made), (&new.id, 0));
    assert_eq!(claimed.queued_at, found.queued_at);
    let gauges = store.gauges().await.expect("counts");
    let gauge = gauges.queues.first().expect("a queue");
    assert_eq!((gauge.pending, gauge.dead), (1, 0));
    assert_eq!(gauge.oldest, Some(found.queued_at));
}

/// A claim from before the end is worth nothing after it was queued again.
pub async fn a_requeued_delivery_is_not_completed_by_an_earlier_claim(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let new = delivery(1, "crm", Priority::Normal);
    queue(&*store, SHARD, new.clone()).await;
    let short = Duration::from_millis(1);
    let early = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(1), short)
        .await;
    let early = early.expect("a claim").deliveries.remove(0);
    until(async || !end(&*store, SHARD, "crm", Outcome::Dead).await.is_empty()).await;
    let requeued = store
        .redrive_one(&new.id, Redrive::Requeue, &[DeliveryState::Dead])
        .await;
    assert!(matches!(requeued, Ok(RedriveOutcome::Done { .. })));
    let completion = Completion {
        id: early.id,
        token: early.token,
        outcome: Outcome::Dead,
        attempt: Attempt {
            at: Timestamp::from_seconds(1_777_636_800),
            result: "dead".to_owned(),
            detail: "too late".to_owned(),
        },
        fallback: None,
    };
    let held = store.complete(SHARD, "crm", &[completion]).await;
    assert_eq!(held.expect("an answer").done, [false]);
    assert_eq!(in_state(&*store, DeliveryState::Pending).await, [new.id]);
}

/// What is under way, or is not there, is left alone, and the caller hears why.
pub async fn only_a_delivery_in_a_named_state_is_redriven(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let new = delivery(1, "crm", Priority::Normal);
    let dead = [DeliveryState::Dead];
    for action in [Redrive::Requeue, Redrive::Forget] {
        let outcome = store.redrive_one(&new.id, action, &dead).await;
        assert_eq!(outcome.expect("an answer"), RedriveOutcome::Unknown);
    }
    queue(&*store, SHARD, new.clone()).await;
    for action in [Redrive::Requeue, Redrive::Forget] {
        let outcome = store.redrive_one(&new.id, action, &dead).await;
        let refused = RedriveOutcome::Refused(DeliveryState::Pending);
        assert_eq!(outcome.expect("an answer"), refused);
        let all = step(&*store, action, DeliveryState::Pending).await;
        assert_eq!(redrive(&*store, all).await, [0]);
    }
    end(&*store, SHARD, "crm", Outcome::Delivered).await;
    let outcome = store.redrive_one(&new.id, Redrive::Forget, &dead).await;
    let refused = RedriveOutcome::Refused(DeliveryState::Delivered);
    assert_eq!(outcome.expect("an answer"), refused);
    assert_eq!(in_state(&*store, DeliveryState::Delivered).await, [new.id]);
}

/// Nothing is left of it, in no list and in no count.
pub async fn a_forgotten_delivery_is_gone(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let shard = last_shard(&*store);
    let new = delivery(1, "crm", Priority::Normal);
    queue(&*store, shard, new.clone()).await;
    end(&*store, shard, "crm", Outcome::Dead).await;
    let outcome = store
        .redrive_one(&new.id, Redrive::Forget, &[DeliveryState::Dead])
        .await;
    assert!(matches!(outcome, Ok(RedriveOutcome::Done { .. })));
    assert_eq!(store.delivery(&new.id).await.expect("an answer"), None);
    assert_eq!(in_state(&*store, DeliveryState::Dead).await, []);
    let gauges = store.gauges().await.expect("counts");
    assert!(gauges.queues.iter().all(|queue| queue.dead == 0));
}

/// However many end in the same moment, each is looked at once, and no step looks at more than told.
pub async fn a_redrive_goes_through_all_of_a_sink_in_bounded_steps(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for n in 0..10 {
        queue(&*store, SHARD, of_rule(n, ["a", "b"][n as usize % 2])).await;
    }
    queue(&*store, SHARD, delivery(99, "mail", Priority::Normal)).await;
    end(&*store, SHARD, "crm", Outcome::Dead).await;
    end(&*store, SHARD, "mail", Outcome::Dead).await;
    let of_a = RedriveStep {
        rule: Some("a".to_owned()),
        limit: 3,
        ..step(&*store, Redrive::Requeue, DeliveryState::Dead).await
    };
    let counts = redrive(&*store, of_a).await;
    assert!(counts.iter().all(|count| *count <= 3), "{counts:?}");
    assert_eq!(counts.iter().sum::<u64>(), 5);
    assert_eq!(in_state(&*store, DeliveryState::Dead).await.len(), 6);
    let rest = RedriveStep {
        limit: 2,
        ..step(&*store, Redrive::Forget, DeliveryState::Dead).await
    };
    assert_eq!(redrive(&*store, rest).await.iter().sum::<u64>(), 5);
    let of_mail = delivery(99, "mail", Priority::Normal).id;
    assert_eq!(in_state(&*store, DeliveryState::Dead).await, [of_mail]);
    assert_eq!(in_state(&*store, DeliveryState::Pending).await.len(), 5);
}

/// The bounds are instants at which deliveries ended, both included.
pub async fn a_redrive_takes_what_ended_between_two_instants(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let now = async || store.now(SHARD).await.expect("the time");
    let mut ends = Vec::new();
    for n in 0..3 {
        queue(&*store, SHARD, delivery(n, "crm", Priority::Normal)).await;
        let before = now().await;
        until(async || now().await > before).await;
        ends.push(now().await);
        end(&*store, SHARD, "crm", Outcome::Delivered).await;
    }
    let last_end = ends[2];
    until(async || now().await > last_end).await;
    let second = RedriveStep {
        since: Some(ends[1]),
        until: ends[2] - Duration::from_millis(1),
        ..step(&*store, Redrive::Requeue, DeliveryState::Delivered).await
    };
    assert_eq!(redrive(&*store, second).await, [1]);
    let pending = in_state(&*store, DeliveryState::Pending).await;
    assert_eq!(pending, [delivery(1, "crm", Priority::Normal).id]);
    let all = step(&*store, Redrive::Requeue, DeliveryState::Delivered).await;
    assert_eq!(redrive(&*store, all).await, [2]);
}
