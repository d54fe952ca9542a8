//! Promises about watches: guards, claims, leases, pages.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::{MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    ClaimedWatches, CommitItem, CommitOutcome, CommitStep, PageRequest, Shard, Store,
    WatchPriority, shard_of,
};

use super::{LONG, StoreFixture, add, claim_new, id_in, put, record, step, until};

const SHARD: Shard = Shard(0);

async fn now(store: &dyn Store) -> Timestamp {
    store.now(SHARD).await.expect("the time")
}

/// Replaces what is known of a watch, whoever has claimed it.
async fn replace(store: &dyn Store, id: &MessageId, expected: &Record, new: Option<&Record>) {
    let step = step(vec![put(id, Some(expected), new)]);
    store.commit(SHARD, &step).await.expect("a commit");
}

/// Changes a claimed watch, and ends the lease with it.
async fn finish(store: &dyn Store, claimed: ClaimedWatches, item: CommitItem) {
    let step = CommitStep {
        items: vec![item],
        finished: claimed.lease.into_iter().collect(),
    };
    store.commit(SHARD, &step).await.expect("a commit");
}

async fn release(store: &dyn Store, claimed: ClaimedWatches) {
    let released = store.release(SHARD, claimed.lease.expect("a lease"));
    released.await.expect("a release");
}

/// A watch changes only if it is as expected; a conflict brings what is there.
pub async fn a_watch_is_written_only_over_what_was_expected(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    let due = now(&*store).await + LONG;
    let (first, second) = (record(due, b"1"), record(due, b"2"));
    let commit = async |expected: Option<&Record>, record: Option<&Record>| {
        let step = step(vec![put(&id, expected, record)]);
        store
            .commit(SHARD, &step)
            .await
            .expect("a commit")
            .outcomes
            .remove(0)
    };
    assert_eq!(
        commit(Some(&first), Some(&second)).await,
        CommitOutcome::Conflict(None)
    );
    assert_eq!(commit(None, Some(&first)).await, CommitOutcome::Done);
    assert_eq!(
        commit(None, Some(&second)).await,
        CommitOutcome::Conflict(Some(first.clone()))
    );
    assert_eq!(
        commit(Some(&first), Some(&second)).await,
        CommitOutcome::Done
    );
    let ids = [id_in(&*store, SHARD, 2), id.clone()];
    assert_eq!(
        store.load(SHARD, &ids).await.expect("records"),
        [Ok(None), Ok(Some(second.clone()))]
    );
    assert_eq!(commit(Some(&second), None).await, CommitOutcome::Done);
    assert_eq!(
        store.load(SHARD, &ids).await.expect("records"),
        [Ok(None), Ok(None)]
    );
}

/// One item that conflicts keeps no other from taking place.
pub async fn items_of_one_step_do_not_depend_on_each_other(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let due = now(&*store).await + LONG;
    let new = record(due, b"new");
    let ids = [1, 2, 3].map(|n| id_in(&*store, SHARD, n));
    let items = vec![
        put(&ids[0], None, Some(&new)),
        put(&ids[1], Some(&new), Some(&new)),
        put(&ids[2], None, Some(&new)),
    ];
    let committed = store.commit(SHARD, &step(items)).await.expect("a commit");
    let expected = [
        CommitOutcome::Done,
        CommitOutcome::Conflict(None),
        CommitOutcome::Done,
    ];
    assert_eq!(committed.outcomes, expected);
}

/// A claimed watch belongs to its claimer; when the lease has ended it is due again.
pub async fn a_due_watch_is_claimed_once_until_its_lease_ends(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    let due = now(&*store).await;
    let record = add(&*store, &id, due).await;
    let lease = Duration::from_millis(200);
    let claimed = claim_new(&*store, SHARD, lease).await;
    assert_eq!(claimed.watches, [(id.clone(), record)]);
    assert!(claimed.lease.is_some());
    let ends = claimed.next_due.expect("the lease ends");
    assert!(ends > claimed.now && ends <= claimed.now + lease);
    let again = claim_new(&*store, SHARD, LONG).await;
    assert!(
        again.watches.is_empty() || again.now >= ends,
        "it was claimed twice"
    );
    if again.watches.is_empty() {
        until(async || {
            let claimed = claim_new(&*store, SHARD, LONG).await;
            claimed.watches.iter().any(|(claimed, _)| *claimed == id)
        })
        .await;
    }
}

