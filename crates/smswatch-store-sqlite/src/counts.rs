//! Deliveries that are counted, and trimmed by their number and age.

use rusqlite::{Connection, Result, params};
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{Bound, DeliveryState, QueueGauge};

use crate::aside;

/// How many deliveries one trim removes at most.
const MOST_TRIMMED: u64 = 1000;

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
                left: 0,
                dead: row.get(2)?,
                oldest: None,
            })
        })?
        .collect::<Result<_>>()?;
    let mut oldest = connection.prepare_cached(
        "SELECT min(queued_at) FROM deliveries
         WHERE state = 'pending' AND claimed < 2 AND sink = ?1 AND priority = ?2",
    )?;
    for queue in &mut queues {
        for priority in 0..=1 {
            queue.left += aside::count(connection, &queue.sink, priority)?;
            let queued_at: Option<i64> =
                oldest.query_row(params![queue.sink, priority], |row| row.get(0))?;
            let queued_at = queued_at.map(Timestamp::from_millis);
            queue.oldest = queue.oldest.into_iter().chain(queued_at).min();
        }
        queue.pending = queue.pending.saturating_sub(queue.left);
    }
    Ok(queues)
}
