//! The SQLite store keeps every store's promises, and a few of its own.

use std::sync::Arc;

use smswatch_core::store::Store;
use smswatch_store_sqlite::{OpenError, SqliteStore};
use smswatch_testkit::store_suite::StoreFixture;
use tempfile::TempDir;

struct Fixture {
    store: SqliteStore,
    _directory: TempDir,
}

impl Fixture {
    async fn fresh() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(&directory.path().join("store.db")).expect("a store");
        Self {
            store,
            _directory: directory,
        }
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
    let now = reopened.expect("it is free again").now().await;
    assert!(now.is_ok());
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
