//! Versions live side by side on one Redis: what an earlier one cannot read is there for a later one.

use std::time::Duration;

use smswatch_plugin::Secret;
use smswatch_plugin::model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Attempt, ClaimedDelivery, CommitItem, CommitStep, Completion, DeliveryFilter, NewDelivery,
    Outcome, PageRequest, Pick, Priority, Queues as _, Rate, Rates as _, Records as _, Shard,
    Store as _, UnreadableRecord, WatchPriority,
};
use smswatch_store_redis::{RedisOptions, RedisStore};
use smswatch_testkit::redis_server::RedisServer;

const SHARD: Shard = Shard(0);
const LEASE: Duration = Duration::from_secs(60);

/// A process of its own on `server`, which has one shard.
async fn open(server: &RedisServer) -> RedisStore {
    let options = RedisOptions {
        url: Secret::new(server.url()),
        key_prefix: "smswatch".to_owned(),
        shards: 1,
    };
    RedisStore::open(options).await.expect("a store").0
}

async fn raw(server: &RedisServer) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(server.url()).expect("a client");
    let connection = client.get_multiplexed_async_connection().await;
    connection.expect("a connection")
}

fn id(name: &str) -> MessageId {
    MessageId::new(name).expect("a valid id")
}

async fn add(store: &RedisStore, name: &str, due: Timestamp) {
    let item = CommitItem {
        message_id: id(name),
        expected: None,
        record: Some(Record::new(WatchState::Watching, due, b"body")),
        priority: WatchPriority::New,
        entry: None,
    };
    let step = CommitStep {
        items: vec![item],
        finished: Vec::new(),
    };
    store.commit(SHARD, &step).await.expect("a commit");
}

/// Changes the record of `name` where it lies.
async fn rewrite(server: &RedisServer, name: &str, change: impl Fn(&mut Vec<u8>)) {
    let mut raw = raw(server).await;
    let field = [b"t", name.as_bytes()].concat();
    let buckets: Vec<String> = redis::cmd("KEYS")
        .arg("smswatch:{0}:[wx]:*")
        .query_async(&mut raw)
        .await
        .expect("keys");
    for bucket in buckets {
        let record: Option<Vec<u8>> = redis::cmd("HGET")
            .arg(&bucket)
            .arg(&field)
            .query_async(&mut raw)
            .await
            .expect("a record");
        let Some(mut record) = record else { continue };
        change(&mut record);
        let _: i64 = redis::cmd("HSET")
            .arg(&bucket)
            .arg(&field)
            .arg(record)
            .query_async(&mut raw)
            .await
            .expect("it is written");
        return;
    }
    panic!("there is no record of {name}");
}

#[tokio::test]
async fn a_watch_of_a_later_version_outlives_an_earlier_one_and_is_found_by_the_later() {
    let server = RedisServer::start();
    let earlier = open(&server).await;
    let now = earlier.now(SHARD).await.expect("the time");
    for name in ["mine", "newer"] {
        add(&earlier, name, now).await;
    }
    // A later version has another head, too: nothing of it says anything to an earlier one.
    rewrite(&server, "newer", |record| {
        record[0] = 9;
        record[2..8].fill(0xff);
    })
    .await;
    let claimed = earlier
        .claim(SHARD, WatchPriority::New, 10, LEASE)
        .await
        .expect("a claim");
    assert_eq!(claimed.watches.len(), 1);
    assert_eq!(claimed.unreadable, [id("newer")]);
    assert_eq!(claimed.put_aside, Some(1));
    let finish = CommitStep {
        items: Vec::new(),
        finished: claimed.lease.into_iter().collect(),
    };
    earlier.commit(SHARD, &finish).await.expect("a commit");
    for _ in 0..3 {
        let again = earlier
            .claim(SHARD, WatchPriority::New, 10, LEASE)
            .await
            .expect("a claim");
        assert!(
            again.watches.is_empty() && again.unreadable.is_empty(),
            "it spins"
        );
    }
    let all = PageRequest {
        cursor: None,
        limit: 10,
    };
    let page = earlier.watches(&all).await.expect("a page");
    assert_eq!(page.items.len(), 1, "a page shows the others");
    let loaded = earlier
        .load(SHARD, &[id("mine"), id("newer")])
        .await
        .expect("records");
    assert!(matches!(loaded[0], Ok(Some(_))));
    assert_eq!(loaded[1], Err(UnreadableRecord));

    // The later version reads it again: here, that is this version and a record of its own.
    let due = now.as_millis().to_be_bytes();
    rewrite(&server, "newer", |record| {
        record[0] = Record::FORMAT;
        record[2..8].copy_from_slice(&due[2..]);
    })
    .await;
    let later = open(&server).await;
    let claimed = later
        .claim(SHARD, WatchPriority::New, 10, LEASE)
        .await
        .expect("a claim");
    assert_eq!(claimed.watches.len(), 1);
    assert_eq!(claimed.watches[0].0, id("newer"));
    assert_eq!(claimed.put_aside, Some(0));
}

