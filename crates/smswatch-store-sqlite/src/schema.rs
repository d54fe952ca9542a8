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

/// What is queued again keeps its creation, and begins its retry schedule anew.
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

/// Queues can be looked through by age, and tell what is claimed: until `due` when
/// `claimed` is set.
const AGES: &str = "
ALTER TABLE deliveries ADD COLUMN claimed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_by_age ON deliveries (sink, priority, queued_at, id)
    WHERE state = 'pending';
";

/// No step costs more because more is kept: counters stand for counts, and each question that a page
/// answers has an index. Log entries up to `unindexed` are of a version that did not note their message.
const COUNTS_AND_INDICES: &str = "
ALTER TABLE log ADD COLUMN message_id TEXT;
CREATE INDEX log_by_message ON log (message_id) WHERE message_id IS NOT NULL;
CREATE TABLE log_kinds (
    kind TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (kind, position)
) WITHOUT ROWID;
CREATE INDEX log_kinds_by_position ON log_kinds (position);
INSERT INTO numbers SELECT 'unindexed', coalesce(max(position), 0) FROM log;

CREATE TABLE watch_counts (state INTEGER PRIMARY KEY NOT NULL, count INTEGER NOT NULL);
INSERT INTO watch_counts SELECT state, count(*) FROM watches GROUP BY state;
DROP INDEX watches_by_state;
CREATE INDEX watches_listed ON watches (id) WHERE state <> 4;

ALTER TABLE deliveries ADD COLUMN changed_at INTEGER
    GENERATED ALWAYS AS (coalesce(ended_at, queued_at)) VIRTUAL;
DROP INDEX deliveries_by_sink;
CREATE INDEX deliveries_by_origin ON deliveries (sink, state, rule, changed_at);
CREATE TABLE delivery_counts (
    sink TEXT NOT NULL,
    state TEXT NOT NULL,
    rule TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (sink, state, rule)
) WITHOUT ROWID;
INSERT INTO delivery_counts
    SELECT sink, state, rule, count(*) FROM deliveries GROUP BY sink, state, rule;
CREATE TRIGGER delivery_added AFTER INSERT ON deliveries BEGIN
    INSERT INTO delivery_counts VALUES (new.sink, new.state, new.rule, 1)
        ON CONFLICT (sink, state, rule) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER delivery_removed AFTER DELETE ON deliveries BEGIN
    UPDATE delivery_counts SET count = count - 1
        WHERE sink = old.sink AND state = old.state AND rule = old.rule;
END;
CREATE TRIGGER delivery_changed AFTER UPDATE OF state ON deliveries
WHEN old.state <> new.state BEGIN
    UPDATE delivery_counts SET count = count - 1
        WHERE sink = old.sink AND state = old.state AND rule = old.rule;
    INSERT INTO delivery_counts VALUES (new.sink, new.state, new.rule, 1)
        ON CONFLICT (sink, state, rule) DO UPDATE SET count = count + 1;
END;
";

/// Keeps count of watches: goes with the table of watches, and has to be made again with it.
const COUNTED_WATCHES: &str = "
CREATE TRIGGER watch_added AFTER INSERT ON watches BEGIN
    INSERT INTO watch_counts VALUES (new.state, 1)
        ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER watch_removed AFTER DELETE ON watches BEGIN
    UPDATE watch_counts SET count = count - 1 WHERE state = old.state;
END;
CREATE TRIGGER watch_changed AFTER UPDATE OF state ON watches WHEN old.state <> new.state BEGIN
    UPDATE watch_counts SET count = count - 1 WHERE state = old.state;
    INSERT INTO watch_counts VALUES (new.state, 1)
        ON CONFLICT (state) DO UPDATE SET count = count + 1;
END;
";

/// Log entries that a later version wrote, for a version that can read them.
const LEFT: &str = "
CREATE TABLE left_entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    error TEXT NOT NULL,
    body BLOB NOT NULL
);
";

