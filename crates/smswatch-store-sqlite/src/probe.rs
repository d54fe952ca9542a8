//! Tries whether a file can be the store, and leaves nothing behind.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::lock::{FileLock, check_place};
use crate::open_error::OpenError;
use crate::schema;

/// What was found where a store is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// There is no file yet; the first start makes it.
    Missing,
    /// There is a file that can be opened and written.
    Ready,
    /// Another smswatch has the file: nothing more was tried.
    InUse,
}

/// Tries whether the file at `path` can be the store. An existing file is opened and closed, and a missing
/// one is not made. Blocks the thread for some seconds while another process has the file locked.
///
/// # Errors
///
/// It cannot: it is no file of SQLite, a later version wrote it, or it cannot be written.
pub fn probe(path: &Path) -> Result<Probed, OpenError> {
    if path.as_os_str() == ":memory:" {
        return Ok(Probed::Ready);
    }
    check_place(path)?;
    if !path.exists() {
        return Ok(Probed::Missing);
    }
    let lock = match FileLock::take(path) {
        Err(OpenError::InUse(_)) => return Ok(Probed::InUse),
        taken => taken?,
    };
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotSqlite(path.to_owned()),
        _ => OpenError::Sqlite {
            path: path.to_owned(),
            source,
        },
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(lock.path(), flags).map_err(failed)?;
    let version = schema::version(&connection).map_err(failed)?;
    if version > schema::VERSION {
        return Err(OpenError::TooNew {
            path: path.to_owned(),
            version,
        });
    }
    connection
        .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
        .map_err(failed)?;
    Ok(Probed::Ready)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ffi::OsString;

    use super::*;
    use crate::SqliteStore;

    fn files(folder: &Path) -> BTreeSet<OsString> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names.collect()
    }

    #[test]
    fn a_file_is_tried_without_leaving_anything_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.db");
        assert_eq!(probe(&path).expect("it can be made"), Probed::Missing);
        assert!(files(folder.path()).is_empty());

        let store = SqliteStore::open(&path).expect("a store");
        assert_eq!(probe(&path).expect("it is used"), Probed::InUse);
        drop(store);
        // The store's thread closes the file.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while probe(&path).expect("a store") == Probed::InUse {
            assert!(std::time::Instant::now() < deadline, "it stays in use");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let before = files(folder.path());
        assert_eq!(probe(&path).expect("a store"), Probed::Ready);
        assert_eq!(files(folder.path()), before);
        drop(SqliteStore::open(&path).expect("it can still be opened"));
    }

    #[test]
    fn what_can_be_no_store_is_told_with_why() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = folder.path().join("notes.txt");
        std::fs::write(
            &text,
            "no database at all, and long enough to be read as one ".repeat(50),
        )
        .expect("a file");
        assert!(matches!(probe(&text), Err(OpenError::NotSqlite(_))));
        assert!(matches!(probe(folder.path()), Err(OpenError::Folder(_))));
        let nowhere = folder.path().join("nowhere/store.db");
        assert!(matches!(probe(&nowhere), Err(OpenError::NoFolder(_))));
        let newer = folder.path().join("newer.db");
        let connection = Connection::open(&newer).expect("a file");
        connection
            .pragma_update(None, "user_version", schema::VERSION + 1)
            .expect("a version");
        drop(connection);
        assert!(matches!(probe(&newer), Err(OpenError::TooNew { .. })));
    }
}
