//! Shows that no statement of the store reads a growing table from end to end, or sorts one.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use smswatch_plugin::model::{DeliveryId, EventKind, MessageId};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Attempt, Bound, CommitItem, CommitStep, Completion, DeadLetter, DeliveryFilter, DeliveryState,
    EventFilter, HistoryBounds, LeftStep, Log as _, NewDelivery, NewEntry, NewRecord, Outcome,
    PageRequest, Pick, Priority, QueueRequest, Queues as _, Rate, Rates as _, RecordChange,
    RecordCommit, RecordId, RecordKind, Records as _, Redrive, RedriveStep, RouteStep, SetAside,
    Shard, Store, WatchPriority,
};

use crate::SqliteStore;
use crate::open::{open, open_to_read};

const SHARD: Shard = Shard(0);
const LEASE: Duration = Duration::from_secs(60);

/// What grows with what is watched, told, or kept.
const GROWING: [&str; 7] = [
    "watches",
    "records",
    "log",
    "log_kinds",
    "left_entries",
    "deliveries",
    "delivery_messages",
];

type Statements = Arc<Mutex<BTreeSet<String>>>;

fn note(connection: &mut Connection, seen: &Statements) -> rusqlite::Result<()> {
    let seen = Arc::clone(seen);
    let note = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(statement.sql().into_owned());
        }
    };
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note))
}

/// What a plan says that reads or sorts all of a growing table.
fn complaints(connection: &Connection, statement: &str) -> rusqlite::Result<Vec<String>> {
    let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}"))?;
    let mut rows = plan.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let detail: String = row.get(3)?;
        let mut words = detail.split(' ');
        let scans = words.next() == Some("SCAN");
        let is_growing = words.next().is_some_and(|table| GROWING.contains(&table));
        if (scans && is_growing) || detail.starts_with("USE TEMP B-TREE") {
            found.push(format!("{detail}: {statement}"));
        }
    }
    Ok(found)
}

fn id(n: u32) -> MessageId {
    MessageId::new(format!("m{n}")).expect("a valid id")
}

fn delivery(n: u32, priority: Priority) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(format!("dlv_{n}")).expect("a valid id"),
        sink: "crm".to_owned(),
        rule: "rule".to_owned(),
        priority,
        message_ids: vec![id(n)],
        body: vec![1],
        suppressed: None,
    }
}

fn all() -> PageRequest {
    PageRequest {
        cursor: None,
        limit: 2,
    }
}

async fn watch(store: &SqliteStore) {
    let due = store.now(SHARD).await.expect("the time");
    let item = |n, expected: Option<&Record>, record: Option<&Record>| CommitItem {
        message_id: id(n),
        expected: expected.cloned(),
        record: record.cloned(),
        priority: WatchPriority::New,
        entry: Some(NewEntry {
            body: vec![1],
            kinds: vec![EventKind::StatusChanged, EventKind::GaveUp],
            about: None,
        }),
    };
    let record = |state| Record::new(state, due, b"");
    let (watching, ended) = (record(WatchState::Watching), record(WatchState::Final));
    for changes in [
        vec![item(1, None, Some(&watching)), item(2, None, Some(&ended))],
        vec![
            item(1, Some(&watching), Some(&ended)),
            item(2, Some(&ended), None),
        ],
    ] {
        let step = CommitStep {
            items: changes,
            finished: Vec::new(),
        };
        store.commit(SHARD, &step).await.expect("a commit");
    }
    store.load(SHARD, &[id(1)]).await.expect("records");
    let claimed = store.claim(SHARD, WatchPriority::New, 10, LEASE).await;
    let lease = claimed.expect("a claim").lease.expect("a watch");
    store.release(SHARD, lease).await.expect("a release");
    store.watches(&all()).await.expect("a page");
    let unreadable = [id(1)];
    let aside = store.put_aside(SHARD, WatchPriority::New, &unreadable);
    aside.await.expect("put aside");
    let recalled = store.recall(SHARD, WatchPriority::New, LEASE).await;
    recalled.expect("an answer");
}

