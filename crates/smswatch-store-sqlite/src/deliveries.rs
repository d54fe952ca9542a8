//! Deliveries: queues, attempts, and what became of them.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Result, Row, ToSql, params};
use smswatch_core::model::{DeliveryId, MessageId, Timestamp};
use smswatch_core::store::{
    Attempt, Bound, ClaimedDeliveries, ClaimedDelivery, Completion, DeliveryFilter, DeliveryState,
    DeliveryToken, NewDelivery, Outcome, Outcomes, Page, Priority, QueueGauge, StoredDelivery,
};

use crate::error::unreadable;

/// How many deliveries one trim removes at most.
const MOST_TRIMMED: u64 = 1000;

const COLUMNS: &str = "number, id, sink, rule, state, message_ids, created_at, due, attempts_made, \
                       attempts, body, queued_at";

/// Queues a delivery; answers whether it is new.
pub(crate) fn add(connection: &Connection, delivery: &NewDelivery, now: Timestamp) -> Result<bool> {
    let ids: Vec<&str> = delivery.message_ids.iter().map(MessageId::as_str).collect();
    let added = connection
        .prepare_cached(
            "INSERT INTO deliveries
                 (id, sink, rule, priority, state, message_ids, body, created_at, due, queued_at)
             VALUES (?1, ?2, ?3, ?4, 'pending', ?5, ?6, ?7, ?7, ?7) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            delivery.id.as_str(),
            delivery.sink,
            delivery.rule,
            delivery.priority.index(),
            ids.join("\n"),
            delivery.body,
            now.as_millis(),
        ])?;
    if added == 0 {
        return Ok(false);
    }
    let number = connection.last_insert_rowid();
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO delivery_messages (message_id, number) VALUES (?1, ?2)",
    )?;
    for id in ids {
        insert.execute(params![id, number])?;
    }
    Ok(true)
}

/// The numbers of deliveries that are due.
pub(crate) fn due(
    connection: &Connection,
    sink: &str,
    priority: Priority,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT number FROM deliveries
             WHERE state = 'pending' AND sink = ?1 AND priority = ?2 AND due <= ?3
             ORDER BY due, number LIMIT ?4",
        )?
        .query_map(
            params![sink, priority.index(), now.as_millis(), limit],
            |row| row.get(0),
        )?
        .collect()
}

/// The number of the delivery that would be first among those that belong to nobody, due or not.
pub(crate) fn first(
    connection: &Connection,
    sink: &str,
    priority: Priority,
    now: Timestamp,
) -> Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT number FROM deliveries
             WHERE state = 'pending' AND sink = ?1 AND priority = ?2
               AND (claimed = 0 OR due <= ?3)
             ORDER BY due, number LIMIT 1",
        )?
        .query_map(params![sink, priority.index(), now.as_millis()], |row| {
            row.get(0)
        })?
        .collect()
}

/// Makes due what waits for a later attempt and belongs to nobody, in the order of its age.
pub(crate) fn hasten(connection: &Connection, sink: &str, now: Timestamp) -> Result<u64> {
    let hastened = connection
        .prepare_cached(
            "UPDATE deliveries SET due = min(queued_at, ?2)
             WHERE state = 'pending' AND sink = ?1 AND due > ?2 AND claimed = 0",
        )?
        .execute(params![sink, now.as_millis()])?;
    Ok(u64::try_from(hastened).unwrap_or(u64::MAX))
}

/// Takes the deliveries of these `numbers`, which are pending and belong to nobody.
pub(crate) fn claim(
    connection: &Connection,
    sink: &str,
    priority: Priority,
    numbers: &[i64],
    lease: Duration,
    now: Timestamp,
) -> Result<ClaimedDeliveries> {
    let until = (now + lease).as_millis();
    let priority = priority.index();
    // One by one: a single UPDATE would answer in no promised order, and without the old due times.
    let mut take = connection.prepare_cached(
        "UPDATE deliveries SET due = ?2, token = token + 1, claimed = 1 WHERE number = ?1
         RETURNING id, token, attempts_made - attempts_before, queued_at, body",
    )?;
    let deliveries = numbers
        .iter()
        .map(|number| take.query_row(params![number, until], claimed))
        .collect::<Result<_>>()?;
    let next_due = connection
        .prepare_cached(
            "SELECT min(due) FROM deliveries
             WHERE state = 'pending' AND sink = ?1 AND priority = ?2",
        )?
        .query_row(params![sink, priority], |row| row.get::<_, Option<i64>>(0))?
        .map(Timestamp::from_millis);
    Ok(ClaimedDeliveries {
        deliveries,
        next_due,
        now,
    })
}

fn claimed(row: &Row<'_>) -> Result<ClaimedDelivery> {
    Ok(ClaimedDelivery {
        id: delivery_id(row.get(0)?)?,
        token: DeliveryToken(row.get(1)?),
        attempts_made: row.get(2)?,
        queued_at: Timestamp::from_millis(row.get(3)?),
        body: row.get(4)?,
    })
}

pub(crate) fn delivery_id(text: String) -> Result<DeliveryId> {
    DeliveryId::new(text).map_err(|_| unreadable("a delivery's id"))
}

/// Gives back what everybody had claimed, under other tokens.
pub(crate) fn end_leases(connection: &Connection, now: Timestamp) -> Result<()> {
    connection.execute(
        "UPDATE deliveries SET due = min(due, ?1), token = token + 1, claimed = 0
         WHERE state = 'pending' AND claimed = 1",
        [now.as_millis()],
    )?;
    Ok(())
}

