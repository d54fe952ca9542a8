//! Opens a file for this process alone.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use smswatch_plugin::model::Timestamp;

use crate::clock::Clock;
use crate::lock::FileLock;
use crate::open_error::OpenError;
use crate::{deliveries, kept, numbers, schema, watches};

/// How much of the file the writing connection keeps in memory, in KiB: the inner pages of the indices, and
/// what was written lately.
const CACHE_KIB: i64 = 16 * 1024;

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
