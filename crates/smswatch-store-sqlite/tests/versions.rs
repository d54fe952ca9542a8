//! What another version wrote, and what another clock said, outlives a restart of the process.

use std::path::Path;
use std::time::Duration;

use smswatch_plugin::model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Attempt, ClaimedDelivery, CommitItem, CommitStep, Completion, DeliveryFilter, NewDelivery,
    Outcome, PageRequest, Pick, Priority, Queues as _, Records as _, Shard, Store as _,
    UnreadableRecord, WatchPriority,
};
use smswatch_store_sqlite::{OpenError, SqliteStore};

const SHARD: Shard = Shard(0);
const LEASE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Opens the file as soon as whoever had it before has let it go.
async fn open(path: &Path) -> SqliteStore {
    loop {
        match SqliteStore::open(path) {
            Ok(store) => return store,
            Err(OpenError::InUse(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

fn id(name: &str) -> MessageId {
    MessageId::new(name).expect("a valid id")
}

async fn add(store: &SqliteStore, name: &str, due: Timestamp) {
    let item = CommitItem {
        message_id: id(name),
        expected: None,
        record: Some(Record::new(WatchState::Watching, due, b"body")),
        priority: WatchPriority::New,
        entry: None,
    };
    let step = CommitStep {
        items: vec![item],
        finished: Vec::new(),
    };
    store.commit(SHARD, &step).await.expect("a commit");
}

fn change(path: &Path, sql: &str) {
    let raw = rusqlite::Connection::open(path).expect("the file");
    raw.execute_batch(sql).expect("it is changed");
}

/// Changes the format of the record of `name`.
fn set_format(path: &Path, name: &str, format: u8) {
    let raw = rusqlite::Connection::open(path).expect("the file");
    let query = "SELECT record FROM watches WHERE id = ?1";
    let record = raw.query_row(query, [name], |row| row.get::<_, Vec<u8>>(0));
    let mut record = record.expect("a record");
    record[0] = format;
    let update = "UPDATE watches SET record = ?2 WHERE id = ?1";
    raw.execute(update, (name, record)).expect("it is written");
}

#[tokio::test]
async fn a_watch_of_a_later_version_outlives_an_earlier_one_and_is_found_by_the_later() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let earlier = open(&path).await;
    let now = earlier.now(SHARD).await.expect("the time");
    for name in ["mine", "newer", "newest"] {
        add(&earlier, name, now).await;
    }
    set_format(&path, "newer", 9);
    change(
        &path,
        "UPDATE watches SET id = 'a name with blanks' WHERE id = 'newest';",
    );
    let claimed = earlier.claim(SHARD, WatchPriority::New, 10, LEASE).await;
    let claimed = claimed.expect("a claim");
    assert_eq!(claimed.watches.len(), 1);
    assert_eq!(claimed.unreadable, [id("newer")]);
    assert_eq!(claimed.put_aside, Some(2));
    let again = earlier.claim(SHARD, WatchPriority::New, 10, LEASE).await;
    let again = again.expect("a claim");
    assert!(
        again.watches.is_empty() && again.unreadable.is_empty(),
        "it spins"
    );
    let all = PageRequest {
        cursor: None,
        limit: 10,
    };
    let page = earlier.watches(&all).await.expect("a page");
    assert_eq!(page.items.len(), 1, "a page shows the others");
    let loaded = earlier.load(SHARD, &[id("mine"), id("newer")]).await;
    let loaded = loaded.expect("records");
    assert!(matches!(loaded[0], Ok(Some(_))));
    assert_eq!(loaded[1], Err(UnreadableRecord));
    drop(earlier);

    // The later version reads it again: here, that is this version and a record of its own.
    set_format(&path, "newer", Record::FORMAT);
    let later = open(&path).await;
    let claimed = later.claim(SHARD, WatchPriority::New, 10, LEASE).await;
    let claimed = claimed.expect("a claim");
    let names: Vec<_> = claimed.watches.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        names,
        ["mine", "newer"],
        "nobody else has the leases of a process that ended"
    );
    assert_eq!(claimed.put_aside, Some(1));
}

#[tokio::test]
async fn a_clock_that_was_set_back_goes_on_from_where_it_was_before_the_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = open(&path).await;
    let real = store.now(SHARD).await.expect("the time");
    add(&store, "m", real + HOUR).await;
    drop(store);
    // Before it was set back it had shown an hour more, and then some.
    drop(open(&path).await);
    let shown = (real + HOUR + HOUR / 60).as_millis();
    change(
        &path,
        &format!("UPDATE numbers SET value = {shown} WHERE name = 'clock'"),
    );
    let store = open(&path).await;
    assert!(store.now(SHARD).await.expect("the time") >= real + HOUR);
    let claimed = store.claim(SHARD, WatchPriority::New, 10, LEASE).await;
    assert_eq!(claimed.expect("a claim").watches.len(), 1);
}

#[tokio::test]
async fn a_file_whose_clock_was_never_noted_goes_on_from_its_newest_entry() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = open(&path).await;
    let real = store.now(SHARD).await.expect("the time");
    drop(store);
    drop(open(&path).await);
    let at = (real + HOUR).as_millis();
    change(
        &path,
        &format!(
            "DELETE FROM numbers WHERE name = 'clock';
             INSERT INTO log (at, body) VALUES ({at}, x'01')"
        ),
    );
    let store = open(&path).await;
    assert!(store.now(SHARD).await.expect("the time") >= real + HOUR);
}

fn delivery(n: u32) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(format!("dlv_{n}")).expect("a valid id"),
        sink: "crm".to_owned(),
        rule: "rule".to_owned(),
        priority: Priority::Normal,
        message_ids: vec![id("m1")],
        body: vec![9, 1, 2],
        suppressed: None,
    }
}