/// Who is due longest comes first; the rest stays due.
pub async fn claims_take_the_earliest_first_and_no_more_than_asked_for(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let at = now(&*store).await;
    let ids: Vec<_> = (0..5).map(|n| id_in(&*store, SHARD, n)).collect();
    for (n, id) in ids.iter().enumerate().rev() {
        let ago = Duration::from_millis(5000 - 1000 * u64::try_from(n).expect("few"));
        add(&*store, id, at - ago).await;
    }
    let claimed = store
        .claim(SHARD, WatchPriority::New, 2, LONG)
        .await
        .expect("a claim");
    let names: Vec<_> = claimed.watches.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(names, ids[..2]);
    assert!(
        claimed.next_due.is_some_and(|due| due <= claimed.now),
        "three more are due"
    );
}

/// What waits in one lane is not claimed from the other.
pub async fn lanes_are_separate(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    add(&*store, &id, now(&*store).await).await;
    let old = store
        .claim(SHARD, WatchPriority::Rest, 10, LONG)
        .await
        .expect("a claim");
    assert_eq!(
        (old.watches.len(), old.lease, old.next_due),
        (0, None, None)
    );
    let young = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(young.watches.len(), 1);
}

/// Once a watch is committed, it waits for the due time that was written.
pub async fn a_commit_ends_the_claim_and_sets_the_next_due_time(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    let at = now(&*store).await;
    let old = add(&*store, &id, at).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    let new = record(at + LONG, b"later");
    finish(&*store, claimed, put(&id, Some(&old), Some(&new))).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(claimed.watches, []);
    assert_eq!(claimed.next_due, Some(new.due()));
}

/// Tags that are added while a message is polled do not have it polled twice.
pub async fn a_commit_of_the_same_due_time_leaves_the_claim_alone(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    let at = now(&*store).await;
    let old = add(&*store, &id, at).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(claimed.watches.len(), 1);
    let tagged = record(at, b"with tags");
    replace(&*store, &id, &old, Some(&tagged)).await;
    let again = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(again.watches, []);
    release(&*store, claimed).await;
    let again = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(again.watches, [(id, tagged)]);
}

/// When a due time was changed, only the new one counts.
pub async fn a_superseded_due_time_is_not_claimed(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    let at = now(&*store).await;
    let old = add(&*store, &id, at).await;
    let new = record(at + LONG, b"later");
    replace(&*store, &id, &old, Some(&new)).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(claimed.watches, []);
    let sooner = record(at, b"now");
    replace(&*store, &id, &new, Some(&sooner)).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(claimed.watches, [(id, sooner)]);
}

/// Nothing is left of a deleted watch.
pub async fn a_deleted_watch_is_not_claimed(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    let record = add(&*store, &id, now(&*store).await).await;
    replace(&*store, &id, &record, None).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(claimed.watches, []);
}

/// A lease that is given back is claimed by the next one who asks.
pub async fn a_released_lease_is_due_at_once(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    add(&*store, &id, now(&*store).await).await;
    let claimed = claim_new(&*store, SHARD, LONG).await;
    release(&*store, claimed).await;
    let again = claim_new(&*store, SHARD, LONG).await;
    assert_eq!(again.watches.len(), 1);
}

/// A finished lease is over, and what was committed under it is not claimed again.
pub async fn a_finished_lease_gives_nothing_back(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 1);
    let at = now(&*store).await;
    let old = add(&*store, &id, at).await;
    let lease = Duration::from_millis(50);
    let claimed = claim_new(&*store, SHARD, lease).await;
    let ends = claimed.now + lease;
    let new = record(at + LONG, b"later");
    finish(&*store, claimed, put(&id, Some(&old), Some(&new))).await;
    until(async || now(&*store).await > ends).await;
    let again = claim_new(&*store, SHARD, LONG).await;
    assert_eq!((again.watches.len(), again.next_due), (0, Some(new.due())));
}

