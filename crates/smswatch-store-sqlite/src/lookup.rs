//! Deliveries that are looked up, counted, and trimmed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::VecDeque;

use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use smswatch_core::model::{DeliveryId, MessageId, Timestamp};
use smswatch_core::store::{
    Bound, DeliveryFilter, DeliveryState, InvalidCursor, Page, PageRequest, QueueGauge,
    StoredDelivery,
};

use crate::deliveries::{delivery_id, read_attempts};
use crate::error::unreadable;

/// How many deliveries one trim removes at most.
const MOST_TRIMMED: u64 = 1000;

/// How many places of one origin are read at once while several are merged.
const CHUNK: usize = 32;

const COLUMNS: &str = "number, id, sink, rule, state, message_ids, created_at, due, attempts_made, \
                       attempts, body, queued_at";

fn stored(row: &Row<'_>) -> Result<(i64, StoredDelivery)> {
    let state: String = row.get(4)?;
    let state = DeliveryState::from_word(&state).ok_or_else(|| unreadable("a delivery's state"))?;
    let ids: String = row.get(5)?;
    let ids = ids
        .lines()
        .map(|id| MessageId::new(id).map_err(|_| unreadable("a message id")));
    let due = Timestamp::from_millis(row.get(7)?);
    let delivery = StoredDelivery {
        id: delivery_id(row.get(1)?)?,
        sink: row.get(2)?,
        rule: row.get(3)?,
        state,
        message_ids: ids.collect::<Result<_>>()?,
        created_at: Timestamp::from_millis(row.get(6)?),
        next_attempt_at: (state == DeliveryState::Pending).then_some(due),
        attempts_made: row.get(8)?,
        attempts: read_attempts(&row.get::<_, String>(9)?)?,
        body: row.get(10)?,
        queued_at: Timestamp::from_millis(row.get(11)?),
    };
    Ok((row.get(0)?, delivery))
}

pub(crate) fn find(connection: &Connection, id: &DeliveryId) -> Result<Option<StoredDelivery>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM deliveries WHERE id = ?1"))?
        .query_row([id.as_str()], |row| {
            stored(row).map(|(_, delivery)| delivery)
        })
        .optional()
}

/// When a delivery ended, or was queued while it is pending, and its number.
type Place = (i64, i64);

/// Where a page of deliveries goes on: behind a number, or behind a place where several origins are
/// merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    Start,
    Number(i64),
    Place(Place),
}

impl Cursor {
    /// Reads a cursor that [`page`] gave out for the same filter.
    pub(crate) fn parse(
        filter: &DeliveryFilter,
        request: &PageRequest,
    ) -> std::result::Result<Self, InvalidCursor> {
        let Some(text) = &request.cursor else {
            return Ok(Self::Start);
        };
        let number = |text: &str| text.parse::<i64>().map_err(|_| InvalidCursor);
        match (is_by_number(filter), text.split_once('.')) {
            (true, None) => Ok(Self::Number(number(text)?)),
            (false, Some((changed_at, text))) => {
                Ok(Self::Place((number(changed_at)?, number(text)?)))
            }
            _ => Err(InvalidCursor),
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Start => i64::MAX,
            Self::Number(number) | Self::Place((_, number)) => number,
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Place(place) => place,
            Self::Start | Self::Number(_) => (i64::MAX, i64::MAX),
        }
    }
}

/// Whether a page is read in the order of numbers: all deliveries, or the few of one message.
fn is_by_number(filter: &DeliveryFilter) -> bool {
    filter.message_id.is_some() || *filter == DeliveryFilter::default()
}

pub(crate) fn page(
    connection: &Connection,
    filter: &DeliveryFilter,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    match &filter.message_id {
        Some(message_id) => page_of_message(connection, filter, message_id, cursor, limit),
        None if is_by_number(filter) => page_of_all(connection, cursor, limit),
        None => page_of_origins(connection, filter, cursor, limit),
    }
}

fn page_of_all(
    connection: &Connection,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    let rows: Vec<(i64, StoredDelivery)> = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM deliveries WHERE number < ?1 ORDER BY number DESC LIMIT ?2"
        ))?
        .query_map(params![cursor.number(), most(limit)], stored)?
        .collect::<Result<_>>()?;
    Ok(numbered(rows, limit))
}

