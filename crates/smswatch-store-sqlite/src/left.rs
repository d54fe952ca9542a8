//! Log entries that a later version wrote and this one cannot read: kept for whoever can.

use rusqlite::{Connection, Result, params};
use smswatch_core::model::Timestamp;
use smswatch_core::store::{Bound, KeptAside, LeftStep, LogEntry, LogPosition, SetAside, Shard};

use crate::deliveries;
use crate::log::position;

/// How many entries one trim removes at most.
const MOST_TRIMMED: u64 = 1000;

pub(crate) fn add(connection: &Connection, entry: &SetAside, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO left_entries (at, position, error, body) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            now.as_millis(),
            entry.position.0,
            entry.error,
            entry.body
        ])?;
    Ok(())
}

pub(crate) fn read(
    connection: &Connection,
    after: Option<&LogPosition>,
    limit: u32,
) -> Result<Vec<LogEntry>> {
    let after: i64 = after.and_then(|after| after.0.parse().ok()).unwrap_or(0);
    connection
        .prepare_cached(
            "SELECT number, body FROM left_entries WHERE number > ?1 ORDER BY number LIMIT ?2",
        )?
        .query_map(params![after, limit], |row| {
            Ok(LogEntry {
                position: position(row.get(0)?),
                body: row.get(1)?,
            })
        })?
        .collect()
}

pub(crate) fn route(connection: &Connection, step: &LeftStep, now: Timestamp) -> Result<u64> {
    let mut added = 0;
    for delivery in &step.deliveries {
        added += u64::from(deliveries::add(connection, delivery, now)?);
    }
    let mut delete = connection.prepare_cached("DELETE FROM left_entries WHERE number = ?1")?;
    for entry in &step.entries {
        delete.execute([&entry.0])?;
    }
    Ok(added)
}

/// The newest entries, newest first.
pub(crate) fn newest(connection: &Connection) -> Result<Vec<KeptAside>> {
    connection
        .prepare_cached(
            "SELECT at, position, error, body FROM left_entries ORDER BY number DESC LIMIT ?1",
        )?
        .query_map([SetAside::MAX_KEPT], |row| {
            Ok(KeptAside {
                shard: Shard(0),
                at: Timestamp::from_millis(row.get(0)?),
                entry: SetAside {
                    position: position(row.get(1)?),
                    error: row.get(2)?,
                    body: row.get(3)?,
                    is_newer: true,
                },
            })
        })?
        .collect()
}

/// Removes the oldest entries that are too old or too many.
pub(crate) fn trim(connection: &Connection, bound: &Bound, now: Timestamp) -> Result<u64> {
    let too_old = (now - bound.keep_for).as_millis();
    let most = i64::try_from(bound.max).unwrap_or(i64::MAX);
    let removed = connection
        .prepare_cached(
            "DELETE FROM left_entries WHERE number IN (
                 SELECT number FROM left_entries
                 WHERE at < ?1 OR number <= (SELECT max(number) FROM left_entries) - ?2
                 ORDER BY number LIMIT ?3)",
        )?
        .execute(params![too_old, most, MOST_TRIMMED])?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}