async fn route(store: &SqliteStore) {
    let slice = store.read_log(SHARD, 10).await.expect("entries");
    let to = slice.entries[0].position.clone();
    let aside = SetAside {
        position: to.clone(),
        error: "odd".to_owned(),
        body: vec![1],
        is_newer: false,
    };
    let newer = SetAside {
        is_newer: true,
        ..aside.clone()
    };
    let step = RouteStep {
        from: slice.cursor,
        to,
        entries: 1,
        deliveries: vec![delivery(1, Priority::Normal)],
        records: Vec::new(),
        set_aside: vec![aside, newer],
    };
    store.route(SHARD, &step).await.expect("a step");
    store.set_aside().await.expect("a list");
    let left = store.left_entries(SHARD, None, 10).await;
    let routed = LeftStep {
        entries: vec![left.expect("entries")[0].position.clone()],
        deliveries: Vec::new(),
        records: Vec::new(),
    };
    store.route_left(SHARD, &routed).await.expect("a step");
    for message_id in [None, Some(id(1))] {
        for kind in [
            None,
            Some(EventKind::StatusChanged),
            Some(EventKind::GaveUp),
        ] {
            let filter = EventFilter {
                message_id: message_id.clone(),
                kind,
            };
            store.events(&filter, &all()).await.expect("a page");
        }
    }
}

async fn deliver(store: &SqliteStore) {
    let new: Vec<_> = (2..12).map(|n| delivery(n, Priority::Normal)).collect();
    store.enqueue_all(SHARD, &new).await.expect("queued");
    let normal = Priority::Normal;
    let claimed = store
        .claim_deliveries(SHARD, "crm", normal, Pick::Due(4), LEASE)
        .await;
    let early = store
        .claim_deliveries(SHARD, "crm", normal, Pick::First, LEASE)
        .await;
    let claimed = claimed.expect("a claim").deliveries;
    assert_eq!(early.expect("a claim").deliveries.len(), 1);
    let outcomes = [
        Outcome::Delivered,
        Outcome::Dead,
        Outcome::Retry(LEASE),
        Outcome::Returned,
    ];
    let attempt = Attempt {
        at: claimed[0].queued_at,
        result: "dead".to_owned(),
        detail: String::new(),
    };
    let completions = claimed
        .iter()
        .zip(outcomes)
        .map(|(one, outcome)| Completion {
            id: one.id.clone(),
            token: one.token,
            outcome,
            attempt: attempt.clone(),
            fallback: None,
        });
    let completions: Vec<_> = completions.collect();
    let done = store.complete(SHARD, "crm", &completions).await;
    assert_eq!(done.expect("completed").done, [true; 4]);
    assert_eq!(store.make_due(SHARD, "crm").await.expect("an answer"), 1);
    let newer = [delivery(10, normal).id];
    let left = store.leave_deliveries(SHARD, "crm", normal, &newer).await;
    assert_eq!(left.expect("an answer"), 1);
    let recalled = store.recall_deliveries(SHARD, "crm", normal, LEASE).await;
    recalled.expect("an answer");
    let request = QueueRequest {
        priority: normal,
        after: None,
        limit: 10,
    };
    store.peek(SHARD, "crm", request).await.expect("a slice");
    let dead_letter = DeadLetter {
        id: delivery(9, normal).id,
        fallback: Some(delivery(20, normal)),
    };
    let dead_lettered = store
        .dead_letter(SHARD, "crm", &[dead_letter], &attempt)
        .await;
    assert_eq!(dead_lettered.expect("an answer").done, [true]);
    store
        .delivery(&delivery(9, normal).id)
        .await
        .expect("found");
}