#[tokio::test]
async fn a_watch_of_every_format_that_is_known_is_claimed() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let now = store.now(SHARD).await.expect("the time");
    for (name, format) in [("plain", Record::FORMAT), ("extended", Record::EXTENDED)] {
        add(&store, name, now).await;
        rewrite(&server, name, |record| record[0] = format).await;
    }
    let claimed = store.claim(SHARD, WatchPriority::New, 10, LEASE).await;
    let claimed = claimed.expect("a claim");
    assert_eq!((claimed.watches.len(), claimed.put_aside), (2, Some(0)));
}

#[tokio::test]
async fn an_id_of_a_later_version_keeps_no_other_watch_from_being_claimed() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let now = store.now(SHARD).await.expect("the time");
    add(&store, "mine", now).await;
    let mut raw = raw(&server).await;
    let due = now.as_millis();
    let place = [&[0, 7][..], b"v-an-id-of-another-kind"].concat();
    let record = Record::new(WatchState::Watching, now, b"body");
    let _: (i64, i64, i64) = redis::pipe()
        .cmd("HSET")
        .arg("smswatch:{0}:w:7")
        .arg(&place[2..])
        .arg(record.as_bytes())
        .cmd("LPUSH")
        .arg(format!("smswatch:{{0}}:s:0:{due}"))
        .arg(&place)
        .cmd("ZADD")
        .arg("smswatch:{0}:z:0")
        .arg(due)
        .arg(due)
        .query_async(&mut raw)
        .await
        .expect("it is written");
    let claimed = store
        .claim(SHARD, WatchPriority::New, 10, LEASE)
        .await
        .expect("a claim");
    assert_eq!(claimed.watches.len(), 1);
    assert_eq!(claimed.put_aside, Some(1));
    let left: Vec<Vec<u8>> = redis::cmd("LRANGE")
        .arg("smswatch:{0}:u:0")
        .arg(0)
        .arg(-1)
        .query_async(&mut raw)
        .await
        .expect("a list");
    assert!(left[0].ends_with(&place), "{left:?}");
}

#[tokio::test]
async fn a_rate_in_another_form_stops_nothing() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let set = server.order(&["SET", "smswatch:{0}:rate:provider", "v2;1777636800"]);
    assert!(set.starts_with("+OK"), "{set}");
    let rate = Rate {
        permits: 5,
        per: Duration::from_secs(1),
    };
    let reserved = store.reserve("provider", rate, 2).await.expect("permits");
    assert_eq!(reserved.granted, 2);
}

fn delivery(n: u32) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::new(format!("dlv_{n}")).expect("a valid id"),
        sink: "crm".to_owned(),
        rule: "rule".to_owned(),
        priority: Priority::Normal,
        message_ids: vec![id("m1")],
        body: vec![9, 1, 2],
        suppressed: None,
    }
}

fn completion(claimed: &ClaimedDelivery, outcome: Outcome) -> Completion {
    Completion {
        id: claimed.id.clone(),
        token: claimed.token,
        outcome,
        attempt: Attempt {
            at: claimed.queued_at,
            result: "retry".to_owned(),
            detail: "503".to_owned(),
        },
        fallback: None,
    }
}

