//! Appends entries to the event log, and names their places.

use rusqlite::{Connection, Result, Row, params};
use smswatch_plugin::model::{MessageId, Timestamp};
use smswatch_plugin::store::{KeptAside, LogPosition, NewEntry, SetAside, Shard};

/// Appends an entry, about a message or about none, and returns its place.
pub(crate) fn append(
    connection: &Connection,
    message_id: Option<&MessageId>,
    entry: &NewEntry,
    now: Timestamp,
) -> Result<i64> {
    connection
        .prepare_cached("INSERT INTO log (at, body, message_id) VALUES (?1, ?2, ?3)")?
        .execute(params![
            now.as_millis(),
            entry.body,
            message_id.map(MessageId::as_str)
        ])?;
    let position = connection.last_insert_rowid();
    for kind in entry.indexed_kinds() {
        connection
            .prepare_cached("INSERT OR IGNORE INTO log_kinds VALUES (?1, ?2)")?
            .execute(params![kind.as_str(), position])?;
    }
    Ok(position)
}

/// A place in the log, as other crates name it.
pub(crate) fn position(number: i64) -> LogPosition {
    LogPosition(number.to_string())
}

/// Keeps an entry that could not be routed in one of the tables for such entries.
pub(crate) fn add_to(
    connection: &Connection,
    table: &'static str,
    entry: &SetAside,
    now: Timestamp,
) -> Result<()> {
    let insert = format!("INSERT INTO {table} (at, position, error, body) VALUES (?1, ?2, ?3, ?4)");
    connection.prepare_cached(&insert)?.execute(params![
        now.as_millis(),
        entry.position.0,
        entry.error,
        entry.body
    ])?;
    Ok(())
}

/// An entry that was set aside, from a row with its time, position, error and body.
pub(crate) fn kept_aside(row: &Row<'_>, is_newer: bool) -> Result<KeptAside> {
    Ok(KeptAside {
        shard: Shard(0),
        at: Timestamp::from_millis(row.get(0)?),
        entry: SetAside {
            position: position(row.get(1)?),
            error: row.get(2)?,
            body: row.get(3)?,
            is_newer,
        },
    })
}
