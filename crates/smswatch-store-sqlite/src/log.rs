//! The event log: entries in order, and the cursor behind which they wait to be routed.

use rusqlite::{Connection, Result, params};
use smswatch_core::model::Timestamp;
use smswatch_core::store::{
    Bound, InvalidCursor, KeptAside, LogEntry, LogPosition, LogSlice, Page, PageRequest,
    RouteOutcome, RouteStep, SetAside, Shard,
};

use crate::{deliveries, left};

/// How many entries one trim removes at most.
const MOST_TRIMMED: u64 = 1000;

/// Appends an entry and answers its place.
pub(crate) fn append(connection: &Connection, body: &[u8], now: Timestamp) -> Result<i64> {
    connection
        .prepare_cached("INSERT INTO log (at, body) VALUES (?1, ?2)")?
        .execute(params![now.as_millis(), body])?;
    Ok(connection.last_insert_rowid())
}

/// A place, in the words that others hear.
pub(crate) fn position(number: i64) -> LogPosition {
    LogPosition(number.to_string())
}

fn cursor(connection: &Connection) -> Result<i64> {
    connection
        .prepare_cached("SELECT value FROM numbers WHERE name = 'cursor'")?
        .query_row([], |row| row.get(0))
}

/// Positions have no gaps: an insertion that is undone gives its number back.
pub(crate) fn unrouted(connection: &Connection) -> Result<u64> {
    let last: i64 = connection
        .prepare_cached("SELECT coalesce(max(position), 0) FROM log")?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(last.saturating_sub(cursor(connection)?)).unwrap_or(0))
}

pub(crate) fn read(connection: &Connection, limit: u32, now: Timestamp) -> Result<LogSlice> {
    let cursor = cursor(connection)?;
    let entries = connection
        .prepare_cached(
            "SELECT position, body FROM log WHERE position > ?1 ORDER BY position LIMIT ?2",
        )?
        .query_map(params![cursor, limit], |row| {
            let position: i64 = row.get(0)?;
            Ok(LogEntry {
                position: self::position(position),
                body: row.get(1)?,
            })
        })?
        .collect::<Result<_>>()?;
    Ok(LogSlice {
        cursor: position(cursor),
        entries,
        now,
    })
}

pub(crate) fn route(
    connection: &Connection,
    step: &RouteStep,
    now: Timestamp,
) -> Result<RouteOutcome> {
    let (Ok(from), Ok(to)) = (step.from.0.parse::<i64>(), step.to.0.parse::<i64>()) else {
        return Ok(RouteOutcome::Moved);
    };
    let moved = connection
        .prepare_cached("UPDATE numbers SET value = ?2 WHERE name = 'cursor' AND value = ?1")?
        .execute(params![from, to])?;
    if moved == 0 {
        return Ok(RouteOutcome::Moved);
    }
    let mut added = 0;
    for delivery in &step.deliveries {
        added += u64::from(deliveries::add(connection, delivery, now)?);
    }
    for entry in &step.set_aside {
        put_aside(connection, entry, now)?;
    }
    Ok(RouteOutcome::Done { added })
}

fn put_aside(connection: &Connection, entry: &SetAside, now: Timestamp) -> Result<()> {
    if entry.is_newer {
        return left::add(connection, entry, now);
    }
    connection
        .prepare_cached(
            "INSERT INTO set_aside (at, position, error, body) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            now.as_millis(),
            entry.position.0,
            entry.error,
            entry.body
        ])?;
    let newest = connection.last_insert_rowid();
    let kept = i64::try_from(SetAside::MAX_KEPT).unwrap_or(i64::MAX);
    connection
        .prepare_cached("DELETE FROM set_aside WHERE number <= ?1")?
        .execute([newest.saturating_sub(kept)])?;
    Ok(())
}

/// The entries that are kept, newest first.
pub(crate) fn set_aside(connection: &Connection) -> Result<Vec<KeptAside>> {
    connection
        .prepare_cached("SELECT at, position, error, body FROM set_aside ORDER BY number DESC")?
        .query_map([], |row| {
            Ok(KeptAside {
                shard: Shard(0),
                at: Timestamp::from_millis(row.get(0)?),
                entry: SetAside {
                    position: position(row.get(1)?),
                    error: row.get(2)?,
                    body: row.get(3)?,
                    is_newer: false,
                },
            })
        })?
        .chain(left::newest(connection)?.into_iter().map(Ok))
        .collect()
}

/// How many entries were ever set aside.
pub(crate) fn n_set_aside(connection: &Connection) -> Result<u64> {
    connection
        .prepare_cached(
            "SELECT coalesce(sum(seq), 0) FROM sqlite_sequence
             WHERE name IN ('set_aside', 'left_entries')",
        )?
        .query_row([], |row| row.get(0))
}

/// Reads a cursor that [`page`] gave out.
pub(crate) fn parse_cursor(request: &PageRequest) -> std::result::Result<i64, InvalidCursor> {
    match &request.cursor {
        None => Ok(i64::MAX),
        Some(text) => text.parse().map_err(|_| InvalidCursor),
    }
}

pub(crate) fn page(connection: &Connection, before: i64, limit: usize) -> Result<Page<Vec<u8>>> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<(i64, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT position, body FROM log WHERE position < ?1 ORDER BY position DESC LIMIT ?2",
        )?
        .query_map(params![before, most], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    let next = rows
        .last()
        .filter(|_| rows.len() >= limit)
        .map(|(position, _)| position.to_string());
    Ok(Page {
        items: rows.into_iter().map(|(_, body)| body).collect(),
        next,
    })
}

/// Removes the oldest routed entries that are too old or too many.
pub(crate) fn trim(connection: &Connection, bound: &Bound, now: Timestamp) -> Result<u64> {
    let too_old = (now - bound.keep_for).as_millis();
    let most = i64::try_from(bound.max).unwrap_or(i64::MAX);
    let removed = connection
        .prepare_cached(
            "DELETE FROM log WHERE position IN (
                 SELECT position FROM log
                 WHERE position <= ?1
                   AND (at < ?2 OR position <= (SELECT max(position) FROM log) - ?3)
                 ORDER BY position LIMIT ?4)",
        )?
        .execute(params![cursor(connection)?, too_old, most, MOST_TRIMMED])?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}