#[tokio::test]
async fn deliveries_of_a_later_version_are_offered_once_to_who_starts_later() {
    let server = RedisServer::start();
    let earlier = open(&server).await;
    let new: Vec<_> = (0..200).map(delivery).collect();
    earlier.enqueue_all(SHARD, &new).await.expect("queued");
    let claim = async |store: &RedisStore, limit| {
        let claimed =
            store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(limit), LEASE);
        claimed.await.expect("a claim")
    };
    let claimed = claim(&earlier, 1000).await;
    let left = claimed.deliveries.iter();
    let left: Vec<_> = left.map(|one| completion(one, Outcome::Left)).collect();
    earlier.complete(SHARD, "crm", &left).await.expect("done");
    let left_at = earlier.now(SHARD).await.expect("the time");
    let meanwhile = Duration::from_millis(50);
    while earlier.now(SHARD).await.expect("the time") < left_at + meanwhile {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let again = claim(&earlier, 1000).await;
    assert_eq!((again.deliveries.len(), again.left), (0, 200), "it spins");

    let later = open(&server).await;
    let mut found = Vec::new();
    loop {
        let offered = claim(&later, 1).await;
        if offered.deliveries.is_empty() {
            assert_eq!(offered.left, 0);
            break;
        }
        found.extend(offered.deliveries);
    }
    assert_eq!(found.len(), 200);
    let queued_at = claimed.deliveries[0].queued_at + meanwhile;
    assert!(
        found.iter().all(|one| one.queued_at >= queued_at),
        "the time for which they were left counts"
    );
    assert!(found.iter().all(|one| one.body == [9, 1, 2]));
    let done: Vec<_> = found
        .iter()
        .map(|one| completion(one, Outcome::Delivered))
        .collect();
    let done = later.complete(SHARD, "crm", &done).await;
    assert_eq!(done.expect("done").done, vec![true; 200]);
}

#[tokio::test]
async fn words_of_a_later_version_about_a_delivery_fail_no_page_and_no_attempt() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let new: Vec<_> = (1..=4).map(delivery).collect();
    store.enqueue_all(SHARD, &new).await.expect("queued");
    let raw = raw(&server).await;
    let set = async |n: u32, field: &str, value: &str| {
        let mut raw = raw.clone();
        let mut set = redis::cmd("HSET");
        set.arg(format!("smswatch:{{0}}:d:dlv_{n}"));
        let set = set.arg(field).arg(value).query_async::<u8>(&mut raw);
        set.await.expect("it is written");
    };
    set(1, "a", "{\"at\":\"a moment ago\",\"with\":7}").await;
    set(2, "s", "snoozed").await;
    set(3, "n", "a few").await;
    let answer = server.order(&["DEL", "smswatch:{0}:d:dlv_4"]);
    assert!(answer.starts_with(":1"), "{answer}");
    let answer = server.order(&["RPUSH", "smswatch:{0}:d:dlv_4", "x"]);
    assert!(answer.starts_with(":1"), "{answer}");
    let claimed = store.claim_deliveries(SHARD, "crm", Priority::Normal, Pick::Due(10), LEASE);
    let claimed = claimed.await.expect("a claim").deliveries;
    assert_eq!(claimed.len(), 3);
    let retries: Vec<_> = claimed
        .iter()
        .map(|one| completion(one, Outcome::Retry(LEASE)))
        .collect();
    let done = store.complete(SHARD, "crm", &retries).await;
    assert_eq!(done.expect("done").done, [true; 3]);
    let kept = server.order(&["HGET", "smswatch:{0}:d:dlv_1", "a"]);
    assert!(kept.contains("a moment ago"), "{kept}");
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    for message_ids in [Vec::new(), vec![id("m1")]] {
        let filter = DeliveryFilter {
            message_ids,
            ..DeliveryFilter::default()
        };
        let page = store.deliveries(&filter, &page).await;
        let items = page.expect("a page").items;
        let first = items.iter().find(|one| one.id == new[0].id);
        assert_eq!(first.expect("it is shown").attempts.len(), 1);
    }
}
