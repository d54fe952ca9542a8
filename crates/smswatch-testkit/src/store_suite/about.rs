//! A promise about entries that are not written with a watch and are about a message all the same.

use smswatch_model::EventKind;
use smswatch_plugin::store::{
    EventFilter, NewEntry, NewRecord, RecordChange, RecordCommit, RecordId, RecordKind, Shard,
};

use super::lookup::{append, found};
use super::{StoreFixture, id_in};

const SHARD: Shard = Shard(0);

/// What is written with a memo or a record is found by its message, among what was written with its watch.
pub async fn what_is_written_with_a_memo_or_a_record_is_found_by_its_message(
    fixture: &dyn StoreFixture,
) {
    let store = fixture.store();
    let id = id_in(&*store, SHARD, 900);
    let of_id = EventFilter {
        message_id: Some(id.clone()),
        kind: None,
    };
    let about = |number: u32| NewEntry {
        body: number.to_be_bytes().to_vec(),
        kinds: vec![EventKind::UnknownStatus],
        about: Some(id.clone()),
    };
    let put = store.put_memo(SHARD, "word", None, b"x".to_vec(), vec![about(71)]);
    assert!(put.await.expect("an answer"));
    let commit = RecordCommit {
        change: RecordChange {
            kind: RecordKind::new("campaign"),
            id: RecordId::new("spring").expect("an id"),
            expected: None,
            record: Some(NewRecord {
                due: None,
                body: vec![1],
            }),
        },
        entries: vec![about(72), about(73)],
        deliveries: Vec::new(),
    };
    let committed = store.commit_records(SHARD, &[commit]).await;
    assert_eq!(committed.expect("an answer").done, [true]);
    append(&*store, &id, EventKind::StatusChanged, 74).await;
    assert_eq!(found(&*store, &of_id, 10).await, [74, 73, 72, 71]);
    let unknown = EventFilter {
        message_id: None,
        kind: Some(EventKind::UnknownStatus),
    };
    assert_eq!(found(&*store, &unknown, 10).await, [73, 72, 71]);
}
