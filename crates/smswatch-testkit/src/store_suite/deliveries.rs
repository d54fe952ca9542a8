//! Promises about deliveries: queues, leases, tokens, attempts, pages.

use std::time::Duration;

use smswatch_core::store::{
    Attempt, Bound, ClaimedDelivery, Completion, DeliveryFilter, DeliveryState, HistoryBounds,
    NewDelivery, Outcome, PageRequest, Priority, Shard, Store, Trimmed, shard_of,
};
use smswatch_model::{DeliveryId, MessageId, Timestamp};

use super::{LONG, StoreFixture, delivery, until};

const SHARD: Shard = Shard(0);

async fn claim(store: &dyn Store, sink: &str, lease: Duration) -> Vec<ClaimedDelivery> {
    let claimed = store
        .claim_deliveries(SHARD, sink, Priority::Normal, 100, lease)
        .await
        .expect("a claim");
    claimed.deliveries
}

fn completion(claimed: &ClaimedDelivery, outcome: Outcome) -> Completion {
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

async fn complete(
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
        let queued_at = store.now().await.expect("the time");
        until(async || store.now().await.expect("the time") > queued_at).await;
    }
    for (priority, expected, has_more) in [
        (Priority::Normal, ["dlv_0004", "dlv_0003"].as_slice(), true),
        (Priority::Critical, &["dlv_0002"], false),
        (Priority::Normal, &["dlv_0001"], false),
    ] {
        let claimed = store
            .claim_deliveries(SHARD, "crm", priority, 2, LONG)
            .await
            .expect("a claim");
        let ids = claimed.deliveries.iter().map(|one| one.id.as_str());
        assert_eq!(ids.collect::<Vec<_>>(), expected);
        let due = claimed.next_due.expect("what is claimed comes again");
        assert_eq!(due <= claimed.now, has_more);
    }
}

