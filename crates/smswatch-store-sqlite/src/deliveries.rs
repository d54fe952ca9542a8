//! Deliveries: queues, claims, and what became of attempts.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use serde_json::Value;
use smswatch_plugin::model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::store::{
    Attempt, ClaimedDeliveries, ClaimedDelivery, Completion, DeliveryState, DeliveryToken,
    NewDelivery, Outcome, Outcomes, Priority, QueuePlace,
};

use crate::aside;
use crate::error::unreadable;

/// Queues a delivery, or keeps it as suppressed; returns whether it is new.
pub(crate) fn add(connection: &Connection, delivery: &NewDelivery, now: Timestamp) -> Result<bool> {
    let ids: Vec<&str> = delivery.message_ids.iter().map(MessageId::as_str).collect();
    let (state, attempts, ended_at) = match &delivery.suppressed {
        Some(note) => {
            let attempts = with_attempt("[]", note)?;
            (DeliveryState::Suppressed, attempts, Some(now.as_millis()))
        }
        None => (DeliveryState::Pending, "[]".to_owned(), None),
    };
    let added = connection
        .prepare_cached(
            "INSERT INTO deliveries (id, sink, rule, priority, state, message_ids, body, created_at,
                 due, queued_at, ended_at, attempts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            delivery.id.as_str(),
            delivery.sink,
            delivery.rule,
            delivery.priority.index(),
            state.as_str(),
            ids.join("\n"),
            delivery.body,
            now.as_millis(),
            ended_at,
            attempts,
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

/// The numbers of deliveries that are due; of those that `whose` says, which has an index of its own.
pub(crate) fn due(
    connection: &Connection,
    whose: &'static str,
    sink: &str,
    priority: Priority,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<i64>> {
    let query = format!(
        "SELECT number FROM deliveries
         WHERE state = 'pending' AND {whose} AND sink = ?1 AND priority = ?2 AND due <= ?3
         ORDER BY due, number LIMIT ?4"
    );
    connection
        .prepare_cached(&query)?
        .query_map(
            params![sink, priority.index(), now.as_millis(), limit],
            |row| row.get(0),
        )?
        .collect()
}

/// The number of the delivery that would be first among those that are not claimed, due or not.
pub(crate) fn first(
    connection: &Connection,
    sink: &str,
    priority: Priority,
    now: Timestamp,
) -> Result<Vec<i64>> {
    connection
        .prepare_cached(
            "SELECT number FROM deliveries
             WHERE state = 'pending' AND claimed < 2 AND sink = ?1 AND priority = ?2
               AND (claimed = 0 OR due <= ?3)
             ORDER BY due, number LIMIT 1",
        )?
        .query_map(params![sink, priority.index(), now.as_millis()], |row| {
            row.get(0)
        })?
        .collect()
}

/// How many deliveries one step of [`make_due`] looks at.
const MADE_DUE_AT_ONCE: u32 = 512;

/// Makes due what waits for a later attempt and is not claimed, in the order of its age: looks at
/// some behind `after`, and returns how many it made due and where the next step goes on.
pub(crate) fn make_due(
    connection: &Connection,
    sink: &str,
    priority: Priority,
    after: Option<QueuePlace>,
    now: Timestamp,
) -> Result<(u64, Option<QueuePlace>)> {
    let (seen_at, seen_id) = match &after {
        Some(place) => (place.queued_at.as_millis(), place.id.as_str()),
        None => (i64::MIN, ""),
    };
    let looked_at: Vec<(QueuePlace, i64, bool)> = connection
        .prepare_cached(
            "SELECT queued_at, id, number, due > ?3 AND claimed = 0 FROM deliveries
             WHERE state = 'pending' AND claimed < 2 AND sink = ?1 AND priority = ?2
               AND queued_at >= ?4 AND (queued_at, id) > (?4, ?5)
             ORDER BY queued_at, id LIMIT ?6",
        )?
        .query_map(
            params![
                sink,
                priority.index(),
                now.as_millis(),
                seen_at,
                seen_id,
                MADE_DUE_AT_ONCE
            ],
            |row| {
                let place = QueuePlace {
                    queued_at: Timestamp::from_millis(row.get(0)?),
                    id: delivery_id(row.get(1)?)?,
                };
                Ok((place, row.get(2)?, row.get(3)?))
            },
        )?
        .collect::<Result<_>>()?;
    let mut update = connection
        .prepare_cached("UPDATE deliveries SET due = min(queued_at, ?2) WHERE number = ?1")?;
    let mut made_due = 0;
    for (_, number, _) in looked_at.iter().filter(|(_, _, waits)| *waits) {
        update.execute(params![number, now.as_millis()])?;
        made_due += 1;
    }
    let is_full = looked_at.len() >= usize::try_from(MADE_DUE_AT_ONCE).unwrap_or(usize::MAX);
    let last = looked_at.into_iter().last().filter(|_| is_full);
    Ok((made_due, last.map(|(place, ..)| place)))
}

/// Takes the deliveries of these `numbers`, which are pending and not claimed.
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
         RETURNING id, token, attempts_made - attempts_before, queued_at, body, queued_at > created_at",
    )?;
    let mut deliveries = Vec::with_capacity(numbers.len());
    for number in numbers {
        // One without a name, which this version cannot have written, keeps no other from being claimed.
        deliveries.extend(take.query_row(params![number, until], claimed)?);
    }
    let next_due = connection
        .prepare_cached(
            "SELECT min(due) FROM deliveries
             WHERE state = 'pending' AND claimed < 2 AND sink = ?1 AND priority = ?2",
        )?
        .query_row(params![sink, priority], |row| row.get::<_, Option<i64>>(0))?;
    let offered_at = connection
        .prepare_cached(
            "SELECT min(due) FROM deliveries
             WHERE state = 'pending' AND claimed = 2 AND sink = ?1 AND priority = ?2",
        )?
        .query_row(params![sink, priority], |row| row.get::<_, Option<i64>>(0))?;
    let next_due = next_due.into_iter().chain(offered_at).min();
    Ok(ClaimedDeliveries {
        deliveries,
        next_due: next_due.map(Timestamp::from_millis),
        left: aside::count(connection, sink, priority)?,
        now,
    })
}

/// Reads a delivery that was claimed; `None` where its name is one that this version does not allow.
fn claimed(row: &Row<'_>) -> Result<Option<ClaimedDelivery>> {
    let Ok(id) = DeliveryId::new(row.get::<_, String>(0)?) else {
        return Ok(None);
    };
    Ok(Some(ClaimedDelivery {
        id,
        token: DeliveryToken(row.get(1)?),
        attempts_made: row.get(2)?,
        queued_at: Timestamp::from_millis(row.get(3)?),
        body: row.get(4)?,
        is_queued_again: row.get(5)?,
    }))
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
    connection.execute(
        "UPDATE deliveries SET due = min(due, ?1) WHERE state = 'pending' AND claimed = 2",
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
    if completion.outcome == Outcome::Left {
        aside::leave(connection, number, now)?;
        return Ok(true);
    }
    let is_attempt = completion.outcome.is_attempt();
    let attempts = match completion.outcome.is_kept() {
        true => with_attempt(&attempts, &completion.attempt)?,
        false => attempts,
    };
    let (state, due, ended) = match completion.outcome {
        Outcome::Delivered => (DeliveryState::Delivered, now, Some(now)),
        Outcome::Dead => (DeliveryState::Dead, now, Some(now)),
        Outcome::Suppressed => (DeliveryState::Suppressed, now, Some(now)),
        Outcome::Retry(delay) | Outcome::Postponed(delay) => {
            (DeliveryState::Pending, now + delay, None)
        }
        Outcome::Returned | Outcome::Left => (DeliveryState::Pending, now.min(queued_at), None),
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

/// Attempts as they are kept, with one more. Those that this version cannot read stay as they are; where
/// nothing at all can be read, everything does.
pub(crate) fn with_attempt(attempts: &str, attempt: &Attempt) -> Result<String> {
    let Ok(mut kept) = serde_json::from_str::<Vec<Value>>(attempts) else {
        return Ok(attempts.to_owned());
    };
    kept.push(serde_json::to_value(attempt).map_err(|_| unreadable("an attempt"))?);
    let surplus = kept.len().saturating_sub(Attempt::MAX_KEPT);
    // The first one tells how it began.
    kept.drain(1..=surplus);
    serde_json::to_string(&kept).map_err(|_| unreadable("an attempt"))
}

/// The attempts that this version can read.
pub(crate) fn read_attempts(text: &str) -> Vec<Attempt> {
    let kept: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let read = kept.into_iter().map(serde_json::from_value);
    read.filter_map(Result::ok).collect()
}
