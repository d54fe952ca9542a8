//! Ended deliveries that are taken up again, or forgotten.

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use smswatch_plugin::model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    DeliveryFilter, DeliveryState, Redrive, RedriveOutcome, RedrivePlace, RedriveStep, Redriven,
    Shard,
};

use crate::error::unreadable;
use crate::origins::ended_after;

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
    let filter = DeliveryFilter {
        state: Some(step.state).filter(|state| *state != DeliveryState::Pending),
        sink: Some(step.sink.clone()),
        rule: step.rule.clone(),
        since: step.since,
        message_ids: Vec::new(),
    };
    let found = match filter.state {
        Some(_) => ended_after(connection, &filter, after, step.until, step.limit.max(1))?,
        None => Vec::new(),
    };
    for (_, number) in &found {
        apply(connection, step.action, *number, now)?;
    }
    let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let is_full = found.len() >= usize::try_from(step.limit.max(1)).unwrap_or(usize::MAX);
    let next = found
        .last()
        .filter(|_| is_full)
        .map(|(end, number)| RedrivePlace(format!("{end} {number}")));
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
