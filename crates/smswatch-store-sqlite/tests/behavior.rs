//! The SQLite store keeps every store's promises, and a few of its own.

use std::sync::Arc;
use std::time::Duration;

use smswatch_plugin::model::MessageId;
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    CommitItem, CommitOutcome, CommitStep, PageRequest, Records as _, Shard, Store, WatchPriority,
};
use smswatch_store_sqlite::{OpenError, SqliteStore};
use smswatch_testkit::store_suite::StoreFixture;
use tempfile::TempDir;

struct Fixture {
    store: SqliteStore,
    directory: TempDir,
}

impl Fixture {
    async fn fresh() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(&directory.path().join("store.db")).expect("a store");
        Self { store, directory }
    }
}

impl StoreFixture for Fixture {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }
}

smswatch_testkit::store_suite!(Fixture::fresh);

#[tokio::test]
async fn a_second_store_on_one_file_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let first = SqliteStore::open(&path).expect("a store");
    let refused = SqliteStore::open(&path).expect_err("it is in use");
    assert!(matches!(refused, OpenError::InUse(_)), "{refused}");
    drop(first);
    // The thread that owns the file ends a moment after the last handle is dropped.
    let reopened = (0..500).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        SqliteStore::open(&path).ok()
    });
    let now = reopened.expect("it is free again").now(Shard(0)).await;
    assert!(now.is_ok());
}

#[tokio::test]
async fn a_file_in_use_is_refused_under_every_name_it_has() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("folder")).expect("a folder");
    std::os::unix::fs::symlink("store.db", at("early.db"))
        .expect("a link to what is not there yet");
    let first = SqliteStore::open(&at("early.db")).expect("a store");
    std::os::unix::fs::symlink(at("store.db"), at("folder/link.db")).expect("a link");
    std::os::unix::fs::symlink(directory.path(), at("other")).expect("a link");
    std::fs::hard_link(at("store.db"), at("folder/hard.db")).expect("a second name");
    for name in [
        "store.db",
        "early.db",
        "folder/link.db",
        "other/store.db",
        "folder/hard.db",
    ] {
        let refused = SqliteStore::open(&at(name)).expect_err("it is in use");
        assert!(matches!(refused, OpenError::InUse(_)), "{name}: {refused}");
    }
    assert!(first.now(Shard(0)).await.is_ok());
    let locks = |folder: &str| {
        let entries = std::fs::read_dir(at(folder)).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| name.to_string_lossy().ends_with(".lock"))
            .count()
    };
    assert_eq!((locks("."), locks("folder")), (1, 0));
}

#[test]
fn what_can_be_no_store_is_refused_in_words_and_leaves_no_lock_behind() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("garbage.db"), "x".repeat(5000)).expect("a file");
    std::fs::create_dir(at("folder.db")).expect("a folder");
    let said = |name: &str| {
        let refused = SqliteStore::open(&at(name)).expect_err("it is refused");
        let here = directory.path().display().to_string();
        refused.to_string().replace(&here, "HERE")
    };
    let all = ["garbage.db", "folder.db", "nowhere/store.db"].map(said);
    insta::assert_snapshot!(all.join("\n"), @r"
    `HERE/garbage.db` exists and is not a file of SQLite: name another in `store.url`
    `HERE/folder.db` is a folder: name a file in it in `store.url`
    the folder `HERE/nowhere` does not exist: make it, or change `store.url`
    ");
    let mut left: Vec<_> = std::fs::read_dir(directory.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["folder.db", "garbage.db"]);
}

#[tokio::test]
async fn stores_in_memory_are_each_their_own_and_leave_no_file() {
    let memory = std::path::Path::new(":memory:");
    let (one, other) = (SqliteStore::open(memory), SqliteStore::open(memory));
    assert!(one.expect("a store").now(Shard(0)).await.is_ok());
    assert!(other.expect("a store").now(Shard(0)).await.is_ok());
    assert!(!std::path::Path::new(":memory:.lock").exists());
}

#[tokio::test]
async fn a_file_of_a_later_version_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let connection = rusqlite::Connection::open(&path).expect("a file");
    connection
        .pragma_update(None, "user_version", 99)
        .expect("a version");
    drop(connection);
    let refused = SqliteStore::open(&path).expect_err("it is too new");
    assert!(
        matches!(refused, OpenError::TooNew { version: 99, .. }),
        "{refused}"
    );
}

/// Adds two watches, of which the first cannot be read; returns the step that added them.
async fn add_one_unreadable(fixture: &Fixture) -> CommitStep {
    let ids = ["bad", "good"].map(|id| MessageId::new(id).expect("a valid id"));
    let now = fixture.store.now(Shard(0)).await.expect("the time");
    let items = ids.into_iter().map(|id| CommitItem {
        message_id: id,
        expected: None,
        record: Some(Record::new(WatchState::Watching, now, b"body")),
        priority: WatchPriority::New,
        entry: None,
    });
    let step = CommitStep {
        items: items.collect(),
        finished: Vec::new(),
    };
    fixture
        .store
        .commit(Shard(0), &step)
        .await
        .expect("a commit");
    let path = fixture.directory.path().join("store.db");
    let raw = rusqlite::Connection::open(path).expect("the file");
    raw.execute("UPDATE watches SET record = x'09' WHERE id = 'bad'", [])
        .expect("it is damaged");
    step
}

#[tokio::test]
async fn a_watch_that_cannot_be_read_keeps_no_other_from_being_written() {
    let fixture = Fixture::fresh().await;
    let mut step = add_one_unreadable(&fixture).await;
    for item in &mut step.items {
        item.expected = item.record.clone();
        item.entry = Some(b"entry".to_vec().into());
    }
    let committed = fixture.store.commit(Shard(0), &step).await;
    let committed = committed.expect("a commit");
    assert_eq!(
        committed.outcomes,
        [CommitOutcome::Unreadable, CommitOutcome::Done]
    );
    assert_eq!(committed.unrouted, 1);
}

#[tokio::test]
async fn a_watch_that_cannot_be_read_keeps_no_other_from_being_claimed() {
    let fixture = Fixture::fresh().await;
    let step = add_one_unreadable(&fixture).await;
    let ids: Vec<_> = step.items.iter().map(|item| &item.message_id).collect();
    let lease = Duration::from_secs(60);
    let claimed = fixture
        .store
        .claim(Shard(0), WatchPriority::New, 10, lease)
        .await;
    let claimed = claimed.expect("a claim");
    assert_eq!(claimed.unreadable.iter().collect::<Vec<_>>(), ids[..1]);
    assert_eq!(claimed.watches.len(), 1);
    assert_eq!(&claimed.watches[0].0, ids[1]);
    let all = PageRequest {
        cursor: None,
        limit: 10,
    };
    let page = fixture.store.watches(&all).await.expect("a page");
    assert_eq!(page.items.len(), 1);
}
