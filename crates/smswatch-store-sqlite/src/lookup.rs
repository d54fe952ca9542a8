//! Deliveries that are looked up, one by one and page by page.

use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use smswatch_plugin::model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::store::{
    DeliveryFilter, DeliveryState, InvalidCursor, Page, PageRequest, StoredDelivery,
};

use crate::deliveries::read_attempts;
use crate::error::unreadable;
use crate::origins::{Place, most, newest_before};

const COLUMNS: &str = "number, id, sink, rule, state, message_ids, created_at, due, attempts_made, \
                       attempts, body, queued_at";

/// Reads a row: its number, and the delivery unless it is in a state, or has a name, that this version does
/// not know.
fn stored(row: &Row<'_>) -> Result<(i64, Option<StoredDelivery>)> {
    let (number, state): (i64, String) = (row.get(0)?, row.get(4)?);
    let id = DeliveryId::new(row.get::<_, String>(1)?).ok();
    let Some((id, state)) = id.zip(DeliveryState::from_word(&state)) else {
        return Ok((number, None));
    };
    let ids: String = row.get(5)?;
    let ids = ids.lines().map(MessageId::new).filter_map(|id| id.ok());
    let due = Timestamp::from_millis(row.get(7)?);
    let delivery = StoredDelivery {
        id,
        sink: row.get(2)?,
        rule: row.get(3)?,
        state,
        message_ids: ids.collect(),
        created_at: Timestamp::from_millis(row.get(6)?),
        next_attempt_at: (state == DeliveryState::Pending).then_some(due),
        attempts_made: row.get(8)?,
        attempts: read_attempts(&row.get::<_, String>(9)?),
        body: row.get(10)?,
        queued_at: Timestamp::from_millis(row.get(11)?),
    };
    Ok((number, Some(delivery)))
}

pub(crate) fn find(connection: &Connection, id: &DeliveryId) -> Result<Option<StoredDelivery>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM deliveries WHERE id = ?1"))?
        .query_row([id.as_str()], |row| match stored(row)? {
            (_, Some(delivery)) => Ok(delivery),
            (_, None) => Err(unreadable("a delivery's state")),
        })
        .optional()
}

/// Where a page of deliveries goes on: behind a number, behind a number of one of several messages, or
/// behind a place where several origins are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    Start,
    Number(i64),
    Message(usize, i64),
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
        match text.split_once('.') {
            None if *filter == DeliveryFilter::default() => Ok(Self::Number(number(text)?)),
            Some((place, text)) if !filter.message_ids.is_empty() => {
                let place = place.parse().map_err(|_| InvalidCursor)?;
                Ok(Self::Message(place, number(text)?))
            }
            Some((changed_at, text)) if *filter != DeliveryFilter::default() => {
                Ok(Self::Place((number(changed_at)?, number(text)?)))
            }
            _ => Err(InvalidCursor),
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Number(number) => number,
            _ => i64::MAX,
        }
    }

    /// The place of a message among those that are wanted, and the number behind which it goes on.
    fn message(self) -> (usize, i64) {
        match self {
            Self::Message(place, number) => (place, number),
            _ => (0, i64::MAX),
        }
    }

    fn place(self) -> Place {
        match self {
            Self::Place(place) => place,
            _ => (i64::MAX, i64::MAX),
        }
    }
}

pub(crate) fn page(
    connection: &Connection,
    filter: &DeliveryFilter,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    if !filter.message_ids.is_empty() {
        page_of_messages(connection, filter, cursor, limit)
    } else if *filter == DeliveryFilter::default() {
        page_of_all(connection, cursor, limit)
    } else {
        page_of_origins(connection, filter, cursor, limit)
    }
}

fn page_of_all(
    connection: &Connection,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    let rows: Vec<(i64, Option<StoredDelivery>)> = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM deliveries WHERE number < ?1 ORDER BY number DESC LIMIT ?2"
        ))?
        .query_map(params![cursor.number(), most(limit)], stored)?
        .collect::<Result<_>>()?;
    let next = rows
        .last()
        .filter(|_| rows.len() >= limit)
        .map(|(number, _)| number.to_string());
    let items = rows.into_iter().filter_map(|(_, delivery)| delivery);
    Ok(Page {
        items: items.collect(),
        next,
    })
}

/// Those of the first message before those of the next.
fn page_of_messages(
    connection: &Connection,
    filter: &DeliveryFilter,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    let (first, mut behind) = cursor.message();
    let (mut items, mut room) = (Vec::new(), limit);
    for (place, message_id) in filter.message_ids.iter().enumerate().skip(first) {
        let rows = of_message(connection, filter, message_id, behind, room)?;
        let last = rows.last().map(|(number, _)| *number);
        let is_full = rows.len() >= room;
        room -= rows.len().min(room);
        items.extend(rows.into_iter().filter_map(|(_, delivery)| delivery));
        if let Some(last) = last.filter(|_| is_full) {
            let next = Some(format!("{place}.{last}"));
            return Ok(Page { items, next });
        }
        behind = i64::MAX;
    }
    Ok(Page { items, next: None })
}

fn of_message(
    connection: &Connection,
    filter: &DeliveryFilter,
    message_id: &MessageId,
    behind: i64,
    limit: usize,
) -> Result<Vec<(i64, Option<StoredDelivery>)>> {
    connection
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
                behind,
                filter.state.map(DeliveryState::as_str),
                filter.sink,
                filter.rule,
                filter.since.map(Timestamp::as_millis),
                most(limit),
            ],
            stored,
        )?
        .collect()
}

/// Finds the places of the page among all origins that the filter wants, and reads only what is there.
fn page_of_origins(
    connection: &Connection,
    filter: &DeliveryFilter,
    cursor: Cursor,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    let places = newest_before(connection, filter, cursor.place(), limit)?;
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
        items: items.filter_map(Result::transpose).collect::<Result<_>>()?,
        next,
    })
}
