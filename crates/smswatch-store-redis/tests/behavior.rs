//! The Redis store keeps every store's promises, and a few of its own, on a real Redis.

#[path = "behavior/clock.rs"]
mod clock;
#[path = "behavior/earlier.rs"]
mod earlier;
#[path = "behavior/versions.rs"]
mod versions;

use std::sync::Arc;
use std::time::Duration;

use smswatch_plugin::Secret;
use smswatch_plugin::model::{DeliveryId, MessageId};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Bound, ClaimedWatches, CommitItem, CommitOutcome, HistoryBounds, Log as _, NewDelivery,
    Outcome, PageRequest, Pick, Priority, Queues as _, Records as _, Shard, Store, StoreError,
    WatchPriority, shard_of,
};
use smswatch_store_redis::{OpenError, RedisOptions, RedisStore};
use smswatch_testkit::patiently;
use smswatch_testkit::redis_server::RedisServer;
use smswatch_testkit::store_suite::{StoreFixture, completion, delivery, step};

struct Fixture {
    store: RedisStore,
    server: RedisServer,
}

fn options(server: &RedisServer, shards: u16) -> RedisOptions {
    RedisOptions {
        url: Secret::new(server.url()),
        key_prefix: "smswatch".to_owned(),
        shards,
    }
}

/// A process of its own on `server`.
async fn open(server: &RedisServer, shards: u16) -> RedisStore {
    let open = || RedisStore::open(options(server, shards));
    patiently(open, OpenError::is_passing).await.0
}

async fn raw(server: &RedisServer) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(server.url()).expect("a client");
    // A busy machine may take its time.
    let patient = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let connection = client
        .get_multiplexed_async_connection_with_config(&patient)
        .await;
    connection.expect("a connection")
}

impl Fixture {
    async fn fresh() -> Self {
        Self::on(RedisServer::start_with(&["--appendonly", "yes"])).await
    }

    async fn on(server: RedisServer) -> Self {
        let store = open(&server, 16).await;
        Self { store, server }
    }

    async fn claim_from(&self, shard: Shard) -> ClaimedWatches {
        let lease = Duration::from_secs(60);
        let claimed = self
            .store
            .claim(shard, WatchPriority::Rest, 10, lease)
            .await;
        claimed.expect("a claim")
    }

    async fn raw(&self) -> redis::aio::MultiplexedConnection {
        raw(&self.server).await
    }
}

impl StoreFixture for Fixture {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }
}

smswatch_testkit::store_suite!(Fixture::fresh);

/// A watch as core writes it for a one-part message with UUIDs.
fn watch(n: u64, due: smswatch_plugin::model::Timestamp) -> CommitItem {
    let id = format!(
        "{n:08x}-91d4-4d4e-8f6f-{:012x}",
        n.wrapping_mul(0x9e37_79b9_7f4a) & 0xffff_ffff_ffff
    );
    CommitItem {
        message_id: MessageId::new(id).expect("a valid id"),
        expected: None,
        record: Some(Record::new(WatchState::Watching, due, &[7; 36])),
        priority: WatchPriority::Rest,
        entry: None,
    }
}

async fn add(store: &RedisStore, items: impl Iterator<Item = CommitItem>) {
    let mut by_shard: std::collections::BTreeMap<Shard, Vec<CommitItem>> = Default::default();
    for item in items {
        by_shard
            .entry(shard_of(item.message_id.as_str(), 16))
            .or_default()
            .push(item);
    }
    for (shard, items) in by_shard {
        for chunk in items.chunks(500) {
            let step = step(chunk.to_vec());
            store.commit(shard, &step).await.expect("a commit");
        }
    }
}

async fn used_memory(fixture: &Fixture) -> u64 {
    let info: redis::InfoDict = redis::cmd("INFO")
        .arg("memory")
        .query_async(&mut fixture.raw().await)
        .await
        .expect("INFO");
    info.get("used_memory").expect("a number")
}

#[tokio::test]
async fn a_watched_message_takes_at_most_250_bytes_and_buckets_stay_small() {
    let fixture = Fixture::on(RedisServer::start_with(&["--appendonly", "no"])).await;
    let now = fixture.store.now(Shard(0)).await.expect("the time");
    let before = used_memory(&fixture).await;
    // An hour's gap has 110 slots.
    let due = |n: u64| now + Duration::from_millis(32_768 * (n % 110));
    add(&fixture.store, (0..20_000).map(|n| watch(n, due(n)))).await;
    let each = (used_memory(&fixture).await - before) / 20_000;
    assert!(each <= 250, "{each} bytes");
    let encoding: String = redis::cmd("OBJECT")
        .arg("ENCODING")
        .arg("smswatch:{3}:w:7")
        .query_async(&mut fixture.raw().await)
        .await
        .expect("an encoding");
    assert_eq!(encoding, "listpack");
}

