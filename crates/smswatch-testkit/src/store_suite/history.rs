//! Promises about deliveries that are looked up, and about what of them a bound removes.

use smswatch_model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::store::{
    Bound, DeliveryFilter, DeliveryState, HistoryBounds, NewDelivery, Outcome, PageRequest, Pick,
    Priority, Shard, Store, Trimmed, shard_of,
};

use super::deliveries::{claim, complete};
use super::{LONG, StoreFixture, completion, delivery, until};

const SHARD: Shard = Shard(0);

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
            .claim_deliveries(shard, "crm", Priority::Normal, Pick::Due(100), LONG)
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
    let message_ids = vec![MessageId::new("m7").expect("a valid id")];
    let of_message = DeliveryFilter {
        message_ids: message_ids.clone(),
        ..DeliveryFilter::default()
    };
    assert_eq!(
        found(&*store, &of_message).await,
        [delivery(7, "", Priority::Normal).id]
    );
    let none = DeliveryFilter {
        message_ids,
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
    let early = store.now(SHARD).await.expect("the time");
    until(async || store.now(SHARD).await.expect("the time") > early).await;
    let later = store.now(SHARD).await.expect("the time");
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
    let bounds = HistoryBounds::all(nothing);
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
    let ended = store.now(SHARD).await.expect("the time");
    until(async || store.now(SHARD).await.expect("the time") > ended).await;
}

/// What lets each shard keep `max` of everything, however old it is.
pub(super) fn bounds(store: &dyn Store, max: u64) -> HistoryBounds {
    HistoryBounds::all(Bound {
        keep_for: LONG,
        max: max * u64::from(store.shard_count()),
    })
}

/// Trims all that ended so that each shard keeps `max`; returns how many went.
async fn trim_to(store: &dyn Store, max: u64) -> u64 {
    let bounds = bounds(store, max);
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
