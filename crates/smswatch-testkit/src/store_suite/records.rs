//! Promises about records of other kinds than watches.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::Timestamp;
use smswatch_plugin::store::{
    KeptRecord, LeftStep, LogSlice, NewRecord, PageRequest, Pick, Priority, RecordChange,
    RecordCommit, RecordId, RecordKind, RouteOutcome, RouteStep, SetAside, Shard, Store,
};

use super::{LONG, StoreFixture, delivery, until};

const SHARD: Shard = Shard(0);
const KIND: RecordKind = RecordKind::new("first");
const OTHER: RecordKind = RecordKind::new("second");

fn id(name: &str) -> RecordId {
    RecordId::new(name).expect("a valid id")
}

fn change(name: &str, expected: Option<u64>, due: Option<Timestamp>, body: &[u8]) -> RecordChange {
    RecordChange {
        kind: KIND,
        id: id(name),
        expected,
        record: Some(NewRecord {
            due,
            body: body.to_vec(),
        }),
    }
}

fn removal(name: &str, expected: Option<u64>) -> RecordChange {
    RecordChange {
        record: None,
        ..change(name, expected, None, b"")
    }
}

async fn commit(store: &dyn Store, change: RecordChange) -> bool {
    let committed = store.commit_records(SHARD, &[change.into()]).await;
    committed.expect("an answer").done == [true]
}

async fn load(store: &dyn Store, name: &str) -> Option<KeptRecord> {
    let loaded = store.load_records(SHARD, KIND, &[id(name)]).await;
    loaded.expect("an answer").pop().flatten()
}

/// The names and next due time of what a claim brings.
async fn claim(store: &dyn Store, limit: u32, lease: Duration) -> Vec<String> {
    let claimed = store.claim_records(SHARD, KIND, limit, lease).await;
    let records = claimed.expect("a claim").records.into_iter();
    records
        .map(|record| record.id.as_str().to_owned())
        .collect()
}

/// A record changes only if it is of the expected version, and no version comes twice, not even when the
/// record was removed meanwhile.
pub async fn a_record_changes_only_as_expected_and_no_version_comes_twice(
    fixture: &dyn StoreFixture,
) {
    let store = &*fixture.store();
    assert_eq!(load(store, "a").await, None);
    assert!(!commit(store, change("a", Some(1), None, b"\x01early")).await);
    assert!(commit(store, change("a", None, None, b"\x01\n \x00one\xff")).await);
    assert!(!commit(store, change("a", None, None, b"\x01again")).await);
    let first = load(store, "a").await.expect("a record");
    assert_eq!(first.body, b"\x01\n \x00one\xff");
    assert_eq!(first.due, None);
    assert!(commit(store, change("a", Some(first.version), None, b"\x01two")).await);
    assert!(!commit(store, change("a", Some(first.version), None, b"\x01late")).await);
    let second = load(store, "a").await.expect("a record");
    assert!(second.version > first.version);
    assert!(!commit(store, removal("a", Some(first.version))).await);
    assert!(commit(store, removal("a", Some(second.version))).await);
    assert_eq!(load(store, "a").await, None);
    assert!(commit(store, change("a", None, None, b"\x01three")).await);
    let third = load(store, "a").await.expect("a record");
    assert!(third.version > second.version);
    let other = store.load_records(SHARD, OTHER, &[id("a")]).await;
    assert_eq!(other.expect("an answer"), [None], "kinds do not share ids");
}

/// Due records are claimed once, the earliest first, and are due again when the lease has ended.
pub async fn a_due_record_is_claimed_once_until_its_lease_ends(fixture: &dyn StoreFixture) {
    let store = &*fixture.store();
    let now = store.now(SHARD).await.expect("the time");
    for (name, due) in [
        ("late", Some(now - Duration::from_secs(1))),
        ("early", Some(now - Duration::from_secs(2))),
        ("not-yet", Some(now + LONG)),
        ("never", None),
    ] {
        assert!(commit(store, change(name, None, due, b"\x01x")).await);
    }
    assert_eq!(claim(store, 1, LONG).await, ["early"]);
    assert_eq!(claim(store, 10, Duration::from_millis(50)).await, ["late"]);
    until(async || claim(store, 10, LONG).await == ["late"]).await;
    let nothing = store.claim_records(SHARD, KIND, 10, LONG).await;
    let nothing = nothing.expect("a claim");
    assert_eq!(nothing.records, []);
    let next = nothing.next_due.expect("something is due some time");
    assert!(next > nothing.now);
    let other = store.claim_records(SHARD, OTHER, 10, LONG).await;
    assert_eq!(other.expect("a claim").next_due, None);
}

