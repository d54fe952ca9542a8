//! What the store's clock has shown, so that it goes on from there when the machine's was set back.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Result, params};
use smswatch_plugin::model::Timestamp;

/// The number under which it is noted what the clock has shown.
const CLOCK: &str = "clock";

/// How often that is noted.
const NOTED_EVERY: Duration = Duration::from_secs(60);

/// Notes what the clock shows, now and then.
pub(crate) fn note_time(connection: &Connection, now: Timestamp) -> Result<()> {
    let noted = noted(connection)?;
    let is_fresh = noted.is_some_and(|noted| noted <= now && now.since(noted) < NOTED_EVERY);
    if !is_fresh {
        connection
            .prepare_cached(
                "INSERT INTO numbers VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            )?
            .execute(params![CLOCK, now.as_millis()])?;
    }
    Ok(())
}

fn noted(connection: &Connection) -> Result<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT value FROM numbers WHERE name = ?1")?
        .query_row([CLOCK], |row| row.get(0).map(Timestamp::from_millis))
        .optional()
}

/// The latest instant that the clock is known to have shown.
pub(crate) fn latest_instant(connection: &Connection) -> Result<Option<Timestamp>> {
    let newest = |query| {
        connection
            .query_row(query, [], |row| row.get(0).map(Timestamp::from_millis))
            .optional()
    };
    let appended = newest("SELECT at FROM log ORDER BY position DESC LIMIT 1")?;
    let queued = newest("SELECT created_at FROM deliveries ORDER BY number DESC LIMIT 1")?;
    Ok(noted(connection)?.max(appended).max(queued))
}