pub(crate) fn complete(
    connection: &Connection,
    sink: &str,
    completions: &[Completion],
    now: Timestamp,
) -> Result<Outcomes> {
    let mut outcomes = Outcomes::default();
    for completion in completions {
        let held = complete_one(connection, sink, completion, now)?;
        outcomes.done.push(held);
        if let (true, Some(fallback)) = (held, &completion.fallback) {
            outcomes.queued += u64::from(add(connection, fallback, now)?);
        }
    }
    Ok(outcomes)
}

fn complete_one(
    connection: &Connection,
    sink: &str,
    completion: &Completion,
    now: Timestamp,
) -> Result<bool> {
    let held = connection
        .prepare_cached(
            "SELECT number, attempts, queued_at FROM deliveries
             WHERE id = ?1 AND sink = ?2 AND token = ?3 AND state = 'pending'",
        )?
        .query_row(
            params![completion.id.as_str(), sink, completion.token.0],
            |row| {
                let queued_at = Timestamp::from_millis(row.get(2)?);
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, queued_at))
            },
        )
        .optional()?;
    let Some((number, attempts, queued_at)) = held else {
        return Ok(false);
    };
    let is_attempt = completion.outcome.is_attempt();
    let attempts = match is_attempt {
        true => with_attempt(&attempts, &completion.attempt)?,
        false => attempts,
    };
    let (state, due, ended) = match completion.outcome {
        Outcome::Delivered => (DeliveryState::Delivered, now, Some(now)),
        Outcome::Dead => (DeliveryState::Dead, now, Some(now)),
        Outcome::Retry(delay) | Outcome::Postponed(delay) => {
            (DeliveryState::Pending, now + delay, None)
        }
        Outcome::Returned => (DeliveryState::Pending, now.min(queued_at), None),
    };
    // Another token, so that completing twice counts once.
    connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?2, due = ?3, ended_at = ?4, attempts = ?5,
                 attempts_made = attempts_made + ?6, token = token + 1, claimed = 0
             WHERE number = ?1",
        )?
        .execute(params![
            number,
            state.as_str(),
            due.as_millis(),
            ended.map(Timestamp::as_millis),
            attempts,
            u32::from(is_attempt),
        ])?;
    Ok(true)
}

/// Attempts as they are kept, with one more.
pub(crate) fn with_attempt(attempts: &str, attempt: &Attempt) -> Result<String> {
    let mut attempts = read_attempts(attempts)?;
    attempts.push(attempt.clone());
    let surplus = attempts.len().saturating_sub(Attempt::MAX_KEPT);
    // The first one tells how it began.
    attempts.drain(1..=surplus);
    serde_json::to_string(&attempts).map_err(|_| unreadable("an attempt"))
}

fn read_attempts(text: &str) -> Result<Vec<Attempt>> {
    serde_json::from_str(text).map_err(|_| unreadable("the attempts of a delivery"))
}

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

pub(crate) fn page(
    connection: &Connection,
    filter: &DeliveryFilter,
    before: i64,
    limit: usize,
) -> Result<Page<StoredDelivery>> {
    let mut query = format!("SELECT {COLUMNS} FROM deliveries WHERE number < ?");
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(before)];
    if let Some(state) = filter.state {
        query.push_str(" AND state = ?");
        values.push(Box::new(state.as_str()));
    }
    if let Some(sink) = &filter.sink {
        query.push_str(" AND sink = ?");
        values.push(Box::new(sink.clone()));
    }
    if let Some(rule) = &filter.rule {
        query.push_str(" AND rule = ?");
        values.push(Box::new(rule.clone()));
    }
    if let Some(since) = filter.since {
        query.push_str(" AND coalesce(ended_at, queued_at) >= ?");
        values.push(Box::new(since.as_millis()));
    }
    if let Some(message_id) = &filter.message_id {
        query
            .push_str(" AND number IN (SELECT number FROM delivery_messages WHERE message_id = ?)");
        values.push(Box::new(message_id.as_str().to_owned()));
    }
    query.push_str(" ORDER BY number DESC LIMIT ?");
    values.push(Box::new(i64::try_from(limit).unwrap_or(i64::MAX)));
    let rows: Vec<(i64, StoredDelivery)> = connection
        .prepare_cached(&query)?
        .query_map(rusqlite::params_from_iter(values), stored)?
        .collect::<Result<_>>()?;
    let next = rows
        .last()
        .filter(|_| rows.len() >= limit)
        .map(|(number, _)| number.to_string());
    Ok(Page {
        items: rows.into_iter().map(|(_, delivery)| delivery).collect(),
        next,
    })
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
        .prepare_cached("SELECT count(*) FROM deliveries WHERE state = ?1")?
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

pub(crate) fn gauges(connection: &Connection) -> Result<Vec<QueueGauge>> {
    connection
        .prepare_cached(
            "SELECT sink, sum(state = 'pending'), sum(state = 'dead'),
                 min(CASE WHEN state = 'pending' THEN queued_at END)
             FROM deliveries GROUP BY sink",
        )?
        .query_map([], |row| {
            Ok(QueueGauge {
                sink: row.get(0)?,
                pending: row.get(1)?,
                dead: row.get(2)?,
                oldest: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis),
            })
        })?
        .collect()
}
