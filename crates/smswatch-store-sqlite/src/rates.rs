//! Rates: the generic cell rate algorithm, in microseconds.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{Rate, Reserved};

pub(crate) fn reserve(
    connection: &Connection,
    name: &str,
    rate: Rate,
    want: u32,
    now: Timestamp,
) -> Result<Reserved> {
    let now = now.as_millis().saturating_mul(1000);
    let burst = i64::try_from(rate.per.as_micros())
        .unwrap_or(i64::MAX / 4)
        .max(1);
    let interval = (burst / i64::from(rate.permits.max(1))).max(1);
    let arrival: Option<i64> = connection
        .prepare_cached("SELECT arrival FROM rates WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    // A clock that was set back must not stop the rate for longer than one burst.
    let arrival = arrival.unwrap_or(now).clamp(now, now + burst);
    let room = u32::try_from((now + burst - arrival) / interval).unwrap_or(0);
    let granted = room.min(want);
    let arrival = arrival + i64::from(granted) * interval;
    connection
        .prepare_cached(
            "INSERT INTO rates VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET arrival = ?2",
        )?
        .execute(params![name, arrival])?;
    let wait = if granted == want {
        0
    } else {
        (arrival + interval - now - burst).max(0)
    };
    let next_in = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
    Ok(Reserved { granted, next_in })
}
