//! The event log: entries in order, and the cursor behind which they wait to be routed.

use rusqlite::{Connection, OptionalExtension as _, Result, ToSql, params};
use smswatch_plugin::model::{MessageId, Timestamp};
use smswatch_plugin::store::{
    Bound, EventFilter, InvalidCursor, KeptAside, LogEntry, LogPosition, LogSlice, NewEntry, Page,
    PageRequest, RouteOutcome, RouteStep, SetAside,
};

use crate::entries::{add_to, kept_aside, position};
use crate::trim::{last_trimmed, two_ends};
use crate::{deliveries, kept, left};

/// How many entries one trim removes at most.
const MOST_TRIMMED: i64 = 1000;

fn number(connection: &Connection, name: &str) -> Result<i64> {
    connection
        .prepare_cached("SELECT value FROM numbers WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
}

/// Positions have no gaps: an insertion that is undone gives its number back.
pub(crate) fn unrouted(connection: &Connection) -> Result<u64> {
    let last: i64 = connection
        .prepare_cached("SELECT coalesce(max(position), 0) FROM log")?
        .query_row([], |row| row.get(0))?;
    Ok(u64::try_from(last.saturating_sub(number(connection, "cursor")?)).unwrap_or(0))
}

pub(crate) fn read(connection: &Connection, limit: u32, now: Timestamp) -> Result<LogSlice> {
    let cursor = number(connection, "cursor")?;
    Ok(LogSlice {
        cursor: position(cursor),
        entries: after(connection, cursor, limit)?,
        now,
    })
}

/// The place of the newest entry; 0 if there is none.
pub(crate) fn end(connection: &Connection) -> Result<LogPosition> {
    connection
        .prepare_cached("SELECT coalesce(max(position), 0) FROM log")?
        .query_row([], |row| row.get(0))
        .map(position)
}

/// The entries behind a place, oldest first.
pub(crate) fn after(connection: &Connection, after: i64, limit: u32) -> Result<Vec<LogEntry>> {
    connection
        .prepare_cached(
            "SELECT position, body FROM log WHERE position > ?1 ORDER BY position LIMIT ?2",
        )?
        .query_map(params![after, limit], |row| {
            let position: i64 = row.get(0)?;
            Ok(LogEntry {
                position: self::position(position),
                body: row.get(1)?,
            })
        })?
        .collect()
}

pub(crate) fn route(
    connection: &Connection,
    step: &RouteStep,
    now: Timestamp,
) -> Result<RouteOutcome> {
    let (Ok(from), Ok(to)) = (step.from.0.parse::<i64>(), step.to.0.parse::<i64>()) else {
        return Ok(RouteOutcome::Moved);
    };
    if number(connection, "cursor")? != from {
        return Ok(RouteOutcome::Moved);
    }
    if !kept::write_all(connection, &step.records)? {
        return Ok(RouteOutcome::Conflict);
    }
    connection
        .prepare_cached("UPDATE numbers SET value = ?2 WHERE name = 'cursor' AND value = ?1")?
        .execute(params![from, to])?;
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
    add_to(connection, "set_aside", entry, now)?;
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
        .query_map([], |row| kept_aside(row, false))?
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

/// The newest entries before a position: those that the indices find, then those that no index knows.
pub(crate) fn page(
    connection: &Connection,
    filter: &EventFilter,
    before: i64,
    limit: usize,
) -> Result<Page<Vec<u8>>> {
    let kind = filter.kind.filter(|kind| *kind != NewEntry::COMMON);
    let mut rows = match (&filter.message_id, kind) {
        (Some(id), _) => read_of_message(connection, id, before, limit)?,
        (None, Some(kind)) => read_page(connection, OF_KIND, kind.as_str(), before, limit)?,
        (None, None) => read_before(connection, before, limit)?,
    };
    let is_filtered = filter.message_id.is_some() || kind.is_some();
    if is_filtered && rows.len() < limit {
        let (unindexed, rest) = (number(connection, "unindexed")?, limit - rows.len());
        let before = before.min(unindexed.saturating_add(1));
        rows.extend(read_before(connection, before, rest)?);
    }
    let next = rows
        .last()
        .filter(|_| rows.len() >= limit)
        .map(|(position, _)| position.to_string());
    Ok(Page {
        items: rows.into_iter().map(|(_, body)| body).collect(),
        next,
    })
}

/// The position of the first entry that was appended at `at` or later, or behind the last one. Entries stand in the order
/// of their times, so half of what is left is passed over with each look.
pub(crate) fn first_since(connection: &Connection, at: Timestamp) -> Result<i64> {
    let Some((mut low, last)) = ends(connection)? else {
        return Ok(0);
    };
    let mut high = last + 1;
    let mut look = connection.prepare_cached("SELECT at FROM log WHERE position = ?1")?;
    while low < high {
        let middle = low + (high - low) / 2;
        let middle_at: Option<i64> = look.query_row([middle], |row| row.get(0)).optional()?;
        match middle_at.is_some_and(|middle_at| middle_at >= at.as_millis()) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Ok(low)
}

/// Those of one message in one span of the log, as the index `log_by_span` has them.
const OF_MESSAGE: &str = "SELECT position, body FROM log
                          WHERE position >> 14 = ?1 AND message_id = ?2 AND position < ?3
                          ORDER BY position DESC LIMIT ?4";

/// How many bits of a position say where in its span it is.
const SPAN_BITS: u32 = 14;

/// Those of one of the kinds that are indexed.
const OF_KIND: &str = "SELECT log.position, log.body FROM log_kinds CROSS JOIN log
                       ON log.position = log_kinds.position
                       WHERE log_kinds.kind = ?1 AND log_kinds.position < ?2
                       ORDER BY log_kinds.position DESC LIMIT ?3";

/// All before a position. There is one bound: of two SQLite seeks one, and reads up to the other row by row.
const OF_ANY: &str = "SELECT position, body FROM log WHERE position < ?1
                      ORDER BY position DESC LIMIT ?2";

fn read_before(connection: &Connection, before: i64, limit: usize) -> Result<Vec<(i64, Vec<u8>)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(OF_ANY)?
        .query_map(params![before, limit], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Asks one span after the other, the newest first: there are sixty in a million entries.
fn read_of_message(
    connection: &Connection,
    id: &MessageId,
    before: i64,
    limit: usize,
) -> Result<Vec<(i64, Vec<u8>)>> {
    let Some((first, last)) = ends(connection)? else {
        return Ok(Vec::new());
    };
    let mut statement = connection.prepare_cached(OF_MESSAGE)?;
    let mut found = Vec::new();
    let newest = last.min(before.saturating_sub(1));
    for span in (first >> SPAN_BITS..=newest >> SPAN_BITS).rev() {
        let rest = i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
        if rest == 0 {
            break;
        }
        let rows = statement.query_map(params![span, id.as_str(), before, rest], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

/// The positions of the first entry and of the last one, if there is any.
fn ends(connection: &Connection) -> Result<Option<(i64, i64)>> {
    let query = "SELECT (SELECT min(position) FROM log), (SELECT max(position) FROM log)";
    two_ends(connection, query)
}

fn read_page(
    connection: &Connection,
    query: &str,
    wanted: impl ToSql,
    before: i64,
    limit: usize,
) -> Result<Vec<(i64, Vec<u8>)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached(query)?
        .query_map(params![wanted, before, limit], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect()
}

/// Removes the oldest routed entries that are too old or too many.
///
/// Positions have no gaps, so what goes is a range; no entry is read that stays, but the first.
pub(crate) fn trim(connection: &Connection, bound: &Bound, now: Timestamp) -> Result<u64> {
    let Some((first, last)) = ends(connection)? else {
        return Ok(0);
    };
    let most = i64::try_from(bound.max).unwrap_or(i64::MAX);
    let surplus = last.saturating_sub(most);
    let end = number(connection, "cursor")?.min(first + MOST_TRIMMED - 1);
    let young = "SELECT position FROM log WHERE position BETWEEN ?1 AND ?2 AND at >= ?3
                 ORDER BY position LIMIT 1";
    let since = now - bound.keep_for;
    let end = last_trimmed(connection, young, (first, end), surplus, since)?;
    if end < first {
        return Ok(0);
    }
    connection
        .prepare_cached("DELETE FROM log_kinds WHERE position <= ?1")?
        .execute([end])?;
    let removed = connection
        .prepare_cached("DELETE FROM log WHERE position BETWEEN ?1 AND ?2")?
        .execute([first, end])?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    /// A log of three messages that has entries on both sides of the ends of spans, and gaps of several spans.
    fn log() -> (Connection, Vec<i64>) {
        let mut connection = Connection::open_in_memory().expect("a file");
        schema::upgrade(&mut connection, 0).expect("tables");
        schema::complete(&connection).expect("indices");
        let length = 1_i64 << SPAN_BITS;
        let around = |span: i64| (-4..5).map(move |offset| span * length + offset);
        let positions: Vec<i64> = [1, 2, 3, 7, 8].into_iter().flat_map(around).collect();
        for position in &positions {
            let entry = "INSERT INTO log (position, at, body, message_id) VALUES (?1, 1, ?2, ?3)";
            let message = format!("m{}", position % 3);
            let body = position.to_be_bytes();
            let added = connection.execute(entry, params![position, body, message]);
            added.expect("an entry");
        }
        (connection, positions)
    }

    fn read(connection: &Connection, message: i64, limit: usize) -> Vec<i64> {
        let filter = EventFilter {
            message_id: MessageId::new(format!("m{message}")).ok(),
            kind: None,
        };
        let mut request = PageRequest {
            cursor: None,
            limit,
        };
        let mut found = Vec::new();
        loop {
            let before = parse_cursor(&request).expect("a cursor");
            let page = page(connection, &filter, before, limit).expect("a page");
            assert!(page.items.len() <= limit);
            let position = |body: Vec<u8>| i64::from_be_bytes(body.try_into().expect("a position"));
            found.extend(page.items.into_iter().map(position));
            match page.next {
                Some(next) => request.cursor = Some(next),
                None => return found,
            }
        }
    }

    #[test]
    fn pages_of_a_message_show_all_its_entries_over_all_spans_newest_first() {
        let (connection, positions) = log();
        // What is trimmed leaves the beginning of a span without entries.
        for trimmed in [0, 3, 9, 14, 30] {
            let removed =
                connection.execute("DELETE FROM log WHERE position < ?1", [positions[trimmed]]);
            removed.expect("it is trimmed");
            for (message, limit) in (0..3).flat_map(|message| (1..30).map(move |n| (message, n))) {
                let kept = positions[trimmed..].iter().rev().copied();
                let wanted: Vec<i64> = kept.filter(|position| position % 3 == message).collect();
                assert_eq!(read(&connection, message, limit), wanted, "by {limit}");
            }
        }
        assert!(read(&connection, 7, 10).is_empty());
    }

    #[test]
    fn entries_of_a_message_are_found_by_the_index_of_spans() {
        let (connection, _) = log();
        let question = format!("EXPLAIN QUERY PLAN {OF_MESSAGE}");
        let plan = connection.query_row(&question, params![1, "m1", 9, 9], |row| {
            row.get::<_, String>(3)
        });
        let by_index = "SEARCH log USING INDEX log_by_span (<expr>=? AND message_id=? AND rowid<?)";
        assert_eq!(plan.as_deref(), Ok(by_index));
    }
}
