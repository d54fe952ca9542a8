//! The tables, and which version of them a file holds.

use rusqlite::Connection;

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
CREATE TABLE memos (
    name TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    value BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE numbers (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO numbers VALUES ('cursor', 0), ('lease', 0);
";

/// What somebody queues again keeps its creation, and begins its retry schedule anew.
const QUEUED_AGAIN: &str = "
ALTER TABLE deliveries ADD COLUMN queued_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN attempts_before INTEGER NOT NULL DEFAULT 0;
UPDATE deliveries SET queued_at = created_at;
DROP INDEX deliveries_by_sink;
CREATE INDEX deliveries_by_sink ON deliveries (sink, state, ended_at);
";

/// Log entries that could not be routed; they are numbered without gaps, so the last number counts them.
const SET_ASIDE: &str = "
CREATE TABLE set_aside (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    error TEXT NOT NULL,
    body BLOB NOT NULL
);
";

/// Queues can be looked through by age, and tell what somebody has claimed: until `due` when
/// `claimed` is set.
const AGES: &str = "
ALTER TABLE deliveries ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_by_age ON deliveries (sink, priority, queued_at, id)
    WHERE state = 'pending';
";

/// Log entries that a later version wrote, for whoever can read them.
const LEFT: &str = "
CREATE TABLE left_entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    error TEXT NOT NULL,
    body BLOB NOT NULL
);
";

/// What leads from each version to the next, beginning with an empty file.
const STEPS: &[&str] = &[TABLES, QUEUED_AGAIN, SET_ASIDE, AGES, LEFT];

/// The version that this program writes.
pub(crate) const VERSION: i64 = STEPS.len() as i64;

/// The version of the tables in a file; zero for a new one.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings a file of an earlier version, or an empty one, to this program's.
pub(crate) fn upgrade(connection: &mut Connection, version: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(version).unwrap_or(STEPS.len());
    let transaction = connection.transaction()?;
    for step in &STEPS[done..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_queued_is_still_there_after_an_upgrade() {
        let mut connection = Connection::open_in_memory().expect("a file");
        connection.execute_batch(STEPS[0]).expect("tables");
        connection
            .execute_batch(
                "INSERT INTO deliveries
                     (id, sink, rule, priority, state, message_ids, body, created_at, due)
                 VALUES ('dlv_1', 'crm', 'rule', 1, 'pending', 'm1', x'01', 7, 7)",
            )
            .expect("a delivery");
        upgrade(&mut connection, 1).expect("an upgrade");
        assert_eq!(version(&connection), Ok(VERSION));
        let queued_at = connection.query_row("SELECT queued_at FROM deliveries", [], |row| {
            row.get::<_, i64>(0)
        });
        assert_eq!(queued_at, Ok(7));
    }
}
