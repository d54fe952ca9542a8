//! Records of other kinds than watches: versions, due times, leases.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{
    ClaimedRecords, InvalidCursor, KeptRecord, Page, PageRequest, RecordChange, RecordCommit,
    RecordId, RecordKind, RecordsCommitted,
};

use crate::{deliveries, entries};

/// Reads a row of id, version, due time and body; `None` if its id is none.
fn record(row: &Row<'_>) -> Result<Option<KeptRecord>> {
    let id: String = row.get(0)?;
    let (version, due): (i64, Option<i64>) = (row.get(1)?, row.get(2)?);
    let body = row.get(3)?;
    Ok(RecordId::new(id).ok().map(|id| KeptRecord {
        id,
        version: version.unsigned_abs(),
        due: due.map(Timestamp::from_millis),
        body,
    }))
}

pub(crate) fn load(
    connection: &Connection,
    kind: RecordKind,
    ids: &[RecordId],
) -> Result<Vec<Option<KeptRecord>>> {
    let load_one = |id: &RecordId| {
        let found = connection
            .prepare_cached(
                "SELECT id, version, due, body FROM records WHERE kind = ?1 AND id = ?2",
            )?
            .query_row([kind.as_str(), id.as_str()], record)
            .optional()?;
        Ok(found.flatten())
    };
    ids.iter().map(load_one).collect()
}

pub(crate) fn claim(
    connection: &Connection,
    kind: RecordKind,
    limit: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<ClaimedRecords> {
    let found: Vec<Option<KeptRecord>> = connection
        .prepare_cached(
            "SELECT id, version, due, body FROM records WHERE kind = ?1 AND at <= ?2
             ORDER BY at LIMIT ?3",
        )?
        .query_map(params![kind.as_str(), now.as_millis(), limit], record)?
        .collect::<Result<_>>()?;
    let records: Vec<_> = found.into_iter().flatten().collect();
    let mut take =
        connection.prepare_cached("UPDATE records SET at = ?3 WHERE kind = ?1 AND id = ?2")?;
    for record in &records {
        take.execute(params![
            kind.as_str(),
            record.id.as_str(),
            (now + lease).as_millis()
        ])?;
    }
    let next_due = connection
        .prepare_cached(
            "SELECT at FROM records WHERE kind = ?1 AND at IS NOT NULL ORDER BY at LIMIT 1",
        )?
        .query_row([kind.as_str()], |row| {
            row.get(0).map(Timestamp::from_millis)
        })
        .optional()?;
    Ok(ClaimedRecords {
        records,
        next_due,
        now,
    })
}

/// Gives back what everybody had claimed.
pub(crate) fn end_leases(connection: &Connection) -> Result<()> {
    connection.execute("UPDATE records SET at = due WHERE at <> due", [])?;
    Ok(())
}

pub(crate) fn commit(
    connection: &Connection,
    commits: &[RecordCommit],
    now: Timestamp,
) -> Result<RecordsCommitted> {
    let mut committed = RecordsCommitted::default();
    for commit in commits {
        let is_done = write(connection, &commit.change)?;
        committed.done.push(is_done);
        if !is_done {
            continue;
        }
        for entry in &commit.entries {
            entries::append(connection, entry.about.as_ref(), entry, now)?;
        }
        for delivery in &commit.deliveries {
            committed.queued += u64::from(deliveries::add(connection, delivery, now)?);
        }
    }
    Ok(committed)
}

/// Changes records if all of them are as expected; returns whether they were.
pub(crate) fn write_all(connection: &Connection, changes: &[RecordChange]) -> Result<bool> {
    for change in changes {
        let id = std::slice::from_ref(&change.id);
        let current = load(connection, change.kind, id)?.pop().flatten();
        if current.map(|record| record.version) != change.expected {
            return Ok(false);
        }
    }
    for change in changes {
        write(connection, change)?;
    }
    Ok(true)
}

/// Changes one record if it is as expected; returns whether it was.
fn write(connection: &Connection, change: &RecordChange) -> Result<bool> {
    let (kind, id) = (change.kind.as_str(), change.id.as_str());
    let version = |version| i64::try_from(version).unwrap_or(-1);
    let expected = change.expected.map(version);
    let Some(record) = &change.record else {
        let removed = connection
            .prepare_cached("DELETE FROM records WHERE kind = ?1 AND id = ?2 AND version = ?3")?
            .execute(params![kind, id, expected])?;
        // What is not there and is to go is as expected.
        let current = load(connection, change.kind, std::slice::from_ref(&change.id))?;
        return Ok(removed == 1 || (expected.is_none() && current[0].is_none()));
    };
    let version: i64 = connection
        .prepare_cached(
            "UPDATE numbers SET value = value + 1 WHERE name = 'record' RETURNING value",
        )?
        .query_row([], |row| row.get(0))?;
    let due = record.due.map(Timestamp::as_millis);
    let changed = match expected {
        None => connection
            .prepare_cached(
                "INSERT OR IGNORE INTO records (kind, id, version, due, at, body)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            )?
            .execute(params![kind, id, version, due, record.body])?,
        Some(expected) => connection
            .prepare_cached(
                "UPDATE records SET version = ?3, due = ?4, at = ?4, body = ?5
                 WHERE kind = ?1 AND id = ?2 AND version = ?6",
            )?
            .execute(params![kind, id, version, due, record.body, expected])?,
    };
    Ok(changed == 1)
}

/// What a cursor begins with, before the last id that was told.
const AFTER: &str = "after:";

/// Reads a cursor that [`page`] gave out: the id behind which the page begins.
pub(crate) fn parse_cursor(request: &PageRequest) -> std::result::Result<String, InvalidCursor> {
    let after = request.cursor.as_deref().unwrap_or(AFTER);
    let after = after.strip_prefix(AFTER).map(str::to_owned);
    after.ok_or(InvalidCursor)
}

pub(crate) fn page(
    connection: &Connection,
    kind: RecordKind,
    after: &str,
    limit: usize,
) -> Result<Page<KeptRecord>> {
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let found: Vec<Option<KeptRecord>> = connection
        .prepare_cached(
            "SELECT id, version, due, body FROM records WHERE kind = ?1 AND id > ?2
             ORDER BY id LIMIT ?3",
        )?
        .query_map(params![kind.as_str(), after, most], record)?
        .collect::<Result<_>>()?;
    let is_full = found.len() >= limit;
    let items: Vec<_> = found.into_iter().flatten().collect();
    let next = items.last().filter(|_| is_full);
    let next = next.map(|last| format!("{AFTER}{}", last.id.as_str()));
    Ok(Page { items, next })
}