/// Nobody asks in vain for what is not there: each priority has its own due time.
pub async fn the_next_due_time_is_that_of_the_priority(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let queued = store
        .enqueue(SHARD, delivery(1, "crm", Priority::Normal))
        .await;
    queued.expect("queued");
    let critical = store
        .claim_deliveries(SHARD, "crm", Priority::Critical, 10, LONG)
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
        .claim_deliveries(SHARD, "crm", Priority::Normal, 10, LONG)
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
        .claim_deliveries(SHARD, "crm", Priority::Normal, 10, LONG)
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

/// Every filter, alone and together, page by page.
pub async fn deliveries_are_found_by_state_sink_and_message(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for n in 0..30 {
        let sink = ["crm", "mail"][usize::try_from(n % 2).expect("small")];
        let new = delivery(n, sink, Priority::Normal);
        let shard = shard_of(new.message_ids[0].as_str(), store.shard_count());
        store.enqueue(shard, new).await.expect("queued");
    }
    let shards = (0..store.shard_count()).map(Shard);
    for (position, shard) in shards.enumerate() {
        let claimed = store
            .claim_deliveries(shard, "crm", Priority::Normal, 100, LONG)
            .await
            .expect("a claim");
        let outcome = if position % 2 == 0 {
            Outcome::Delivered
        } else {
            Outcome::Dead
        };
        let completions: Vec<_> = claimed
            .deliveries
            .iter()
            .map(|claimed| completion(claimed, outcome))
            .collect();
        if !completions.is_empty() {
            store
                .complete(shard, "crm", &completions)
                .await
                .expect("completed");
        }
    }
    assert_eq!(found(&*store, &DeliveryFilter::default()).await.len(), 30);
    let of_crm = DeliveryFilter {
        sink: Some("crm".to_owned()),
        ..DeliveryFilter::default()
    };
    assert_eq!(found(&*store, &of_crm).await.len(), 15);
    let pending = DeliveryFilter {
        state: Some(DeliveryState::Pending),
        ..DeliveryFilter::default()
    };
    assert_eq!(found(&*store, &pending).await.len(), 15);
    let message_id = Some(MessageId::new("m7").expect("a valid id"));
    let of_message = DeliveryFilter {
        message_id: message_id.clone(),
        ..DeliveryFilter::default()
    };
    assert_eq!(
        found(&*store, &of_message).await,
        [delivery(7, "", Priority::Normal).id]
    );
    let none = DeliveryFilter {
        message_id,
        sink: Some("crm".to_owned()),
        ..DeliveryFilter::default()
    };
    assert_eq!(found(&*store, &none).await, []);
}

/// The time of a delivery is its end, or its queueing while it is pending.
pub async fn deliveries_are_found_by_rule_and_time(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let of_rule = |n, rule: &str| NewDelivery {
        rule: rule.to_owned(),
        ..delivery(n, "crm", Priority::Normal)
    };
    for n in 0..6 {
        let rule = ["a", "b"][usize::try_from(n % 2).expect("small")];
        store
            .enqueue(SHARD, of_rule(n, rule))
            .await
            .expect("queued");
    }
    let early = store.now().await.expect("the time");
    until(async || store.now().await.expect("the time") > early).await;
    let later = store.now().await.expect("the time");
    for claimed in claim(&*store, "crm", LONG).await.iter().take(2) {
        assert!(complete(&*store, "crm", claimed, Outcome::Dead).await);
    }
    let find = async |rule: Option<&str>, since: Option<Timestamp>| {
        let filter = DeliveryFilter {
            rule: rule.map(str::to_owned),
            since,
            ..DeliveryFilter::default()
        };
        found(&*store, &filter).await.len()
    };
    assert_eq!(find(Some("a"), None).await, 3);
    assert_eq!(find(Some("c"), None).await, 0);
    assert_eq!(find(None, Some(later)).await, 2);
    assert_eq!(find(Some("b"), Some(later)).await, 1);
    assert_eq!(find(None, Some(later + LONG)).await, 0);
    assert_eq!(find(None, Some(early - LONG)).await, 6);
}

async fn found(store: &dyn Store, filter: &DeliveryFilter) -> Vec<DeliveryId> {
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let request = PageRequest { cursor, limit: 4 };
        let page = store.deliveries(filter, &request).await.expect("a page");
        assert!(page.items.len() <= 4);
        found.extend(page.items.into_iter().map(|delivery| delivery.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    found.sort();
    let all = found.len();
    found.dedup();
    assert_eq!(found.len(), all, "a delivery was on two pages");
    found
}

/// History is bounded; what waits is no history.
pub async fn ended_deliveries_are_trimmed_and_pending_ones_are_not(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for n in 0..4 {
        store
            .enqueue(SHARD, delivery(n, "crm", Priority::Normal))
            .await
            .expect("queued");
    }
    let claimed = claim(&*store, "crm", LONG).await;
    complete(&*store, "crm", &claimed[0], Outcome::Delivered).await;
    complete(&*store, "crm", &claimed[1], Outcome::Dead).await;
    let nothing = Bound {
        keep_for: LONG,
        max: 0,
    };
    let bounds = HistoryBounds {
        events: nothing,
        deliveries: nothing,
        dead: nothing,
    };
    let trimmed = store.trim(SHARD, &bounds).await.expect("a trim");
    assert_eq!(
        trimmed,
        Trimmed {
            events: 0,
            deliveries: 1,
            dead: 1
        }
    );
    assert_eq!(found(&*store, &DeliveryFilter::default()).await.len(), 2);
}

/// Queues `count` deliveries to `sink`, beginning with number `first`, and lets all of them die.
async fn let_die(store: &dyn Store, sink: &str, first: u32, count: u32) {
    let dead: Vec<_> = (first..first + count)
        .map(|n| delivery(n, sink, Priority::Normal))
        .collect();
    store.enqueue_all(SHARD, &dead).await.expect("queued");
    for claimed in claim(store, sink, LONG).await {
        assert!(complete(store, sink, &claimed, Outcome::Dead).await);
    }
    let ended = store.now().await.expect("the time");
    until(async || store.now().await.expect("the time") > ended).await;
}

/// Trims all that ended so that each shard keeps `max`; answers how many went.
async fn trim_to(store: &dyn Store, max: u64) -> u64 {
    let bound = Bound {
        keep_for: LONG,
        max: max * u64::from(store.shard_count()),
    };
    let bounds = HistoryBounds {
        events: bound,
        deliveries: bound,
        dead: bound,
    };
    store.trim(SHARD, &bounds).await.expect("a trim").dead
}

async fn n_dead(store: &dyn Store, sink: &str) -> u64 {
    let gauges = store.gauges().await.expect("counts");
    let queue = gauges.queues.into_iter().find(|queue| queue.sink == sink);
    queue.map_or(0, |queue| queue.dead)
}

/// A sink that has nothing to keep leaves its room to the others.
pub async fn one_sinks_history_may_fill_what_all_may_keep(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for (n, sink) in (100..).zip(["a", "b", "c"]) {
        let idle = delivery(n, sink, Priority::Normal);
        store.enqueue(SHARD, idle).await.expect("queued");
    }
    let_die(&*store, "crm", 0, 8).await;
    assert_eq!(trim_to(&*store, 8).await, 0);
    assert_eq!(trim_to(&*store, 6).await, 2);
    assert_eq!(n_dead(&*store, "crm").await, 6);
    for n in 0..8 {
        let id = delivery(n, "crm", Priority::Normal).id;
        let found = store.delivery(&id).await.expect("an answer");
        assert_eq!(found.is_some(), n >= 2, "the oldest go first");
    }
}

/// However uneven the lists of the sinks are.
pub async fn no_more_history_goes_than_there_is_too_much(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let_die(&*store, "crm", 0, 9).await;
    let_die(&*store, "mail", 10, 5).await;
    let_die(&*store, "ops", 20, 1).await;
    let counts = async || {
        let of = async |sink| n_dead(&*store, sink).await;
        [of("crm").await, of("mail").await, of("ops").await]
    };
    assert_eq!(trim_to(&*store, 15).await, 0);
    assert_eq!(trim_to(&*store, 12).await, 3);
    assert_eq!(counts().await, [6, 5, 1]);
    assert_eq!(trim_to(&*store, 12).await, 0);
    trim_to(&*store, 0).await;
    assert_eq!(counts().await, [0, 0, 0]);
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