/// Whoever changes a claimed record ends its lease: it is due when the change says.
pub async fn a_change_ends_the_lease_of_a_record(fixture: &dyn StoreFixture) {
    let store = &*fixture.store();
    let now = store.now(SHARD).await.expect("the time");
    assert!(commit(store, change("a", None, Some(now), b"\x01x")).await);
    assert_eq!(claim(store, 10, LONG).await, ["a"]);
    let version = load(store, "a").await.expect("a record").version;
    assert!(commit(store, change("a", Some(version), Some(now), b"\x01y")).await);
    assert_eq!(claim(store, 10, LONG).await, ["a"]);
    let version = load(store, "a").await.expect("a record").version;
    assert!(commit(store, change("a", Some(version), None, b"\x01z")).await);
    let claimed = store.claim_records(SHARD, KIND, 10, LONG).await;
    assert_eq!(claimed.expect("a claim").next_due, None);
}

/// Log entries and deliveries are written with the change, or not at all, and one change that is refused
/// keeps no other from taking place.
pub async fn a_change_of_a_record_and_what_belongs_to_it_are_written_together(
    fixture: &dyn StoreFixture,
) {
    let store = &*fixture.store();
    let with = |change, n: u32| RecordCommit {
        change,
        entries: vec![vec![1, u8::try_from(n).expect("few")].into()],
        deliveries: vec![delivery(n, "crm", Priority::Normal)],
    };
    let commits = [
        with(change("refused", Some(7), None, b"\x01x"), 1),
        with(change("done", None, None, b"\x01x"), 2),
    ];
    let committed = store.commit_records(SHARD, &commits).await;
    let committed = committed.expect("an answer");
    assert_eq!((committed.done, committed.queued), (vec![false, true], 1));
    let slice = store.read_log(SHARD, 10).await.expect("entries");
    let bodies: Vec<_> = slice.entries.into_iter().map(|entry| entry.body).collect();
    assert_eq!(bodies, [[1, 2]]);
    assert_eq!(store.gauges().await.expect("counts").unrouted, 1);
    let claimed = store
        .claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(10), LONG)
        .await;
    let claimed = claimed.expect("a claim").deliveries;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].id, delivery(2, "crm", Priority::Normal).id);
}

/// Of many who change a record at once, one does.
pub async fn one_of_many_changes_of_a_record_takes_place(fixture: &dyn StoreFixture) {
    let store = &*fixture.store();
    let changes = (0..20_u8).map(|n| async move {
        let body = [1, n];
        commit(store, change("a", None, None, &body))
            .await
            .then_some(body)
    });
    let winners: Vec<_> = join_all(changes).await.into_iter().flatten().collect();
    let record = load(store, "a").await.expect("a record");
    assert_eq!(winners, [record.body.as_slice()]);
}

/// Every record of a kind is on one page, whatever its shard.
pub async fn records_are_paged_once(fixture: &dyn StoreFixture) {
    let store = &*fixture.store();
    let mut written = BTreeSet::new();
    for n in 0..25_u16 {
        let name = format!("record:{n}");
        let one = RecordCommit::from(change(&name, None, None, b"\x01x"));
        let shard = Shard(n % store.shard_count());
        let committed = store.commit_records(shard, &[one]).await;
        assert_eq!(committed.expect("an answer").done, [true]);
        written.insert(name);
    }
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { cursor, limit: 4 };
        let page = store.records(KIND, &request).await.expect("a page");
        assert!(page.items.len() <= 4);
        let names = page.items.iter().map(|one| one.id.as_str().to_owned());
        found.extend(names);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), written.len());
    assert_eq!(BTreeSet::from_iter(found), written);
    let bad = PageRequest {
        cursor: Some("x".to_owned()),
        limit: 4,
    };
    assert!(store.records(KIND, &bad).await.is_err());
}