fn completion(claimed: &ClaimedDelivery, outcome: Outcome) -> Completion {
    Completion {
        id: claimed.id.clone(),
        token: claimed.token,
        outcome,
        attempt: Attempt {
            at: claimed.queued_at,
            result: "retry".to_owned(),
            detail: "503".to_owned(),
        },
        fallback: None,
    }
}

#[tokio::test]
async fn deliveries_of_a_later_version_are_offered_once_to_who_starts_later() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let earlier = open(&path).await;
    let new: Vec<_> = (0..200).map(delivery).collect();
    earlier.enqueue_all(SHARD, &new).await.expect("queued");
    let claim = async |store: &SqliteStore| {
        let claimed =
            store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(1000), LEASE);
        claimed.await.expect("a claim")
    };
    let claimed = claim(&earlier).await;
    let left = claimed.deliveries.iter();
    let left: Vec<_> = left.map(|one| completion(one, Outcome::Left)).collect();
    earlier.complete(SHARD, "crm", &left).await.expect("done");
    let left_at = earlier.now(SHARD).await.expect("the time");
    let meanwhile = Duration::from_millis(50);
    while earlier.now(SHARD).await.expect("the time") < left_at + meanwhile {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let again = claim(&earlier).await;
    assert_eq!((again.deliveries.len(), again.left), (0, 200), "it spins");
    drop(earlier);

    let later = open(&path).await;
    let mut found = Vec::new();
    loop {
        let offered = claim(&later).await;
        if offered.deliveries.is_empty() {
            assert_eq!(offered.left, 0);
            break;
        }
        found.extend(offered.deliveries);
    }
    assert_eq!(found.len(), 200);
    let queued_at = claimed.deliveries[0].queued_at + meanwhile;
    assert!(
        found.iter().all(|one| one.queued_at >= queued_at),
        "the time for which they were left counts"
    );
    assert!(found.iter().all(|one| one.body == [9, 1, 2]));
    let done: Vec<_> = found
        .iter()
        .map(|one| completion(one, Outcome::Delivered))
        .collect();
    let done = later.complete(SHARD, "crm", &done).await;
    assert_eq!(done.expect("done").done, vec![true; 200]);
}

#[tokio::test]
async fn words_of_a_later_version_about_a_delivery_fail_no_page_and_no_attempt() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = open(&path).await;
    let new: Vec<_> = (1..=4).map(delivery).collect();
    store.enqueue_all(SHARD, &new).await.expect("queued");
    change(
        &path,
        r#"UPDATE deliveries SET attempts = '[{"at":"a moment ago","with":7}]' WHERE id = 'dlv_1';
           UPDATE deliveries SET state = 'snoozed' WHERE id = 'dlv_2';
           UPDATE deliveries SET attempts = 'in a format of its own' WHERE id = 'dlv_3';
           UPDATE deliveries SET id = 'a name with blanks' WHERE id = 'dlv_4';"#,
    );
    let claimed = store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(10), LEASE);
    let claimed = claimed.await.expect("a claim").deliveries;
    assert_eq!(claimed.len(), 2);
    let retries: Vec<_> = claimed
        .iter()
        .map(|one| completion(one, Outcome::Retry(LEASE)))
        .collect();
    let done = store.complete(SHARD, "crm", &retries).await;
    assert_eq!(done.expect("done").done, [true; 2]);
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    for message_ids in [Vec::new(), vec![id("m1")]] {
        let filter = DeliveryFilter {
            message_ids,
            ..DeliveryFilter::default()
        };
        let page = store.deliveries(&filter, &page).await;
        let items = page.expect("a page").items;
        let shown: Vec<_> = items
            .iter()
            .map(|one| (one.id.as_str(), one.attempts.len(), one.attempts_made))
            .collect();
        assert_eq!(shown, [("dlv_3", 0, 1), ("dlv_1", 1, 1)]);
    }
    let raw = rusqlite::Connection::open(&path).expect("the file");
    let kept = |id: &str| {
        let query = "SELECT attempts FROM deliveries WHERE id = ?1";
        let kept = raw.query_row(query, [id], |row| row.get::<_, String>(0));
        kept.expect("it is there")
    };
    assert!(kept("dlv_1").contains("a moment ago"));
    assert_eq!(kept("dlv_3"), "in a format of its own");
}
