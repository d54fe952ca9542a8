//! Ended deliveries that are taken up again, or forgotten.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use smswatch_core::model::{DeliveryId, Timestamp};
use smswatch_core::store::{
    DeliveryState, Redrive, RedriveOutcome, RedrivePlace, RedriveStep, Redriven, Shard,
};

use crate::error::unreadable;

/// Takes up or forgets what a step asks for; goes on behind the end and number of the last delivery.
pub(crate) fn redrive(
    connection: &Connection,
    step: &RedriveStep,
    now: Timestamp,
) -> Result<Redriven> {
    let after = match &step.after {
        Some(after) => place(after).ok_or_else(|| unreadable("the place of a redrive"))?,
        None => (i64::MIN, 0),
    };
    let since = step.since.map_or(i64::MIN, Timestamp::as_millis);
    let found: Vec<(i64, i64, String)> = connection
        .prepare_cached(
            "SELECT ended_at, number, rule FROM deliveries
             WHERE sink = ?1 AND state = ?2 AND state <> 'pending'
               AND ended_at BETWEEN ?3 AND ?4 AND (ended_at, number) > (?5, ?6)
             ORDER BY ended_at, number LIMIT ?7",
        )?
        .query_map(
            params![
                step.sink,
                step.state.as_str(),
                since,
                step.until.as_millis(),
                after.0,
                after.1,
                step.limit.max(1),
            ],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?
        .collect::<Result<_>>()?;
    let mut count = 0;
    for (_, number, rule) in &found {
        if step.rule.as_ref().is_none_or(|wanted| wanted == rule) {
            apply(connection, step.action, *number, now)?;
            count += 1;
        }
    }
    let is_full = found.len() >= usize::try_from(step.limit.max(1)).unwrap_or(usize::MAX);
    let next = found
        .last()
        .filter(|_| is_full)
        .map(|(end, number, _)| RedrivePlace(format!("{end} {number}")));
    Ok(Redriven { count, next })
}

pub(crate) fn redrive_one(
    connection: &Connection,
    id: &DeliveryId,
    action: Redrive,
    states: &[DeliveryState],
    now: Timestamp,
) -> Result<RedriveOutcome> {
    let found: Option<(i64, String, String)> = connection
        .prepare_cached("SELECT number, state, sink FROM deliveries WHERE id = ?1")?
        .query_row([id.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((number, state, sink)) = found else {
        return Ok(RedriveOutcome::Unknown);
    };
    let state = DeliveryState::from_word(&state).ok_or_else(|| unreadable("a delivery's state"))?;
    if !states.contains(&state) {
        return Ok(RedriveOutcome::Refused(state));
    }
    apply(connection, action, number, now)?;
    let shard = Shard(0);
    Ok(RedriveOutcome::Done { shard, sink })
}

fn place(place: &RedrivePlace) -> Option<(i64, i64)> {
    let (end, number) = place.0.split_once(' ')?;
    Some((end.parse().ok()?, number.parse().ok()?))
}

fn apply(connection: &Connection, action: Redrive, number: i64, now: Timestamp) -> Result<()> {
    match action {
        Redrive::Requeue => connection
            .prepare_cached(
                "UPDATE deliveries SET state = 'pending', due = ?2, queued_at = ?2, ended_at = NULL,
                     attempts_before = attempts_made, token = token + 1, claimed = 0
                 WHERE number = ?1",
            )?
            .execute(params![number, now.as_millis()])?,
        Redrive::Forget => connection
            .prepare_cached("DELETE FROM deliveries WHERE number = ?1")?
            .execute([number])?,
    };
    Ok(())
}
