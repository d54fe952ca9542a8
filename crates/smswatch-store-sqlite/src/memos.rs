//! Memos: small values that change by compare-and-set.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{Memo, NewEntry};

use crate::entries;

pub(crate) fn read(connection: &Connection, name: &str) -> Result<Option<Memo>> {
    connection
        .prepare_cached("SELECT version, value FROM memos WHERE name = ?1")?
        .query_row([name], |row| {
            let version: i64 = row.get(0)?;
            Ok(Memo {
                version: version.unsigned_abs(),
                value: row.get(1)?,
            })
        })
        .optional()
}

pub(crate) fn write(
    connection: &Connection,
    name: &str,
    expected: Option<u64>,
    value: &[u8],
    entries: &[NewEntry],
    now: Timestamp,
) -> Result<bool> {
    let changed = match expected {
        None => connection
            .prepare_cached("INSERT OR IGNORE INTO memos VALUES (?1, 1, ?2)")?
            .execute(params![name, value])?,
        Some(version) => connection
            .prepare_cached(
                "UPDATE memos SET version = version + 1, value = ?3
                 WHERE name = ?1 AND version = ?2",
            )?
            .execute(params![name, i64::try_from(version).unwrap_or(-1), value])?,
    };
    if changed == 0 {
        return Ok(false);
    }
    for entry in entries {
        entries::append(connection, entry.about.as_ref(), entry, now)?;
    }
    Ok(true)
}