/// However many claim at once, each watch goes to one of them.
pub async fn concurrent_claims_share_the_watches(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let at = now(&*store).await;
    for n in 0..60 {
        add(&*store, &id_in(&*store, SHARD, n), at).await;
    }
    let claims = (0..20).map(|_| store.claim(SHARD, WatchPriority::New, 5, LONG));
    let mut claimed: Vec<MessageId> = Vec::new();
    for claim in join_all(claims).await {
        claimed.extend(
            claim
                .expect("a claim")
                .watches
                .into_iter()
                .map(|(id, _)| id),
        );
    }
    let distinct: BTreeSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (60, 60));
}

/// Short and long ids, small and large records, all bytes.
pub async fn ids_and_records_of_any_size_come_back(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let at = now(&*store).await;
    let all_bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    for id in [
        "m",
        "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01",
        &"~".repeat(200),
        "{a}:b/c%20",
    ] {
        let id = MessageId::new(id).expect("a valid id");
        let shard = shard_of(id.as_str(), store.shard_count());
        let mut last: Option<Record> = None;
        for length in [0, 40, 300, 300_000, 12] {
            let new = record(at, &all_bytes[..length]);
            let step = step(vec![put(&id, last.as_ref(), Some(&new))]);
            let committed = store.commit(shard, &step).await.expect("a commit");
            assert_eq!(committed.outcomes, [CommitOutcome::Done]);
            let loaded = store
                .load(shard, std::slice::from_ref(&id))
                .await
                .expect("records");
            assert_eq!(loaded, [Ok(Some(new.clone()))]);
            last = Some(new);
        }
        let claimed = store
            .claim(shard, WatchPriority::New, 10, LONG)
            .await
            .expect("a claim");
        assert_eq!(
            claimed
                .watches
                .iter()
                .filter(|(claimed, _)| *claimed == id)
                .count(),
            1
        );
    }
}

/// Every watch is on exactly one page, and removed ones are on none.
pub async fn all_watches_but_removed_ones_are_paged_once(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let due = now(&*store).await + LONG;
    let mut expected = BTreeSet::new();
    for n in 0..120_u32 {
        let id = MessageId::new(format!("message-{n}")).expect("a valid id");
        let state = if n % 10 == 0 {
            WatchState::Removed
        } else {
            WatchState::Watching
        };
        let shard = shard_of(id.as_str(), store.shard_count());
        let record = Record::new(state, due, if n % 7 == 0 { &[9; 100] } else { b"x" });
        store
            .commit(shard, &step(vec![put(&id, None, Some(&record))]))
            .await
            .expect("a commit");
        if state == WatchState::Watching {
            expected.insert(id);
        }
    }
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let request = PageRequest { cursor, limit: 7 };
        let page = store.watches(&request).await.expect("a page");
        assert!(page.items.len() <= 7);
        found.extend(page.items.into_iter().map(|(id, _)| id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), expected.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    let strange = PageRequest {
        cursor: Some("\u{7}strange".to_owned()),
        limit: 7,
    };
    let refused = store
        .watches(&strange)
        .await
        .expect_err("the cursor is none");
    assert!(
        matches!(refused, smswatch_plugin::store::StoreError::Cursor(_)),
        "{refused}"
    );
}

/// Counts follow every change of state.
pub async fn watches_are_counted_by_state(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let due = now(&*store).await + LONG;
    let ids: Vec<_> = (0..3).map(|n| id_in(&*store, SHARD, n)).collect();
    let mut records = Vec::new();
    for id in &ids {
        records.push(add(&*store, id, due).await);
    }
    let ended = Record::new(WatchState::Final, due, b"");
    let items = vec![
        put(&ids[0], Some(&records[0]), Some(&ended)),
        put(&ids[1], Some(&records[1]), None),
    ];
    store.commit(SHARD, &step(items)).await.expect("a commit");
    let gauges = store.gauges().await.expect("counts");
    let count = |state| {
        let found = gauges.watches.iter().find(|(counted, _)| *counted == state);
        found.map_or(0, |(_, count)| *count)
    };
    assert_eq!(
        (count(WatchState::Watching), count(WatchState::Final)),
        (1, 1)
    );
    assert!(due > Timestamp::from_millis(0));
}
