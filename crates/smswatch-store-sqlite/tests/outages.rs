//! What happens to the file from outside: locked by somebody else, or cut off by a crash.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use smswatch_plugin::model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Attempt, ClaimedDelivery, CommitItem, CommitStep, Completion, Loaded, NewDelivery, Outcome,
    Pick, Priority, Queues as _, Records as _, Shard, Store, StoreError, WatchPriority,
};
use smswatch_store_sqlite::{OpenError, SqliteStore};
use smswatch_testkit::PATIENCE;

fn message(n: u32) -> MessageId {
    MessageId::new(format!("message-{n}")).expect("a valid id")
}

async fn add(store: &SqliteStore, n: u32) -> Result<(), StoreError> {
    let due = Timestamp::from_millis(1_700_000_000_000);
    let item = CommitItem {
        message_id: message(n),
        expected: None,
        record: Some(Record::new(WatchState::Watching, due, &[7; 36])),
        priority: WatchPriority::Rest,
        entry: Some(vec![1; 64].into()),
    };
    let step = CommitStep {
        items: vec![item],
        finished: Vec::new(),
    };
    store.commit(Shard(0), &step).await.map(|_| ())
}

/// Which of the first `count` messages are watched.
async fn known(store: &SqliteStore, count: u32) -> Vec<bool> {
    let ids: Vec<MessageId> = (0..count).map(message).collect();
    let records = store.load(Shard(0), &ids).await.expect("it can be read");
    let is_there = |record: &Loaded| matches!(record, Ok(Some(_)));
    records.iter().map(is_there).collect()
}

/// Opens a file whose last owner is about to let go of it.
fn reopen(path: &Path) -> SqliteStore {
    let begun = Instant::now();
    loop {
        match SqliteStore::open(path) {
            Ok(store) => return store,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "it is never free: {error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn a_file_that_somebody_else_locks_is_said_to_be_locked_and_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let other = rusqlite::Connection::open(&path).expect("a file");
    other.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    let refused = SqliteStore::open(&path).expect_err("it is locked");
    assert!(refused.is_passing());
    let OpenError::Sqlite { source, .. } = refused else {
        panic!("this is another error: {refused}");
    };
    assert!(source.to_string().contains("locked"), "{source}");
    other.execute_batch("ROLLBACK").expect("it gives way");

    let store = reopen(&path);
    add(&store, 0).await.expect("it is free");
    other.execute_batch("BEGIN IMMEDIATE").expect("a lock");
    let error = add(&store, 1).await.expect_err("it is locked");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("locked"), "{error}");
    // A lock that goes soon is nobody's trouble.
    let waiting = add(&store, 1);
    let giving_way = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        other.execute_batch("ROLLBACK").expect("it gives way");
    };
    let (added, ()) = tokio::join!(waiting, giving_way);
    added.expect("it is free again");
    assert_eq!(known(&store, 2).await, [true, true]);
}

#[tokio::test]
async fn what_a_killed_process_had_claimed_is_due_at_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let hour = Duration::from_secs(3600);
    let store = SqliteStore::open(&path).expect("a store");
    add(&store, 0).await.expect("it is written");
    let delivery = NewDelivery {
        id: DeliveryId::new("dlv_1").expect("a valid id"),
        sink: "crm".to_owned(),
        rule: "rule".to_owned(),
        priority: Priority::Normal,
        message_ids: vec![message(0)],
        body: vec![1],
        suppressed: None,
    };
    store.enqueue(Shard(0), delivery).await.expect("queued");
    let claim = async |store: &SqliteStore| {
        let watches = store.claim(Shard(0), WatchPriority::Rest, 10, hour).await;
        let queue = store.claim_deliveries(Shard(0), "crm", Priority::Normal, Pick::Due(10), hour);
        let deliveries = queue.await.expect("a claim").deliveries;
        (watches.expect("a claim").watches.len(), deliveries)
    };
    let complete = async |store: &SqliteStore, claimed: &ClaimedDelivery, outcome| {
        let attempt = Attempt {
            at: claimed.queued_at,
            result: "x".to_owned(),
            detail: String::new(),
        };
        let completion = Completion {
            id: claimed.id.clone(),
            token: claimed.token,
            outcome,
            attempt,
            fallback: None,
        };
        let held = store.complete(Shard(0), "crm", &[completion]).await;
        held.expect("an answer").done.remove(0)
    };
    let (_, first) = claim(&store).await;
    assert!(complete(&store, &first[0], Outcome::Retry(Duration::ZERO)).await);
    let (n_watches, killed) = claim(&store).await;
    assert_eq!((n_watches, killed.len()), (0, 1), "the watch is claimed");
    drop(store);

    let store = reopen(&path);
    assert!(!complete(&store, &killed[0], Outcome::Delivered).await);
    let (n_watches, claimed) = claim(&store).await;
    assert_eq!((n_watches, claimed.len()), (1, 1));
    assert_eq!(claimed[0].attempts_made, 1);
    assert!(!complete(&store, &killed[0], Outcome::Delivered).await);
    assert!(complete(&store, &claimed[0], Outcome::Delivered).await);
}

#[tokio::test]
async fn what_is_due_later_stays_so_over_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).expect("a store");
    let later = store.now(Shard(0)).await.expect("the time") + Duration::from_secs(3600);
    let record = Record::new(WatchState::Watching, later, &[7; 36]);
    let item = CommitItem {
        message_id: message(0),
        expected: None,
        record: Some(record),
        priority: WatchPriority::Rest,
        entry: None,
    };
    let step = CommitStep {
        items: vec![item],
        finished: Vec::new(),
    };
    store.commit(Shard(0), &step).await.expect("a commit");
    drop(store);
    let claim = reopen(&path)
        .claim(Shard(0), WatchPriority::Rest, 10, Duration::ZERO)
        .await;
    let claimed = claim.expect("a claim");
    assert_eq!((claimed.watches.len(), claimed.next_due), (0, Some(later)));
}

/// Copies a store as a crash would leave it, with so much of its write-ahead log.
fn crashed(path: &Path, directory: &Path, percent: u64) -> PathBuf {
    let log = |path: &Path| path.with_extension("db-wal");
    let copy = directory.join("copy.db");
    std::fs::copy(path, &copy).expect("a copy");
    std::fs::copy(log(path), log(&copy)).expect("a copy of the log");
    let file = std::fs::OpenOptions::new().write(true).open(log(&copy));
    let file = file.expect("the copy");
    let length = file.metadata().expect("a length").len();
    file.set_len(length * percent / 100).expect("it can be cut");
    copy
}

#[tokio::test]
async fn a_log_that_a_crash_cut_off_keeps_what_is_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).expect("a store");
    add(&store, 0).await.expect("it is written");
    // At its end a store moves everything from the log into the file.
    drop(store);
    let store = reopen(&path);
    for n in 1..50 {
        add(&store, n).await.expect("it is written");
    }
    // How much of the log is left, in percent, and what is known then.
    for (percent, expected) in [(100, 50..=50), (60, 2..=49), (0, 1..=1)] {
        let directory = tempfile::tempdir().expect("a directory");
        let copy = SqliteStore::open(&crashed(&path, directory.path(), percent));
        let copy = copy.expect("it opens all the same");
        let known = known(&copy, 50).await;
        let count = known.iter().filter(|known| **known).count();
        assert!(expected.contains(&count), "{count} of {expected:?}");
        assert!(known[..count].iter().all(|known| *known), "{known:?}");
        add(&copy, 100).await.expect("it goes on");
    }
}
