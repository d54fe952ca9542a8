//! Watches: records, due times, leases.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use smswatch_plugin::model::{MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Appended, ClaimedWatches, CommitItem, CommitOutcome, CommitStep, Committed, InvalidCursor,
    LeaseId, Loaded, Page, PageRequest, UnreadableRecord, WatchPriority,
};

use crate::{entries, log};

/// The number of the lease of watches that this version cannot read. It is never finished; it
/// ends when another process opens the file, and after [`OFFERED_EVERY`].
const ASIDE: i64 = -1;

/// How often it is tried whether what is put aside can be read by now.
const OFFERED_EVERY: Duration = Duration::from_secs(60);

/// How many watches that were removed one page passes over at most.
const MOST_SKIPPED: usize = 2_000;

/// Up to how many watches that are put aside are counted.
const MOST_COUNTED: u32 = 10_000;

pub(crate) fn load(connection: &Connection, ids: &[MessageId]) -> Result<Vec<Loaded>> {
    let load_one = |id| {
        Ok(match stored(connection, id)? {
            Some(None) => Err(UnreadableRecord),
            Some(record) => Ok(record),
            None => Ok(None),
        })
    };
    ids.iter().map(load_one).collect()
}

/// What is stored of a watch: a record, or something that this version cannot read.
fn stored(connection: &Connection, id: &MessageId) -> Result<Option<Option<Record>>> {
    connection
        .prepare_cached("SELECT record FROM watches WHERE id = ?1")?
        .query_row([id.as_str()], |row| record(row, 0))
        .optional()
}

/// Reads a record; `None` where a column holds something else.
fn record(row: &Row<'_>, column: usize) -> Result<Option<Record>> {
    let bytes = row.get_ref(column)?.as_bytes().ok();
    Ok(bytes.and_then(Record::from_bytes))
}

pub(crate) fn commit(
    connection: &Connection,
    step: &CommitStep,
    now: Timestamp,
) -> Result<Committed> {
    let mut positions = Vec::new();
    let outcomes = step
        .items
        .iter()
        .map(|item| {
            let current = match stored(connection, &item.message_id)? {
                Some(None) => return Ok(CommitOutcome::Unreadable),
                current => current.flatten(),
            };
            if current != item.expected {
                return Ok(CommitOutcome::Conflict(current));
            }
            if let Some(entry) = &item.entry {
                positions.push(entries::append(
                    connection,
                    Some(&item.message_id),
                    entry,
                    now,
                )?);
            }
            write(connection, item)?;
            Ok(CommitOutcome::Done)
        })
        .collect::<Result<_>>()?;
    // Positions have no gaps.
    for lease in &step.finished {
        give_back(connection, step, lease)?;
    }
    let appended = positions.first().map(|first| Appended {
        after: entries::position(first - 1),
        positions: positions.iter().copied().map(entries::position).collect(),
    });
    Ok(Committed {
        outcomes,
        unrouted: log::unrouted(connection)?,
        appended,
    })
}

/// Makes claimable what keeps its due time and stood under a lease that has come to its end.
fn give_back(connection: &Connection, step: &CommitStep, lease: &LeaseId) -> Result<()> {
    let Ok(number) = lease.0.parse::<i64>() else {
        return Ok(());
    };
    let mut give_back = connection
        .prepare_cached("UPDATE watches SET at = ?2, lease = NULL WHERE id = ?1 AND lease = ?3")?;
    for item in &step.items {
        let due = |record: &Option<Record>| record.as_ref().map(Record::due);
        if let (Some(due), true) = (due(&item.record), due(&item.expected) == due(&item.record)) {
            give_back.execute(params![item.message_id.as_str(), due.as_millis(), number])?;
        }
    }
    Ok(())
}

