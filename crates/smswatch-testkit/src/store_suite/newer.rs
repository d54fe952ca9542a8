//! Promises about what a later version wrote, and about leases that end without losing anything.

use smswatch_plugin::store::{
    Bound, CommitItem, CommitStep, HistoryBounds, LeftStep, Pick, Priority, RouteOutcome,
    RouteStep, SetAside, Shard, Store, WatchPriority,
};

use super::{LONG, StoreFixture, add, claim_new, delivery, id_in, put, record, step};

const SHARD: Shard = Shard(0);

/// A watch whose new due time is its old one is due again once its lease is finished.
pub async fn a_due_time_that_stays_is_due_when_its_lease_is_finished(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let (moved, stays) = (id_in(&*store, SHARD, 1), id_in(&*store, SHARD, 2));
    let due = store.now(SHARD).await.expect("the time");
    let before = add(&*store, &moved, due).await;
    add(&*store, &stays, due).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    let lease = claimed.lease.expect("a lease");
    let (later, same) = (record(due + LONG, b"new"), record(due, b"new"));
    let finish = CommitStep {
        items: vec![
            put(&moved, Some(&before), Some(&later)),
            put(&stays, Some(&before), Some(&same)),
        ],
        finished: vec![lease],
    };
    store.commit(SHARD, &finish).await.expect("a commit");
    let again = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(again.watches, [(stays, same)]);
}

/// A watch whose body its claimer cannot read is due to nobody when its lease is finished, and is there.
pub async fn what_is_put_aside_is_due_to_nobody_and_stays(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    let due = store.now(SHARD).await.expect("the time");
    let before = add(&*store, &id, due).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    let lease = claimed.lease.expect("a lease");
    let aside = store.put_aside(SHARD, WatchPriority::New, std::slice::from_ref(&id));
    aside.await.expect("put aside");
    let finish = CommitStep {
        items: Vec::new(),
        finished: vec![lease],
    };
    store.commit(SHARD, &finish).await.expect("a commit");
    let again = claim_new(&*store, SHARD, LONG).await;
    assert!(again.watches.is_empty());
    let loaded = store.load(SHARD, &[id]).await.expect("records");
    assert_eq!(loaded, [Ok(Some(before))]);
}

/// What is scheduled further ahead than anything can be is due when it is recalled, and nothing else.
pub async fn what_is_scheduled_too_far_ahead_is_due_when_it_is_recalled(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    let (far, near) = (id_in(&*store, SHARD, 1), id_in(&*store, SHARD, 2));
    let now = store.now(SHARD).await.expect("the time");
    let before = add(&*store, &far, now + 1000 * LONG).await;
    add(&*store, &near, now + LONG).await;
    for expected in [1, 0] {
        let recalled = store.recall(SHARD, WatchPriority::New, 10 * LONG).await;
        assert_eq!(recalled.expect("recalled"), expected);
    }
    let claimed = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(claimed.watches, [(far, before)]);
    let recalled = store.recall(SHARD, WatchPriority::New, LONG / 2).await;
    assert_eq!(
        recalled.expect("recalled"),
        2,
        "a lease is held no longer, either"
    );
}

async fn append(store: &dyn Store, n: u32) {
    let id = id_in(store, SHARD, n);
    let item = CommitItem {
        entry: Some(vec![n as u8; 10_000].into()),
        ..put(
            &id,
            None,
            Some(&record(store.now(SHARD).await.expect("the time"), b"")),
        )
    };
    store
        .commit(SHARD, &step(vec![item]))
        .await
        .expect("a commit");
}

/// Sets all entries of the log aside as those of a later version.
async fn leave_all(store: &dyn Store) {
    let slice = store.read_log(SHARD, 10).await.expect("a slice");
    let left = slice.entries.iter().map(|entry| SetAside {
        position: entry.position.clone(),
        error: "it is of another format".to_owned(),
        body: entry.body.clone(),
        is_newer: true,
    });
    let route = RouteStep {
        from: slice.cursor.clone(),
        to: slice.entries.last().expect("an entry").position.clone(),
        entries: slice.entries.len() as u64,
        deliveries: Vec::new(),
        records: Vec::new(),
        set_aside: left.collect(),
    };
    let outcome = store.route(SHARD, &route).await.expect("a route step");
    assert_eq!(outcome, RouteOutcome::Done { added: 0 });
}

/// A log entry that is left to a later version is kept as a whole until somebody routes it.
pub async fn a_left_entry_is_kept_whole_until_somebody_routes_it(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for n in 1..=3 {
        append(&*store, n).await;
    }
    leave_all(&*store).await;
    let left = store.left_entries(SHARD, None, 2).await.expect("entries");
    let bodies: Vec<_> = left.iter().map(|entry| entry.body.clone()).collect();
    assert_eq!(bodies, [vec![1; 10_000], vec![2; 10_000]]);
    let rest = store.left_entries(SHARD, Some(&left[1].position), 2).await;
    assert_eq!(rest.expect("entries")[0].body, vec![3; 10_000]);
    assert_eq!(store.set_aside().await.expect("a list").len(), 3);
    let routed = LeftStep {
        entries: vec![left[1].position.clone()],
        deliveries: vec![delivery(7, "crm", Priority::Normal)],
        records: Vec::new(),
    };
    let outcome = store.route_left(SHARD, &routed).await.expect("routed");
    assert_eq!(outcome, RouteOutcome::Done { added: 1 });
    // Another process that has read it before comes too late.
    let outcome = store.route_left(SHARD, &routed).await.expect("an answer");
    assert_eq!(outcome, RouteOutcome::Conflict);
    let claimed = store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(10), LONG);
    assert_eq!(claimed.await.expect("a claim").deliveries.len(), 1);
    let left = store.left_entries(SHARD, None, 10).await.expect("entries");
    let bodies: Vec<_> = left.iter().map(|entry| entry.body[0]).collect();
    assert_eq!(bodies, [1, 3]);
    assert_eq!(store.gauges().await.expect("counts").set_aside, 3);
}

/// Left entries are bounded as all history of events is, and what goes is counted.
pub async fn left_entries_that_a_bound_removes_are_counted(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    for n in 1..=3 {
        append(&*store, n).await;
    }
    leave_all(&*store).await;
    let bound = |max| Bound {
        keep_for: LONG,
        max,
    };
    let bounds = HistoryBounds {
        // What is in the log itself goes for its own sake.
        events: bound(1),
        deliveries: bound(100),
        dead: bound(100),
    };
    let trimmed = store.trim(SHARD, &bounds).await.expect("a trim");
    assert!(trimmed.events >= 2, "{trimmed:?}");
    let left = store.left_entries(SHARD, None, 10).await.expect("entries");
    assert_eq!(left.len(), 1);
}