fn page_of_message(
    connection: &Connection,
    filter: &DeliveryFilter,
    message_id: &MessageId,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    let rows: Vec<(i64, StoredDelivery)> = connection
        .prepare_cached(&format!(
            "SELECT deliveries.{} FROM delivery_messages
             CROSS JOIN deliveries ON deliveries.number = delivery_messages.number
             WHERE delivery_messages.message_id = ?1 AND delivery_messages.number < ?2
               AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR sink = ?4)
               AND (?5 IS NULL OR rule = ?5) AND (?6 IS NULL OR changed_at >= ?6)
             ORDER BY delivery_messages.number DESC LIMIT ?7",
            COLUMNS.replace(", ", ", deliveries.")
        ))?
        .query_map(
            params![
                message_id.as_str(),
                cursor.number(),
                filter.state.map(DeliveryState::as_str),
                filter.sink,
                filter.rule,
                filter.since.map(Timestamp::as_millis),
                most(limit),
            ],
            stored,
        )?
        .collect::<Result<_>>()?;
    Ok(numbered(rows, limit))
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn numbered(rows: Vec<(i64, StoredDelivery)>, limit: usize) -> Page<StoredDelivery> {
    let next = rows
        .last()
        .filter(|_| rows.len() >= limit)
        .map(|(number, _)| number.to_string());
    Page {
        items: rows.into_iter().map(|(_, delivery)| delivery).collect(),
        next,
    }
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

/// Merges the deliveries of all origins that the filter wants, newest first, and reads those that are
/// on the page.
fn page_of_origins(
    connection: &Connection,
    filter: &DeliveryFilter,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    let since = filter.since.map_or(i64::MIN, Timestamp::as_millis);
    let mut origins = origins(connection, filter)?;
    let mut newest = BinaryHeap::with_capacity(origins.len());
    for (which, origin) in origins.iter_mut().enumerate() {
        origin.read(connection, cursor.place(), since)?;
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
    let mut read = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM deliveries WHERE number = ?1"
    ))?;
    let items = places
        .iter()
        .map(|(_, number)| read.query_row([number], |row| stored(row).map(|(_, found)| found)));
    let next = places
        .last()
        .filter(|_| places.len() >= limit)
        .map(|(changed_at, number)| format!("{changed_at}.{number}"));
    Ok(Page {
        items: items.collect::<Result<_>>()?,
        next,
    })
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

/// Removes the deliveries in one of `states` that ended too long ago or are too many.
pub(crate) fn trim(
    connection: &Connection,
    state: DeliveryState,
    bound: &Bound,
    now: Timestamp,
) -> Result<u64> {
    let too_old = (now - bound.keep_for).as_millis();
    let count: u64 = connection
        .prepare_cached("SELECT coalesce(sum(count), 0) FROM delivery_counts WHERE state = ?1")?
        .query_row([state.as_str()], |row| row.get(0))?;
    let surplus = count.saturating_sub(bound.max).min(MOST_TRIMMED);
    let mut delete = connection.prepare_cached(
        "DELETE FROM deliveries WHERE number IN (
             SELECT number FROM deliveries WHERE state = ?1 AND ended_at < ?2
             ORDER BY ended_at LIMIT ?3)",
    )?;
    let removed = delete.execute(params![state.as_str(), i64::MAX, surplus])?;
    let left = MOST_TRIMMED - surplus;
    let expired = delete.execute(params![state.as_str(), too_old, left])?;
    Ok(u64::try_from(removed + expired).unwrap_or(u64::MAX))
}

/// Forgets the counters of what no delivery has any more, so that there are few.
pub(crate) fn trim_counts(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM delivery_counts WHERE count = 0")?
        .execute([])?;
    Ok(())
}

pub(crate) fn gauges(connection: &Connection) -> Result<Vec<QueueGauge>> {
    let mut queues: Vec<QueueGauge> = connection
        .prepare_cached(
            "SELECT sink, sum(CASE state WHEN 'pending' THEN count ELSE 0 END),
                 sum(CASE state WHEN 'dead' THEN count ELSE 0 END)
             FROM delivery_counts GROUP BY sink",
        )?
        .query_map([], |row| {
            Ok(QueueGauge {
                sink: row.get(0)?,
                pending: row.get(1)?,
                dead: row.get(2)?,
                oldest: None,
            })
        })?
        .collect::<Result<_>>()?;
    let mut oldest = connection.prepare_cached(
        "SELECT min(queued_at) FROM deliveries
         WHERE state = 'pending' AND sink = ?1 AND priority = ?2",
    )?;
    for queue in &mut queues {
        for priority in 0..=1 {
            let queued_at: Option<i64> =
                oldest.query_row(params![queue.sink, priority], |row| row.get(0))?;
            let queued_at = queued_at.map(Timestamp::from_millis);
            queue.oldest = queue.oldest.into_iter().chain(queued_at).min();
        }
    }
    Ok(queues)
}
