//! Why a file could not be opened as a store.

use std::io::ErrorKind;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::schema;

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
