//! Opens a file for this process alone.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use smswatch_core::model::Timestamp;

use crate::clock::Clock;
use crate::{deliveries, numbers, schema, watches};

/// Why a file could not be opened as a store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has the file.
    #[error("`{0}` is in use by another smswatch: one SQLite file serves one process")]
    InUse(PathBuf),
    /// The lock beside the file cannot be made.
    #[error("could not make the lock file `{path}`")]
    Lock {
        /// The lock.
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
            Self::InUse(_) | Self::TooNew { .. } => false,
        }
    }
}

/// An open file, and the lock that keeps others away while it lives.
pub(crate) fn open(path: &Path) -> Result<(Connection, File, Clock), OpenError> {
    let lock = lock(path)?;
    let failed = |source| OpenError::Sqlite {
        path: path.to_owned(),
        source,
    };
    let mut connection = Connection::open(path).map_err(failed)?;
    connection
        .pragma_update(None, "journal_mode", "WAL")
        .map_err(failed)?;
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    connection
        .pragma_update(None, "foreign_keys", "ON")
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
    let clock = Clock::new(numbers::latest_instant(&connection).map_err(failed)?);
    end_leases(&mut connection, clock.now()).map_err(failed)?;
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

/// The lock says that nobody else lives who could have claimed anything: a process that was killed
/// leaves nothing that its successor has to wait for.
fn end_leases(connection: &mut Connection, now: Timestamp) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    watches::end_leases(&transaction, now)?;
    deliveries::end_leases(&transaction, now)?;
    transaction.commit()
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let mut name = OsString::from(path);
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let failed = |source| OpenError::Lock {
        path: lock_path.clone(),
        source,
    };
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
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
