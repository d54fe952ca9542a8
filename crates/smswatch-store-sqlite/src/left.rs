//! Log entries that a later version wrote and this one cannot read: kept for a version that can.

use rusqlite::{Connection, Result, params};
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{
    Bound, KeptAside, LeftStep, LogEntry, LogPosition, RouteOutcome, SetAside,
};

use crate::entries::{add_to, kept_aside, position};
use crate::trim::{last_trimmed, two_ends};
use crate::{deliveries, kept};

/// How many entries one trim removes at most.
const MOST_TRIMMED: i64 = 1000;

pub(crate) fn add(connection: &Connection, entry: &SetAside, now: Timestamp) -> Result<()> {
    add_to(connection, "left_entries", entry, now)
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

pub(crate) fn route(
    connection: &Connection,
    step: &LeftStep,
    now: Timestamp,
) -> Result<RouteOutcome> {
    let mut find = connection.prepare_cached("SELECT 1 FROM left_entries WHERE number = ?1")?;
    for entry in &step.entries {
        if !find.exists([&entry.0])? {
            return Ok(RouteOutcome::Conflict);
        }
    }
    if !kept::write_all(connection, &step.records)? {
        return Ok(RouteOutcome::Conflict);
    }
    let mut added = 0;
    for delivery in &step.deliveries {
        added += u64::from(deliveries::add(connection, delivery, now)?);
    }
    let mut delete = connection.prepare_cached("DELETE FROM left_entries WHERE number = ?1")?;
    for entry in &step.entries {
        delete.execute([&entry.0])?;
    }
    Ok(RouteOutcome::Done { added })
}

/// The newest entries, newest first.
pub(crate) fn newest(connection: &Connection) -> Result<Vec<KeptAside>> {
    connection
        .prepare_cached(
            "SELECT at, position, error, body FROM left_entries
             WHERE number > (SELECT max(number) FROM left_entries) - ?1 ORDER BY number DESC",
        )?
        .query_map([SetAside::MAX_KEPT], |row| kept_aside(row, true))?
        .collect()
}

/// Removes the oldest entries that are too old or too many.
pub(crate) fn trim(connection: &Connection, bound: &Bound, now: Timestamp) -> Result<u64> {
    let ends =
        "SELECT (SELECT min(number) FROM left_entries), (SELECT max(number) FROM left_entries)";
    let Some((first, last)) = two_ends(connection, ends)? else {
        return Ok(0);
    };
    let surplus = last.saturating_sub(i64::try_from(bound.max).unwrap_or(i64::MAX));
    let end = last.min(first + MOST_TRIMMED - 1);
    let young = "SELECT number FROM left_entries WHERE number BETWEEN ?1 AND ?2 AND at >= ?3
                 ORDER BY number LIMIT 1";
    let since = now - bound.keep_for;
    let end = last_trimmed(connection, young, (first, end), surplus, since)?;
    let removed = connection
        .prepare_cached("DELETE FROM left_entries WHERE number BETWEEN ?1 AND ?2")?
        .execute([first, end])?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}
