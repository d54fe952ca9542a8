//! What a version without indices wrote is found beside what this one writes.

use smswatch_plugin::model::{EventKind, MessageId};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    CommitItem, DeliveryFilter, EventFilter, Log as _, NewEntry, Page, PageRequest, Queues as _,
    Records as _, Shard, Store, WatchPriority, shard_of,
};
use smswatch_store_redis::RedisStore;
use smswatch_testkit::redis_server::RedisServer;
use smswatch_testkit::store_suite::step;

use super::raw;

async fn open(server: &RedisServer) -> RedisStore {
    super::open(server, 4).await
}

/// Appends an entry as the version before indices did.
async fn append_earlier(server: &RedisServer, shard: Shard, body: &str) {
    let base = format!("smswatch:{{{}}}:", shard.0);
    let _: (String, i64) = redis::pipe()
        .cmd("XADD")
        .arg(format!("{base}log"))
        .arg(&["*", "b", body])
        .cmd("HINCRBY")
        .arg(format!("{base}n"))
        .arg(&["appended", "1"])
        .query_async(&mut raw(server).await)
        .await
        .expect("an entry");
}

async fn append(store: &RedisStore, id: &MessageId, body: &str) {
    let shard = shard_of(id.as_str(), 4);
    let known = store.load(shard, std::slice::from_ref(id)).await;
    let due = store.now(shard).await.expect("the time");
    let item = CommitItem {
        message_id: id.clone(),
        expected: known.expect("a record").remove(0).expect("readable"),
        record: Some(Record::new(WatchState::Final, due, body.as_bytes())),
        priority: WatchPriority::Rest,
        entry: Some(NewEntry {
            body: body.into(),
            kinds: vec![EventKind::NotFound],
            about: None,
        }),
    };
    store
        .commit(shard, &step(vec![item]))
        .await
        .expect("a commit");
}

async fn found(store: &RedisStore, filter: &EventFilter) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { cursor, limit: 2 };
        let page: Page<Vec<u8>> = store.events(filter, &request).await.expect("a page");
        let texts = page.items.into_iter().map(String::from_utf8);
        found.extend(texts.map(|text| text.expect("text")));
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

#[tokio::test]
async fn entries_that_an_earlier_version_appended_are_found_whenever_it_did() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let [mine, other] = ["m1", "m2"].map(|id| MessageId::new(id).expect("a valid id"));
    let shard = shard_of(mine.as_str(), 4);
    let about_mine = EventFilter {
        message_id: Some(mine.clone()),
        kind: None,
    };
    let of_kind = EventFilter {
        message_id: None,
        kind: Some(EventKind::NotFound),
    };
    append_earlier(&server, shard, "old 1").await;
    append_earlier(&server, shard, "old 2").await;
    assert_eq!(found(&store, &about_mine).await, ["old 2", "old 1"]);
    append(&store, &mine, "new 1").await;
    append(&store, &other, "other").await;
    append(&store, &mine, "new 2").await;
    let expected = ["new 2", "new 1", "old 2", "old 1"];
    assert_eq!(found(&store, &about_mine).await, expected);
    let of_this_kind = found(&store, &of_kind).await;
    assert!(
        of_this_kind.contains(&"old 2".to_owned()),
        "{of_this_kind:?}"
    );
    // One of that version is still at work.
    append_earlier(&server, shard, "late").await;
    let told = found(&store, &about_mine).await;
    assert!(told.starts_with(&["late".to_owned()]), "{told:?}");
    assert!(
        expected
            .iter()
            .all(|body| told.iter().any(|found| found == body))
    );
    append(&store, &mine, "new 3").await;
    let told = found(&store, &about_mine).await;
    assert!(
        told.starts_with(&["new 3".to_owned(), "late".to_owned()]),
        "{told:?}"
    );
    assert!(
        expected
            .iter()
            .all(|body| told.iter().any(|found| found == body))
    );
}

/// Queues or keeps a delivery as the version before indices did.
async fn deliver_earlier(
    raw: &mut redis::aio::MultiplexedConnection,
    id: &str,
    message: &str,
    list: &str,
    state: &str,
) {
    let shard = shard_of(message, 4);
    let base = format!("smswatch:{{{}}}:", shard.0);
    let _: (i64, i64, i64) = redis::pipe()
        .cmd("HSET")
        .arg(format!("{base}d:{id}"))
        .arg(&["f", "1", "k", "crm", "r", "rule", "p", "1", "s", state])
        .arg(&["m", message, "b", "x", "c", "7"])
        .cmd("ZADD")
        .arg(format!("{base}{list}:crm"))
        .arg(&["7", id])
        .cmd("SADD")
        .arg(format!("{base}sinks"))
        .arg("crm")
        .query_async(raw)
        .await
        .expect("a delivery");
}

#[tokio::test]
async fn deliveries_that_an_earlier_version_queued_are_found_by_their_message() {
    let server = RedisServer::start();
    drop(open(&server).await);
    let mut raw = raw(&server).await;
    // As if that store had not been opened yet.
    for shard in 0..4 {
        let key = format!("smswatch:{{{shard}}}:i");
        let _: i64 = redis::cmd("DEL")
            .arg(key)
            .query_async(&mut raw)
            .await
            .expect("it is gone");
    }
    for n in 0..1_200 {
        let list = ["q:1", "dead", "delivered"][n % 3];
        let state = ["pending", "dead", "delivered"][n % 3];
        let message = format!("m{}", n % 40);
        deliver_earlier(&mut raw, &format!("dlv_{n:04}"), &message, list, state).await;
    }
    let store = open(&server).await;
    let mut count = 0;
    for message in 0..40 {
        let filter = DeliveryFilter {
            message_ids: vec![MessageId::new(format!("m{message}")).expect("a valid id")],
            ..DeliveryFilter::default()
        };
        let mut cursor = None;
        loop {
            let request = PageRequest { cursor, limit: 7 };
            let page = store.deliveries(&filter, &request).await.expect("a page");
            count += page.items.len();
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    assert_eq!(count, 1_200);
}