async fn look_up(store: &SqliteStore) {
    let now = store.now(SHARD).await.expect("the time");
    for set in 0..32_u8 {
        let is = |bit: u8| set & (1 << bit) != 0;
        let filter = DeliveryFilter {
            state: is(0).then_some(DeliveryState::Dead),
            sink: is(1).then(|| "crm".to_owned()),
            rule: is(2).then(|| "rule".to_owned()),
            since: is(3).then_some(now - LEASE),
            message_ids: is(4).then(|| id(9)).into_iter().collect(),
        };
        store.deliveries(&filter, &all()).await.expect("a page");
    }
    for action in [Redrive::Requeue, Redrive::Forget] {
        for rule in [None, Some("rule".to_owned())] {
            let step = RedriveStep {
                action,
                sink: "crm".to_owned(),
                state: DeliveryState::Dead,
                rule,
                since: None,
                until: now + LEASE,
                after: None,
                limit: 1,
            };
            store.redrive(SHARD, step).await.expect("a step");
        }
        let (id, states) = (delivery(1, Priority::Normal).id, DeliveryState::ALL);
        store.redrive_one(&id, action, &states).await.expect("done");
    }
    store.gauges().await.expect("counts");
}

async fn keep_records(store: &SqliteStore) {
    let kind = RecordKind::new("kind");
    let id = RecordId::new("id").expect("a valid id");
    let due = store.now(SHARD).await.expect("the time");
    let change = |expected, record| RecordChange {
        kind,
        id: id.clone(),
        expected,
        record,
    };
    let record = NewRecord {
        due: Some(due),
        body: vec![1],
    };
    for (expected, record) in [
        (None, Some(record.clone())),
        (Some(1), Some(record)),
        (Some(2), None),
    ] {
        let commit = RecordCommit {
            entries: vec![NewEntry::from(vec![1])],
            ..change(expected, record).into()
        };
        let committed = store.commit_records(SHARD, &[commit]).await;
        assert_eq!(committed.expect("an answer").done, [true]);
        let ids = std::slice::from_ref(&id);
        let loaded = store.load_records(SHARD, kind, ids).await;
        loaded.expect("an answer");
        let claimed = store.claim_records(SHARD, kind, 1, LEASE).await;
        claimed.expect("a claim");
    }
    store.records(kind, &all()).await.expect("a page");
}

async fn keep_house(store: &SqliteStore) {
    let rate = Rate {
        permits: 1,
        per: LEASE,
    };
    store.reserve("rate", rate, 1).await.expect("a permit");
    store.memo(SHARD, "memo").await.expect("an answer");
    let entry = NewEntry::from(vec![1]);
    for expected in [None, Some(1)] {
        let put = store.put_memo(SHARD, "memo", expected, vec![1], vec![entry.clone()]);
        assert!(put.await.expect("an answer"));
    }
    let nothing = Bound {
        keep_for: Duration::ZERO,
        max: 0,
    };
    let bounds = HistoryBounds::all(nothing);
    let trimmed = store.trim(SHARD, &bounds).await.expect("a trim");
    assert_ne!(trimmed.events, 0);
}

#[tokio::test]
async fn no_statement_reads_a_growing_table_from_end_to_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let (mut writing, lock, clock) = open(&path).expect("a file");
    let reading = open_to_read(&path).expect("a file");
    let mut reading = reading.expect("it is not in memory");
    let seen = Statements::default();
    note(&mut writing, &seen).expect("it is noted");
    note(&mut reading, &seen).expect("it is noted");
    let store = SqliteStore::on(writing, lock, Some(reading), clock).expect("threads");
    watch(&store).await;
    route(&store).await;
    deliver(&store).await;
    look_up(&store).await;
    keep_records(&store).await;
    keep_house(&store).await;
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert!(seen.len() > 40, "only {} were seen", seen.len());
    let asked = open_to_read(&path).expect("a file").expect("a file");
    let complaints = seen.iter().map(|statement| complaints(&asked, statement));
    let complaints = complaints.collect::<rusqlite::Result<Vec<_>>>();
    let complaints = complaints.expect("plans").concat();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