fn write(connection: &Connection, item: &CommitItem) -> Result<()> {
    let id = item.message_id.as_str();
    let due_before = item.expected.as_ref().map(Record::due);
    match &item.record {
        // The same due time stays claimed, or claimable, as it is.
        Some(record) if due_before == Some(record.due()) => connection
            .prepare_cached("UPDATE watches SET record = ?2, state = ?3, lane = ?4 WHERE id = ?1")?
            .execute(params![
                id,
                record.as_bytes(),
                record.state().byte(),
                lane_number(item.priority),
            ])?,
        None => connection
            .prepare_cached("DELETE FROM watches WHERE id = ?1")?
            .execute([id])?,
        Some(record) => connection
            .prepare_cached(
                "INSERT INTO watches (id, record, state, lane, at) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET record = excluded.record, state = excluded.state,
                     lane = excluded.lane, at = excluded.at, lease = NULL",
            )?
            .execute(params![
                id,
                record.as_bytes(),
                record.state().byte(),
                lane_number(item.priority),
                record.due().as_millis(),
            ])?,
    };
    Ok(())
}

fn lane_number(priority: WatchPriority) -> i64 {
    match priority {
        WatchPriority::New => 0,
        WatchPriority::Rest => 1,
    }
}

pub(crate) fn claim(
    connection: &Connection,
    priority: WatchPriority,
    limit: u32,
    lease: Duration,
    now: Timestamp,
) -> Result<ClaimedWatches> {
    let priority = lane_number(priority);
    let rows: Vec<(String, Option<Record>)> = connection
        .prepare_cached(
            "SELECT id, record FROM watches WHERE lane = ?1 AND at <= ?2 ORDER BY at LIMIT ?3",
        )?
        .query_map(params![priority, now.as_millis(), limit], |row| {
            Ok((row.get(0)?, record(row, 1)?))
        })?
        .collect::<Result<_>>()?;
    let (mut watches, mut strange) = (Vec::with_capacity(rows.len()), Vec::new());
    for (id, record) in rows {
        match (MessageId::new(&id), record) {
            (Ok(id), Some(record)) => watches.push((id, record)),
            _ => strange.push(id),
        }
    }
    let lease = if watches.is_empty() {
        None
    } else {
        Some(take(connection, &watches, (now + lease).as_millis())?)
    };
    let mut unreadable = Vec::new();
    for id in strange {
        // What was aside before is no news.
        if aside(connection, &id, now)? {
            unreadable.extend(MessageId::new(&id));
        }
    }
    let put_aside = connection
        .prepare_cached(
            "SELECT count(*) FROM
                 (SELECT 1 FROM watches WHERE lease = ?1 AND lane = ?2 LIMIT ?3)",
        )?
        .query_row(params![ASIDE, priority, MOST_COUNTED], |row| row.get(0))?;
    let next_due = connection
        .prepare_cached("SELECT at FROM watches WHERE lane = ?1 ORDER BY at LIMIT 1")?
        .query_row([priority], |row| row.get(0).map(Timestamp::from_millis))
        .optional()?;
    Ok(ClaimedWatches {
        lease,
        watches,
        unreadable,
        put_aside: Some(put_aside),
        next_due,
        now,
    })
}

fn take<T>(connection: &Connection, watches: &[(MessageId, T)], until: i64) -> Result<LeaseId> {
    let number: i64 = connection
        .prepare_cached(
            "UPDATE numbers SET value = value + 1 WHERE name = 'lease' RETURNING value",
        )?
        .query_row([], |row| row.get(0))?;
    let mut update =
        connection.prepare_cached("UPDATE watches SET at = ?2, lease = ?3 WHERE id = ?1")?;
    for (id, _) in watches {
        update.execute(params![id.as_str(), until, number])?;
    }
    Ok(LeaseId(number.to_string()))
}

/// Makes watches due that are scheduled, or held, further ahead than anything can be.
pub(crate) fn recall(
    connection: &Connection,
    priority: WatchPriority,
    furthest: Duration,
    now: Timestamp,
) -> Result<u64> {
    let recalled = connection
        .prepare_cached(
            "UPDATE watches SET at = ?2, lease = NULL WHERE id IN
                 (SELECT id FROM watches WHERE lane = ?1 AND at > ?3 LIMIT ?4)",
        )?
        .execute(params![
            lane_number(priority),
            now.as_millis(),
            (now + furthest).as_millis(),
            MOST_COUNTED,
        ])?;
    Ok(u64::try_from(recalled).unwrap_or(u64::MAX))
}