/// Appends an entry with the record `known`, and reads the log.
async fn append_known(store: &dyn Store) -> LogSlice {
    let appended = RecordCommit {
        entries: vec![vec![1].into()],
        ..change("known", None, None, b"\x01x").into()
    };
    let committed = store.commit_records(SHARD, &[appended]).await;
    assert_eq!(committed.expect("an answer").done, [true]);
    store.read_log(SHARD, 10).await.expect("entries")
}

/// A route step changes all of its records, or does nothing.
pub async fn a_route_step_takes_its_records_along_or_does_nothing(fixture: &dyn StoreFixture) {
    let store = &*fixture.store();
    let slice = append_known(store).await;
    let step = |records| RouteStep {
        from: slice.cursor.clone(),
        to: slice.entries[0].position.clone(),
        entries: 1,
        deliveries: vec![delivery(1, "crm", Priority::Normal)],
        records,
        set_aside: Vec::new(),
    };
    let refused = step(vec![
        change("new", None, None, b"\x01x"),
        change("known", None, None, b"\x01y"),
    ]);
    let outcome = store.route(SHARD, &refused).await;
    assert_eq!(outcome.expect("an answer"), RouteOutcome::Conflict);
    assert_eq!(load(store, "new").await, None);
    assert_eq!(store.gauges().await.expect("counts").unrouted, 1);
    let known = load(store, "known").await.expect("a record");
    let fits = step(vec![
        change("new", None, None, b"\x01x"),
        change("known", Some(known.version), None, b"\x01y"),
    ]);
    let outcome = store.route(SHARD, &fits).await;
    assert_eq!(outcome.expect("an answer"), RouteOutcome::Done { added: 1 });
    assert_eq!(load(store, "known").await.expect("a record").body, b"\x01y");
    // The cursor has moved: that is what a repeated step is told.
    let outcome = store.route(SHARD, &fits).await;
    assert_eq!(outcome.expect("an answer"), RouteOutcome::Moved);
    assert_eq!(store.gauges().await.expect("counts").unrouted, 0);
}

/// So does one of entries that were left to a later version.
pub async fn left_entries_are_routed_with_their_records_or_not(fixture: &dyn StoreFixture) {
    let store = &*fixture.store();
    let slice = append_known(store).await;
    let to = slice.entries[0].position.clone();
    let left = SetAside {
        position: to.clone(),
        error: "of another format".to_owned(),
        body: vec![2],
        is_newer: true,
    };
    let step = RouteStep {
        from: slice.cursor,
        to,
        entries: 1,
        deliveries: Vec::new(),
        records: Vec::new(),
        set_aside: vec![left],
    };
    store.route(SHARD, &step).await.expect("a step");
    let left = store.left_entries(SHARD, None, 10).await.expect("entries");
    let step = |records| LeftStep {
        entries: vec![left[0].position.clone()],
        deliveries: vec![delivery(1, "crm", Priority::Normal)],
        records,
    };
    let refused = step(vec![change("known", None, None, b"\x01y")]);
    let outcome = store.route_left(SHARD, &refused).await;
    assert_eq!(outcome.expect("an answer"), RouteOutcome::Conflict);
    let left = store.left_entries(SHARD, None, 10).await.expect("entries");
    assert_eq!(left.len(), 1);
    let fits = step(vec![change("new", None, None, b"\x01y")]);
    let outcome = store.route_left(SHARD, &fits).await;
    assert_eq!(outcome.expect("an answer"), RouteOutcome::Done { added: 1 });
    assert_eq!(load(store, "new").await.expect("a record").body, b"\x01y");
    let left = store.left_entries(SHARD, None, 10).await;
    assert_eq!(left.expect("entries"), []);
}