/// Deliveries that are left to a later version have 2 as `claimed`, and indices of their own: they are in
/// the way of no question about the others.
const LEFT_DELIVERIES: &str = "
DROP INDEX deliveries_by_time;
DROP INDEX deliveries_by_age;
CREATE INDEX deliveries_by_time ON deliveries (sink, priority, due)
    WHERE state = 'pending' AND claimed < 2;
CREATE INDEX deliveries_by_age ON deliveries (sink, priority, queued_at, id)
    WHERE state = 'pending' AND claimed < 2;
CREATE INDEX deliveries_left ON deliveries (sink, priority, due)
    WHERE state = 'pending' AND claimed = 2;
CREATE TABLE left_counts (
    sink TEXT NOT NULL,
    priority INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (sink, priority)
) WITHOUT ROWID;
CREATE TRIGGER delivery_left AFTER UPDATE OF claimed ON deliveries
WHEN old.claimed <> 2 AND new.claimed = 2 BEGIN
    INSERT INTO left_counts VALUES (new.sink, new.priority, 1)
        ON CONFLICT (sink, priority) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER delivery_taken_up AFTER UPDATE OF claimed ON deliveries
WHEN old.claimed = 2 AND new.claimed <> 2 BEGIN
    UPDATE left_counts SET count = count - 1
        WHERE sink = old.sink AND priority = old.priority;
END;
CREATE TRIGGER left_delivery_removed AFTER DELETE ON deliveries WHEN old.claimed = 2 BEGIN
    UPDATE left_counts SET count = count - 1
        WHERE sink = old.sink AND priority = old.priority;
END;
";

/// Watches lie in the order in which they were registered, and no longer by their ids: those that are claimed
/// and written together are of about the same age, and lie on the same few pages of the file.
const WATCHES_BY_AGE: &str = "
CREATE TABLE watches_by_age (
    number INTEGER PRIMARY KEY NOT NULL,
    id TEXT UNIQUE NOT NULL,
    record BLOB NOT NULL,
    state INTEGER NOT NULL,
    lane INTEGER NOT NULL,
    at INTEGER NOT NULL,
    lease INTEGER
);
INSERT INTO watches_by_age (id, record, state, lane, at, lease)
    SELECT id, record, state, lane, at, lease FROM watches ORDER BY at;
DROP TABLE watches;
ALTER TABLE watches_by_age RENAME TO watches;
CREATE INDEX watches_by_time ON watches (lane, at);
CREATE INDEX watches_by_lease ON watches (lease) WHERE lease IS NOT NULL;
";

/// Tables and indices that earlier versions neither know nor miss: they can still open a file that has them. `at` is when
/// a record can be claimed: its due time, or the end of the lease that holds it.
///
/// Log entries are found by their messages in one span of 16,384 positions after another: an index of all of them has
/// another page of the file for each entry that is appended. An earlier version reads the log instead.
const ADDED: &str = "
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    due INTEGER,
    at INTEGER,
    body BLOB NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_time ON records (kind, at) WHERE at IS NOT NULL;
CREATE INDEX IF NOT EXISTS records_claimed ON records (kind, id) WHERE at <> due;
INSERT OR IGNORE INTO numbers VALUES ('record', 0);
DROP INDEX IF EXISTS log_by_message;
CREATE INDEX IF NOT EXISTS log_by_span ON log (position >> 14, message_id)
    WHERE message_id IS NOT NULL;
";

