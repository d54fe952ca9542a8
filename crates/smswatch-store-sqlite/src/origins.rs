//! Deliveries by where they come from and how far they are: several such lists, merged by time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use rusqlite::{Connection, Result, params};
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{DeliveryFilter, DeliveryState};

/// How many places of one origin are read at once while several are merged.
const CHUNK: usize = 32;

/// When a delivery ended, or was queued while it is pending, and its number.
pub(crate) type Place = (i64, i64);

/// A limit as SQLite takes it.
pub(crate) fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Deliveries of one sink, state and rule: the index has them in the order of their places.
struct Origin {
    sink: String,
    state: String,
    rule: String,
    /// The next of their places, newest first.
    places: VecDeque<Place>,
}

impl Origin {
    /// Reads the next places, newest first, which lie before `before`.
    fn read(&mut self, connection: &Connection, before: Place, since: i64) -> Result<()> {
        self.places = connection
            .prepare_cached(
                "SELECT changed_at, number FROM deliveries
                 WHERE sink = ?1 AND state = ?2 AND rule = ?3 AND changed_at >= ?4
                   AND changed_at <= ?5 AND (changed_at, number) < (?5, ?6)
                 ORDER BY changed_at DESC, number DESC LIMIT ?7",
            )?
            .query_map(
                params![
                    self.sink,
                    self.state,
                    self.rule,
                    since,
                    before.0,
                    before.1,
                    most(CHUNK)
                ],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?
            .collect::<Result<_>>()?;
        Ok(())
    }
}

fn origins(connection: &Connection, filter: &DeliveryFilter) -> Result<Vec<Origin>> {
    connection
        .prepare_cached(
            "SELECT sink, state, rule FROM delivery_counts
             WHERE count > 0 AND (?1 IS NULL OR sink = ?1) AND (?2 IS NULL OR state = ?2)
               AND (?3 IS NULL OR rule = ?3)",
        )?
        .query_map(
            params![
                filter.sink,
                filter.state.map(DeliveryState::as_str),
                filter.rule
            ],
            |row| {
                Ok(Origin {
                    sink: row.get(0)?,
                    state: row.get(1)?,
                    rule: row.get(2)?,
                    places: VecDeque::new(),
                })
            },
        )?
        .collect()
}

/// The newest places of all origins that the filter wants which lie before `before`, at most `limit`.
pub(crate) fn newest_before(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: Place,
    limit: usize,
) -> Result<Vec<Place>> {
    let since = filter.since.map_or(i64::MIN, Timestamp::as_millis);
    let mut origins = origins(connection, filter)?;
    let mut newest = BinaryHeap::with_capacity(origins.len());
    for (which, origin) in origins.iter_mut().enumerate() {
        origin.read(connection, before, since)?;
        newest.extend(origin.places.pop_front().map(|place| (place, which)));
    }
    let mut places = Vec::new();
    while let Some((place, which)) = newest.pop() {
        places.push(place);
        if places.len() >= limit {
            break;
        }
        let origin = &mut origins[which];
        if origin.places.is_empty() {
            origin.read(connection, place, since)?;
        }
        newest.extend(origin.places.pop_front().map(|place| (place, which)));
    }
    Ok(places)
}

/// The places of the ended deliveries of a sink that lie behind `after`, in the order of their end,
/// at most `limit`.
pub(crate) fn ended_after(
    connection: &Connection,
    filter: &DeliveryFilter,
    after: Place,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<Place>> {
    let since = filter.since.map_or(i64::MIN, Timestamp::as_millis);
    let mut first = BinaryHeap::new();
    for origin in origins(connection, filter)? {
        let mut select = connection.prepare_cached(
            "SELECT changed_at, number FROM deliveries
             WHERE sink = ?1 AND state = ?2 AND rule = ?3 AND changed_at BETWEEN ?4 AND ?5
               AND (changed_at, number) > (?6, ?7)
             ORDER BY changed_at, number LIMIT ?8",
        )?;
        let found = select.query_map(
            params![
                origin.sink,
                origin.state,
                origin.rule,
                since.max(after.0),
                until.as_millis(),
                after.0,
                after.1,
                limit
            ],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        for place in found {
            first.push(Reverse(place?));
        }
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(
        std::iter::from_fn(|| first.pop().map(|Reverse(place)| place))
            .take(limit)
            .collect(),
    )
}