/// Puts a watch aside that cannot be read; returns whether it was not put aside before.
fn aside(connection: &Connection, id: &str, now: Timestamp) -> Result<bool> {
    let before: Option<i64> = connection
        .prepare_cached("SELECT lease FROM watches WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    connection
        .prepare_cached("UPDATE watches SET at = ?2, lease = ?3 WHERE id = ?1")?
        .execute(params![id, (now + OFFERED_EVERY).as_millis(), ASIDE])?;
    Ok(before != Some(ASIDE))
}

/// Puts watches aside whose bodies the caller cannot read.
pub(crate) fn put_aside(connection: &Connection, ids: &[MessageId], now: Timestamp) -> Result<()> {
    for id in ids {
        if stored(connection, id)?.is_some() {
            aside(connection, id.as_str(), now)?;
        }
    }
    Ok(())
}

/// A watch's id and record; `None` when either cannot be read.
fn identified(row: &Row<'_>) -> Result<(String, Option<(MessageId, Record)>)> {
    let text: String = row.get(0)?;
    let id = MessageId::new(&text).ok();
    Ok((text, id.zip(record(row, 1)?)))
}

pub(crate) fn release(connection: &Connection, lease: &LeaseId, now: Timestamp) -> Result<()> {
    let Ok(number) = lease.0.parse::<i64>() else {
        return Ok(());
    };
    connection
        .prepare_cached("UPDATE watches SET at = ?2, lease = NULL WHERE lease = ?1")?
        .execute(params![number, now.as_millis()])?;
    Ok(())
}

/// Gives back what everybody had claimed.
pub(crate) fn end_leases(connection: &Connection, now: Timestamp) -> Result<()> {
    connection.execute(
        "UPDATE watches SET at = min(at, ?1), lease = NULL WHERE lease IS NOT NULL",
        [now.as_millis()],
    )?;
    Ok(())
}

/// What a cursor begins with, before the last id that was told.
const AFTER: &str = "after:";

/// Reads a cursor that [`page`] gave out: the id behind which the page begins.
pub(crate) fn parse_cursor(request: &PageRequest) -> std::result::Result<String, InvalidCursor> {
    match &request.cursor {
        None => Ok(String::new()),
        Some(text) => text
            .strip_prefix(AFTER)
            .map(str::to_owned)
            .ok_or(InvalidCursor),
    }
}

/// A page of all but the removed ones. Where many of those lie in the way, it shows fewer than `limit`, and
/// its cursor goes on.
pub(crate) fn page(
    connection: &Connection,
    after: &str,
    limit: usize,
) -> Result<Page<(MessageId, Record)>> {
    let most = i64::try_from(limit.saturating_add(MOST_SKIPPED)).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT id, record, state FROM watches WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, most])?;
    let (mut items, mut last, mut n_shown, mut n_read) = (Vec::new(), None, 0, 0);
    while n_shown < limit {
        let Some(row) = rows.next()? else { break };
        n_read += 1;
        let (id, watch) = identified(row)?;
        if row.get_ref(2)?.as_i64().ok() != Some(i64::from(WatchState::Removed.byte())) {
            n_shown += 1;
            items.extend(watch);
        }
        last = Some(id);
    }
    let may_be_more = n_shown >= limit || n_read >= most;
    let next = last
        .filter(|_| may_be_more)
        .map(|id| format!("{AFTER}{id}"));
    Ok(Page { items, next })
}

pub(crate) fn by_state(connection: &Connection) -> Result<Vec<(WatchState, u64)>> {
    let counts: Vec<(u8, u64)> = connection
        .prepare_cached("SELECT state, count FROM watch_counts WHERE count > 0")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_>>()?;
    let known = counts
        .into_iter()
        .filter_map(|(state, count)| WatchState::from_byte(state).map(|state| (state, count)));
    Ok(known.collect())
}