/// What leads from each version to the next, beginning with an empty file.
const STEPS: &[&[&str]] = &[
    &[TABLES],
    &[QUEUED_AGAIN],
    &[SET_ASIDE],
    &[AGES],
    &[COUNTS_AND_INDICES, COUNTED_WATCHES],
    &[LEFT],
    &[LEFT_DELIVERIES],
    &[WATCHES_BY_AGE, COUNTED_WATCHES],
];

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
    for part in STEPS[done..].iter().copied().flatten() {
        transaction.execute_batch(part)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Adds to a file of this program's version what it may lack.
pub(crate) fn complete(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(ADDED)
}

#[cfg(test)]
mod tests {
    use smswatch_plugin::model::{MessageId, Timestamp};
    use smswatch_plugin::record::WatchState;
    use smswatch_plugin::store::{EventFilter, NewEntry};

    use super::*;
    use crate::{counts, entries, log, watches};

    #[test]
    fn what_an_earlier_version_queued_is_still_there_after_an_upgrade() {
        let mut connection = Connection::open_in_memory().expect("a file");
        connection.execute_batch(TABLES).expect("tables");
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

    #[test]
    fn what_an_earlier_version_kept_is_counted_and_found_after_an_upgrade() {
        let mut connection = Connection::open_in_memory().expect("a file");
        for step in STEPS[..4].iter().copied().flatten() {
            connection.execute_batch(step).expect("tables");
        }
        connection
            .execute_batch(
                "INSERT INTO log (at, body) VALUES (1, x'01'), (1, x'02'), (1, x'03');
                 INSERT INTO watches (id, record, state, lane, at)
                 VALUES ('m1', x'', 1, 0, 0), ('m2', x'', 1, 0, 0), ('m3', x'', 4, 0, 0);
                 INSERT INTO deliveries
                     (id, sink, rule, priority, state, message_ids, body, created_at, due, queued_at)
                 VALUES ('dlv_1', 'crm', 'rule', 1, 'pending', 'm1', x'01', 7, 7, 7),
                        ('dlv_2', 'crm', 'rule', 1, 'pending', 'm2', x'01', 8, 8, 8)",
            )
            .expect("contents");
        upgrade(&mut connection, 4).expect("an upgrade");
        let about_m1 = EventFilter {
            message_id: MessageId::new("m1").ok(),
            kind: None,
        };
        // Nobody noted what they are about, so all of them may be about it.
        let page = log::page(&connection, &about_m1, i64::MAX, 2).expect("a page");
        assert_eq!(page.items, [[3], [2]]);
        assert_eq!(page.next.as_deref(), Some("2"));
        let entry = NewEntry::from(vec![4]);
        let (now, other) = (Timestamp::from_millis(9), MessageId::new("m2").ok());
        entries::append(&connection, other.as_ref(), &entry, now).expect("an entry");
        let page = log::page(&connection, &about_m1, i64::MAX, 10).expect("a page");
        assert_eq!(page.items, [[3], [2], [1]]);
        let watches = watches::by_state(&connection).expect("counts");
        let counted = [(WatchState::Final, 2), (WatchState::Removed, 1)];
        assert_eq!(watches, counted);
        let queues = counts::gauges(&connection).expect("counts");
        assert_eq!((queues[0].pending, queues[0].dead), (2, 0));
        assert_eq!(queues[0].oldest, Some(Timestamp::from_millis(7)));
    }

    #[test]
    fn entries_that_another_version_indexed_are_found_by_their_message() {
        let mut connection = Connection::open_in_memory().expect("a file");
        upgrade(&mut connection, 0).expect("the tables of an earlier version");
        let add = |connection: &Connection, position: i64| {
            let entry = "INSERT INTO log (position, at, body, message_id) VALUES (?1, 1, ?2, 'm1')";
            let added = connection.execute(entry, (position, vec![1]));
            added.expect("an entry");
        };
        for position in [1, 16_383, 16_384, 70_000] {
            add(&connection, position);
        }
        let indices = |connection: &Connection| {
            let found = "SELECT group_concat(name) FROM sqlite_schema WHERE name LIKE 'log_by_%'";
            connection.query_row(found, [], |row| row.get::<_, String>(0))
        };
        assert_eq!(indices(&connection).as_deref(), Ok("log_by_message"));
        for _ in 0..2 {
            complete(&connection).expect("it is completed");
            assert_eq!(indices(&connection).as_deref(), Ok("log_by_span"));
        }
        // The earlier version goes on with it.
        add(&connection, 70_001);
        let asked = "SELECT count(*) FROM log WHERE message_id = 'm1' AND position < 70001";
        assert_eq!(connection.query_row(asked, [], |row| row.get(0)), Ok(4));
        let filter = EventFilter {
            message_id: MessageId::new("m1").ok(),
            kind: None,
        };
        let page = log::page(&connection, &filter, i64::MAX, 10).expect("a page");
        assert_eq!(page.items.len(), 5);
    }
}
