//! The tables, and which version of them a file holds.

use rusqlite::Connection;

/// The version that this program writes.
pub(crate) const VERSION: i64 = 1;

/// `at` is when a watch can be claimed: its due time, or the end of the lease that holds it.
const TABLES: &str = "
CREATE TABLE watches (
    id TEXT PRIMARY KEY NOT NULL,
    record BLOB NOT NULL,
    state INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    at INTEGER NOT NULL,
    lease INTEGER
) WITHOUT ROWID;
CREATE INDEX watches_by_time ON watches (lane, at);
CREATE INDEX watches_by_state ON watches (state);
CREATE INDEX watches_by_lease ON watches (lease) WHERE lease IS NOT NULL;

CREATE TABLE log (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE NOT NULL,
    sink TEXT NOT NULL,
    rule TEXT NOT NULL,
    priority INTEGER NOT NULL,
    state TEXT NOT NULL,
    message_ids TEXT NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    due INTEGER NOT NULL,
    ended_at INTEGER,
    token INTEGER NOT NULL DEFAULT 0,
    attempts_made INTEGER NOT NULL DEFAULT 0,
    attempts TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX deliveries_by_time ON deliveries (sink, priority, due) WHERE state = 'pending';
CREATE INDEX deliveries_by_end ON deliveries (state, ended_at);
CREATE INDEX deliveries_by_sink ON deliveries (sink, state);

CREATE TABLE delivery_messages (
    message_id TEXT NOT NULL,
    number INTEGER NOT NULL REFERENCES deliveries (number) ON DELETE CASCADE,
    PRIMARY KEY (message_id, number)
) WITHOUT ROWID;
CREATE INDEX delivery_messages_by_number ON delivery_messages (number);

CREATE TABLE rates (name TEXT PRIMARY KEY NOT NULL, arrival INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE numbers (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO numbers VALUES ('cursor', 0), ('lease', 0);
";

/// The version of the tables in a file; zero for a new one.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

pub(crate) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}
