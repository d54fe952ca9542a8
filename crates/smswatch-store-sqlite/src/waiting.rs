//! Queues, looked through without claiming, and deliveries that are given up unattempted.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{
    Attempt, DeadLetter, DeliveryState, Outcomes, Priority, QueuePlace, QueueRequest, QueueSlice,
    WaitingDelivery,
};

use crate::aside;
use crate::deliveries::{add, delivery_id, with_attempt};

pub(crate) fn read(
    connection: &Connection,
    sink: &str,
    request: &QueueRequest,
    now: Timestamp,
) -> Result<QueueSlice> {
    let pending = connection
        .prepare_cached(
            "SELECT coalesce(sum(count), 0) FROM delivery_counts
             WHERE sink = ?1 AND state = 'pending'",
        )?
        .query_row([sink], |row| row.get::<_, u64>(0))?;
    let left = Priority::ALL.map(|priority| aside::count(connection, sink, priority.index()));
    let left = left.into_iter().sum::<Result<u64>>()?;
    let limit = request.limit.max(1);
    let (seen_at, seen_id) = match &request.after {
        Some(place) => (place.queued_at.as_millis(), place.id.as_str()),
        None => (i64::MIN, ""),
    };
    let deliveries: Vec<WaitingDelivery> = connection
        .prepare_cached(
            "SELECT id, queued_at, claimed AND due > ?3, body FROM deliveries
             WHERE state = 'pending' AND claimed < 2 AND sink = ?1 AND priority = ?2
               AND queued_at < ?3 AND (queued_at, id) > (?4, ?5)
             ORDER BY queued_at, id LIMIT ?6",
        )?
        .query_map(
            params![
                sink,
                request.priority.index(),
                now.as_millis(),
                seen_at,
                seen_id,
                limit,
            ],
            |row| {
                Ok(WaitingDelivery {
                    place: QueuePlace {
                        queued_at: Timestamp::from_millis(row.get(1)?),
                        id: delivery_id(row.get(0)?)?,
                    },
                    is_claimed: row.get(2)?,
                    body: row.get(3)?,
                })
            },
        )?
        .collect::<Result<_>>()?;
    let is_full = deliveries.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let last = deliveries.last().filter(|_| is_full);
    Ok(QueueSlice {
        pending: pending.saturating_sub(left),
        next: last.map(|last| last.place.clone()),
        deliveries,
    })
}

pub(crate) fn dead_letter(
    connection: &Connection,
    sink: &str,
    dead_letters: &[DeadLetter],
    attempt: &Attempt,
    now: Timestamp,
) -> Result<Outcomes> {
    let mut outcomes = Outcomes::default();
    for dead_letter in dead_letters {
        let found: Option<(i64, String)> = connection
            .prepare_cached(
                "SELECT number, attempts FROM deliveries
                 WHERE id = ?1 AND sink = ?2 AND state = 'pending' AND priority = 1
                   AND (claimed = 0 OR (claimed = 1 AND due <= ?3))",
            )?
            .query_row(
                params![dead_letter.id.as_str(), sink, now.as_millis()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        outcomes.done.push(found.is_some());
        let Some((number, attempts)) = found else {
            continue;
        };
        if let Some(fallback) = &dead_letter.fallback {
            outcomes.queued += u64::from(add(connection, fallback, now)?);
        }
        // Another token, so that an earlier claimer cannot complete it.
        connection
            .prepare_cached(
                "UPDATE deliveries SET state = ?2, due = ?3, ended_at = ?3, attempts = ?4,
                     token = token + 1, claimed = 0 WHERE number = ?1",
            )?
            .execute(params![
                number,
                DeliveryState::Dead.as_str(),
                now.as_millis(),
                with_attempt(&attempts, attempt)?,
            ])?;
    }
    Ok(outcomes)
}
