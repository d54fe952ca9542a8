//! Says of SQLite's errors whether waiting can help, and of rows that they cannot be ours.

use rusqlite::ErrorCode;
use smswatch_plugin::store::StoreError;

/// A full disk or a locked file may be mended while the process waits; damage is not.
pub(crate) fn store_error(error: &rusqlite::Error) -> StoreError {
    use ErrorCode as Code;
    match error.sqlite_error_code() {
        Some(
            Code::DatabaseBusy
            | Code::DatabaseLocked
            | Code::DiskFull
            | Code::SystemIoFailure
            | Code::ReadOnly
            | Code::CannotOpen
            | Code::OutOfMemory
            | Code::FileLockingProtocolFailed,
        ) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Unexpected(error.to_string()),
    }
}

/// An error for something that this version cannot have written.
pub(crate) fn unreadable(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, what.into())
}
