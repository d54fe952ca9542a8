//! Opens a file for this process alone.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use smswatch_plugin::model::Timestamp;

use crate::clock::Clock;
use crate::lock::FileLock;
use crate::{deliveries, kept, numbers, schema, watches};

/// How much of the file the writing connection keeps in memory, in KiB: the inner pages of the indices, and
/// what was written lately.
const CACHE_KIB: i64 = 16 * 1024;

/// Why a file could not be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has the file.
    #[error("`{0}` is in use by another smswatch: one SQLite file serves one process")]
    InUse(PathBuf),
    /// The folder in which the file is to be does not exist.
    #[error("the folder `{0}` does not exist: make it, or change `store.url`")]
    NoFolder(PathBuf),
    /// There is a folder where the file is to be.
    #[error("`{0}` is a folder: name a file in it in `store.url`")]
    Folder(PathBuf),
    /// There is a file of another kind.
    #[error("`{0}` exists and is not a file of SQLite: name another in `store.url`")]
    NotSqlite(PathBuf),
    /// The file, or the lock beside it, cannot be opened for writing.
    #[error("could not open `{path}` for writing")]
    Lock {
        /// The file or the lock.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file was written by a later version.
    #[error(
        "`{path}` has version {version}; this smswatch knows versions up to {}",
        schema::VERSION
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// SQLite does not open it.
    #[error("SQLite could not open `{path}`")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// Whether the file may be there later without anybody changing anything here: a backup holds
    /// it, or the disk is full or in trouble.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Lock { source, .. } => {
                matches!(
                    source.kind(),
                    ErrorKind::StorageFull | ErrorKind::QuotaExceeded
                )
            }
            Self::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(
                    ErrorCode::DatabaseBusy
                        | ErrorCode::DatabaseLocked
                        | ErrorCode::DiskFull
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::FileLockingProtocolFailed
                )
            ),
            Self::InUse(_)
            | Self::NoFolder(_)
            | Self::Folder(_)
            | Self::NotSqlite(_)
            | Self::TooNew { .. } => false,
        }
    }
}

/// An open file, and the lock that keeps others away while it lives.
pub(crate) fn open(path: &Path) -> Result<(Connection, FileLock, Clock), OpenError> {
    let mut lock = FileLock::take(path)?;
    let failed = |source: rusqlite::Error| match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotSqlite(path.to_owned()),
        _ => OpenError::Sqlite {
            path: path.to_owned(),
            source,
        },
    };
    // Without `SQLITE_OPEN_URI`: a file may well be called `file:x`.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(lock.path(), flags).map_err(failed)?;
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    connection
        .pragma_update(None, "foreign_keys", "ON")
        .map_err(failed)?;
    connection
        .pragma_update(None, "cache_size", -CACHE_KIB)
        .map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    match schema::version(&connection).map_err(failed)? {
        schema::VERSION => {}
        version @ 0..schema::VERSION => {
            schema::upgrade(&mut connection, version).map_err(failed)?;
        }
        version => {
            return Err(OpenError::TooNew {
                path: path.to_owned(),
                version,
            });
        }
    }
    schema::complete(&connection).map_err(failed)?;
    // What a page was before a step changed it, kept until the step is done: in a file of its own it was a fifth of the
    // work. Set after an upgrade, which sorts whole tables.
    connection
        .pragma_update(None, "temp_store", "MEMORY")
        .map_err(failed)?;
    let clock = Clock::new(numbers::latest_instant(&connection).map_err(failed)?);
    end_leases(&mut connection, clock.now()).map_err(failed)?;
    lock.keep();
    Ok((connection, lock, clock))
}

/// A second connection to a file that [`open`] has opened, which only reads; none to a store that lives
/// in memory, which is its connection's alone.
pub(crate) fn open_to_read(path: &Path) -> Result<Option<Connection>, OpenError> {
    if path.as_os_str().is_empty() || path == Path::new(":memory:") {
        return Ok(None);
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|source| OpenError::Sqlite {
            path: path.to_owned(),
            source,
        })?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(Some(connection))
}

/// The lock proves that no other process lives that could have claimed anything: a process that was killed
/// leaves nothing that its successor has to wait for.
fn end_leases(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    watches::end_leases(&transaction, now)?;
    deliveries::end_leases(&transaction, now)?;
    kept::end_leases(&transaction)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn what_only_a_person_can_mend_is_not_waited_for() {
        let sqlite = |code| OpenError::Sqlite {
            path: PathBuf::from("store.db"),
            source: rusqlite::Error::SqliteFailure(ffi::Error::new(code), None),
        };
        let lock = |kind: ErrorKind| OpenError::Lock {
            path: PathBuf::from("store.db.lock"),
            source: kind.into(),
        };
        for (error, expected) in [
            (sqlite(ffi::SQLITE_BUSY), true),
            (sqlite(ffi::SQLITE_FULL), true),
            (sqlite(ffi::SQLITE_IOERR_WRITE), true),
            (sqlite(ffi::SQLITE_NOTADB), false),
            (sqlite(ffi::SQLITE_CORRUPT), false),
            (sqlite(ffi::SQLITE_CANTOPEN), false),
            (sqlite(ffi::SQLITE_READONLY), false),
            (lock(ErrorKind::StorageFull), true),
            (lock(ErrorKind::PermissionDenied), false),
            (OpenError::InUse(PathBuf::from("store.db")), false),
        ] {
            assert_eq!(error.is_passing(), expected, "{error:?}");
        }
    }
}