#[tokio::test]
async fn scripts_that_redis_forgot_are_loaded_again() {
    let fixture = Fixture::fresh().await;
    let now = fixture.store.now(Shard(0)).await.expect("the time");
    add(&fixture.store, std::iter::once(watch(1, now))).await;
    let flushed: String = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query_async(&mut fixture.raw().await)
        .await
        .expect("OK");
    assert_eq!(flushed, "OK");
    add(&fixture.store, std::iter::once(watch(2, now))).await;
}

#[tokio::test]
async fn a_redis_that_goes_away_is_told_and_found_again_with_everything() {
    let mut fixture = Fixture::on(RedisServer::start()).await;
    let now = fixture.store.now(Shard(0)).await.expect("the time");
    let item = watch(1, now);
    let id = item.message_id.clone();
    let shard = shard_of(id.as_str(), 16);
    add(&fixture.store, std::iter::once(item)).await;
    fixture.server.kill();
    let error = fixture.store.now(Shard(0)).await.expect_err("it is gone");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    fixture.server.restart();
    let load = || fixture.store.load(shard, std::slice::from_ref(&id));
    let found = patiently(load, |_| true).await;
    assert!(matches!(found[0], Ok(Some(_))));
}

#[tokio::test]
async fn another_number_of_shards_is_refused() {
    let fixture = Fixture::fresh().await;
    let refused = RedisStore::open(options(&fixture.server, 8))
        .await
        .expect_err("it is split");
    assert!(
        matches!(
            refused,
            OpenError::Shards {
                stored: 16,
                wanted: 8
            }
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn a_redis_that_evicts_is_refused_and_one_without_aof_is_warned_of() {
    let evicting = ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"];
    let server = RedisServer::start_with(&evicting);
    let refused = RedisStore::open(options(&server, 16))
        .await
        .expect_err("it evicts");
    assert!(
        refused.to_string().contains("maxmemory-policy"),
        "{refused}"
    );
    let server = RedisServer::start_with(&["--appendonly", "no"]);
    let open = || RedisStore::open(options(&server, 16));
    let (_, warnings) = patiently(open, OpenError::is_passing).await;
    assert!(
        warnings.iter().any(|warning| warning.contains("AOF")),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_redis_without_info_is_used_and_warned_of() {
    let server = RedisServer::start_with(&["--rename-command", "INFO", ""]);
    let open = || RedisStore::open(options(&server, 16));
    let (store, warnings) = patiently(open, OpenError::is_passing).await;
    assert!(store.now(Shard(0)).await.is_ok());
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("maxmemory-policy")),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_redis_out_of_memory_is_waited_for_and_loses_nothing_that_is_due() {
    let server = RedisServer::start_with(&["--maxmemory", "3mb", "--appendonly", "no"]);
    let fixture = Fixture::on(server).await;
    let now = fixture.store.now(Shard(0)).await.expect("the time");
    let mut n_added = 0;
    let error = loop {
        let item = watch(n_added, now);
        let item = CommitItem {
            record: Some(Record::new(WatchState::Watching, now, &[7; 4000])),
            ..item
        };
        let shard = shard_of(item.message_id.as_str(), 16);
        let step = step(vec![item]);
        match fixture.store.commit(shard, &step).await {
            Ok(_) => n_added += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let unlimited: String = redis::cmd("CONFIG")
        .arg(&["SET", "maxmemory", "0"])
        .query_async(&mut fixture.raw().await)
        .await
        .expect("OK");
    assert_eq!(unlimited, "OK");
    let mut claimed = 0;
    for shard in (0..16).map(Shard) {
        let found = fixture
            .store
            .claim(shard, WatchPriority::Rest, 10_000, Duration::from_secs(60))
            .await;
        claimed += u64::try_from(found.expect("a claim").watches.len()).expect("few");
    }
    assert_eq!(claimed, n_added);
}

/// Adds three watches to shard 3 and makes one of them unreadable.
async fn add_one_unreadable(fixture: &Fixture) -> Vec<CommitItem> {
    let now = fixture.store.now(Shard(0)).await.expect("the time");
    let of_shard = |item: &CommitItem| shard_of(item.message_id.as_str(), 16) == Shard(3);
    let items = (0..).map(|n| watch(n, now)).filter(of_shard);
    let items: Vec<_> = items.take(3).collect();
    add(&fixture.store, items.iter().cloned()).await;
    let mut raw = fixture.raw().await;
    let bucket: String = redis::cmd("KEYS")
        .arg("smswatch:{3}:w:*")
        .query_async::<Vec<String>>(&mut raw)
        .await
        .expect("keys")
        .remove(0);
    let (field, mut record): (Vec<u8>, Vec<u8>) = redis::cmd("HGETALL")
        .arg(&bucket)
        .query_async::<Vec<(Vec<u8>, Vec<u8>)>>(&mut raw)
        .await
        .expect("records")
        .remove(0);
    record[0] = 9;
    let _: i64 = redis::cmd("HSET")
        .arg(&bucket)
        .arg(field)
        .arg(record)
        .query_async(&mut raw)
        .await
        .expect("it is damaged");
    items
}

#[tokio::test]
async fn a_watch_that_cannot_be_read_keeps_no_other_from_being_written() {
    let fixture = Fixture::on(RedisServer::start()).await;
    let mut items = add_one_unreadable(&fixture).await;
    for item in &mut items {
        item.expected = item.record.clone();
        item.entry = Some(b"entry".to_vec().into());
    }
    let step = step(items);
    let committed = fixture.store.commit(Shard(3), &step).await;
    let committed = committed.expect("a commit");
    let is_done = |outcome: &&CommitOutcome| **outcome == CommitOutcome::Done;
    assert_eq!(committed.outcomes.iter().filter(is_done).count(), 2);
    assert!(committed.outcomes.contains(&CommitOutcome::Unreadable));
    assert_eq!(committed.unrouted, 2);
}

#[tokio::test]
async fn a_key_of_another_type_keeps_no_other_watch_from_being_written_and_claimed() {
    let fixture = Fixture::on(RedisServer::start()).await;
    let mut items = add_one_unreadable(&fixture).await;
    let mut raw = fixture.raw().await;
    let buckets: Vec<String> = redis::cmd("KEYS")
        .arg("smswatch:{3}:w:*")
        .query_async(&mut raw)
        .await
        .expect("keys");
    assert_eq!(buckets.len(), items.len());
    let _: (i64, i64) = redis::pipe()
        .cmd("DEL")
        .arg(&buckets[0])
        .cmd("RPUSH")
        .arg(&buckets[0])
        .arg("x")
        .query_async(&mut raw)
        .await
        .expect("it is of another type");
    let claimed = fixture.claim_from(Shard(3)).await;
    assert_eq!(claimed.watches.len() + claimed.unreadable.len(), 3);
    for item in &mut items {
        item.expected = item.record.clone();
    }
    let step = step(items);
    let committed = fixture.store.commit(Shard(3), &step).await;
    let outcomes = committed.expect("a commit").outcomes;
    assert!(outcomes.contains(&CommitOutcome::Done), "{outcomes:?}");
    assert!(
        outcomes.contains(&CommitOutcome::Unreadable),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_watch_that_cannot_be_read_keeps_no_other_from_being_claimed() {
    let fixture = Fixture::on(RedisServer::start()).await;
    let items = add_one_unreadable(&fixture).await;
    let claimed = fixture.claim_from(Shard(3)).await;
    assert_eq!((claimed.watches.len(), claimed.unreadable.len()), (2, 1));
    let is_ours = |item: &CommitItem| item.message_id == claimed.unreadable[0];
    assert!(items.iter().any(is_ours));
    let all = PageRequest {
        cursor: None,
        limit: 10,
    };
    let page = fixture.store.watches(&all).await.expect("a page");
    assert_eq!(page.items.len(), 2);
}

/// Queues so many deliveries of `sink` in shard 0 and lets them die.
async fn let_die(store: &RedisStore, sink: &str, count: u32) {
    let new = |n| NewDelivery {
        id: DeliveryId::new(format!("dlv_{sink}_{n}")).expect("a valid id"),
        ..delivery(n, sink, Priority::Normal)
    };
    let dead: Vec<_> = (0..count).map(new).collect();
    store.enqueue_all(Shard(0), &dead).await.expect("queued");
    let lease = Duration::from_secs(60);
    let claimed = store.claim_deliveries(Shard(0), sink, Priority::Normal, Pick::Due(count), lease);
    let claimed = claimed.await.expect("a claim");
    let completions = claimed.deliveries.iter();
    let completions: Vec<_> = completions
        .map(|claimed| completion(claimed, Outcome::Dead))
        .collect();
    let held = store.complete(Shard(0), sink, &completions).await;
    assert_eq!(held.expect("completed").done, vec![true; count as usize]);
}

#[tokio::test]
async fn a_sink_with_many_dead_letters_costs_no_other_its_few() {
    let fixture = Fixture::on(RedisServer::start()).await;
    for (sink, count) in [("few", 2), ("many", 9), ("most", 20), ("some", 5)] {
        let_die(&fixture.store, sink, count).await;
    }
    for (max, expected) in [
        (36, [2, 9, 20, 5]),
        (30, [2, 9, 14, 5]),
        (21, [2, 7, 7, 5]),
        (12, [2, 4, 3, 3]),
        (3, [1, 1, 0, 1]),
    ] {
        let bound = Bound {
            keep_for: Duration::from_secs(3600),
            max: 16 * max,
        };
        let bounds = HistoryBounds::all(bound);
        fixture.store.trim(Shard(0), &bounds).await.expect("a trim");
        let mut queues = fixture.store.gauges().await.expect("counts").queues;
        queues.sort_by(|one, other| one.sink.cmp(&other.sink));
        let mut counts: Vec<_> = queues.iter().map(|queue| queue.dead).collect();
        assert_eq!(counts.iter().sum::<u64>(), max, "{counts:?}");
        let mut expected = expected.to_vec();
        // Which of equally long lists gives one more is nobody's business.
        counts.sort_unstable();
        expected.sort_unstable();
        assert_eq!(counts, expected);
    }
}
