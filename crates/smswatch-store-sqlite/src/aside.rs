//! Deliveries that this version cannot read, left to a later one: pending, and blocking no other.
//!
//! They have 2 as `claimed`, are due when they are offered again, and have as their end when they were left.
//! The process that opens the file next is offered all of them, as leases end then.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use smswatch_plugin::model::{DeliveryId, Timestamp};
use smswatch_plugin::store::Priority;

/// Deliveries that this version can read, and those that are left to a later one.
pub(crate) const OURS: &str = "claimed < 2";
pub(crate) const LEFT: &str = "claimed = 2";

/// How often it is tried at most whether one of them can be read by now.
const OFFERED_EVERY: Duration = Duration::from_secs(60);

/// How much later each of them is offered for every other one that there is: many cost no more than few.
const APART: Duration = Duration::from_millis(6);

/// How many a claim is offered at most.
pub(crate) const OFFERED_AT_ONCE: u32 = 64;

/// How many deliveries one recall makes due at most.
const RECALLED_AT_ONCE: u32 = 512;

/// How many deliveries of a queue are left to a later version.
pub(crate) fn count(connection: &Connection, sink: &str, priority: usize) -> Result<u64> {
    let count = connection
        .prepare_cached("SELECT count FROM left_counts WHERE sink = ?1 AND priority = ?2")?
        .query_row(params![sink, priority], |row| row.get(0))
        .optional()?;
    Ok(count.unwrap_or(0))
}

/// Leaves a pending delivery to a later version, under a token that no claimer has.
pub(crate) fn leave(connection: &Connection, number: i64, now: Timestamp) -> Result<()> {
    let (sink, priority): (String, usize) = connection
        .prepare_cached("SELECT sink, priority FROM deliveries WHERE number = ?1")?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let others = u32::try_from(count(connection, &sink, priority)?).unwrap_or(u32::MAX);
    let offered_at = now + OFFERED_EVERY.max(APART.saturating_mul(others));
    connection
        .prepare_cached(
            "UPDATE deliveries SET due = ?2, ended_at = ?3, token = token + 1, claimed = 2
             WHERE number = ?1",
        )?
        .execute(params![number, offered_at.as_millis(), now.as_millis()])?;
    Ok(())
}

/// Leaves pending deliveries that are not claimed to a later version, and returns how many they were.
pub(crate) fn leave_waiting(
    connection: &Connection,
    sink: &str,
    priority: Priority,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<u64> {
    let mut find = connection.prepare_cached(
        "SELECT number FROM deliveries
         WHERE id = ?1 AND sink = ?2 AND priority = ?3 AND state = 'pending'
           AND (claimed = 0 OR (claimed = 1 AND due <= ?4))",
    )?;
    let mut left = 0;
    for id in ids {
        let parameters = params![id.as_str(), sink, priority.index(), now.as_millis()];
        let found = find.query_row(parameters, |row| row.get(0)).optional()?;
        if let Some(number) = found {
            leave(connection, number, now)?;
            left += 1;
        }
    }
    Ok(left)
}

/// Takes back up what was left. The time for which it was makes it no older: giving up counts from when it
/// was queued.
pub(crate) fn take_up(connection: &Connection, number: i64, now: Timestamp) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE deliveries SET claimed = 0, ended_at = NULL,
                 queued_at = min(?2, queued_at + max(0, ?2 - coalesce(ended_at, ?2)))
             WHERE number = ?1",
        )?
        .execute(params![number, now.as_millis()])?;
    Ok(())
}

/// Makes deliveries due that wait, or are claimed, for longer than anything can be.
pub(crate) fn recall(
    connection: &Connection,
    sink: &str,
    priority: Priority,
    furthest: Duration,
    now: Timestamp,
) -> Result<u64> {
    let change = |change: &str, whose: &str| {
        let change = format!(
            "UPDATE deliveries SET {change} WHERE number IN
                 (SELECT number FROM deliveries
                  WHERE state = 'pending' AND {whose} AND sink = ?1 AND priority = ?2 AND due > ?4
                  LIMIT ?5)"
        );
        connection.prepare_cached(&change)?.execute(params![
            sink,
            priority.index(),
            now.as_millis(),
            (now + furthest).as_millis(),
            RECALLED_AT_ONCE,
        ])
    };
    let due_again =
        "due = min(queued_at, ?3), queued_at = min(queued_at, ?3), token = token + 1, claimed = 0";
    let recalled = change(due_again, OURS)?;
    let offered = change("due = ?3", LEFT)?;
    Ok(u64::try_from(recalled + offered).unwrap_or(u64::MAX))
}
