//! What another version wrote, and what another clock said, outlives a restart of the process.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use smswatch_plugin::async_trait;
use smswatch_plugin::model::MessageId;
use smswatch_plugin::store::{Shard, Store};
use smswatch_store_sqlite::{OpenError, SqliteStore};
use smswatch_testkit::store_suite::{Change, Legible, VersionsFixture, add, claim_new};
use tempfile::TempDir;

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

fn change(path: &Path, sql: &str) {
    let raw = rusqlite::Connection::open(path).expect("the file");
    raw.execute_batch(sql).expect("it is changed");
}

struct Fixture {
    directory: TempDir,
}

impl Fixture {
    async fn fresh() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store.db")
    }
}

#[async_trait]
impl VersionsFixture for Fixture {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(open(&self.path()).await)
    }

    async fn rewrite(&self, message_id: &MessageId, change: &Change<'_>) {
        let raw = rusqlite::Connection::open(self.path()).expect("the file");
        let id = message_id.as_str();
        let query = "SELECT record FROM watches WHERE id = ?1";
        let record = raw.query_row(query, [id], |row| row.get::<_, Vec<u8>>(0));
        let mut record = record.expect("a record");
        change(&mut record);
        let update = "UPDATE watches SET record = ?2 WHERE id = ?1";
        raw.execute(update, (id, record)).expect("it is written");
    }

    async fn write_new_words(&self) -> Legible {
        change(
            &self.path(),
            r#"UPDATE deliveries SET attempts = '[{"at":"a moment ago","with":7}]' WHERE id = 'dlv_0001';
               UPDATE deliveries SET state = 'snoozed' WHERE id = 'dlv_0002';
               UPDATE deliveries SET attempts = 'in a format of its own' WHERE id = 'dlv_0003';
               UPDATE deliveries SET id = 'a name with blanks' WHERE id = 'dlv_0004';"#,
        );
        Legible {
            claimed: 2,
            shown: vec![("dlv_0003", 0, 1), ("dlv_0001", 1, 1)],
        }
    }

    async fn check_new_words(&self) {
        let raw = rusqlite::Connection::open(self.path()).expect("the file");
        let kept = |id: &str| {
            let query = "SELECT attempts FROM deliveries WHERE id = ?1";
            let kept = raw.query_row(query, [id], |row| row.get::<_, String>(0));
            kept.expect("it is there")
        };
        assert!(kept("dlv_0001").contains("a moment ago"));
        assert_eq!(kept("dlv_0003"), "in a format of its own");
    }
}

smswatch_testkit::versions_suite!(Fixture::fresh);

#[tokio::test]
async fn an_id_of_a_later_version_keeps_no_other_watch_from_being_claimed() {
    let fixture = Fixture::fresh().await;
    let store = open(&fixture.path()).await;
    let now = store.now(SHARD).await.expect("the time");
    for name in ["mine", "newest"] {
        add(&store, &id(name), now).await;
    }
    change(
        &fixture.path(),
        "UPDATE watches SET id = 'a name with blanks' WHERE id = 'newest';",
    );
    let claimed = claim_new(&store, SHARD, LEASE).await;
    assert_eq!((claimed.watches.len(), claimed.put_aside), (1, Some(1)));
    drop(store);

    let later = open(&fixture.path()).await;
    let claimed = claim_new(&later, SHARD, LEASE).await;
    let names: Vec<_> = claimed.watches.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(
        names,
        ["mine"],
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
    add(&store, &id("m"), real + HOUR).await;
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
    let claimed = claim_new(&store, SHARD, LEASE).await;
    assert_eq!(claimed.watches.len(), 1);
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
