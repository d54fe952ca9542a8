//! The store's clock goes on whatever Redis's own clock does.

use std::time::Duration;

use smswatch_plugin::model::{MessageId, Timestamp};
use smswatch_plugin::store::{Shard, Store as _, shard_of};
use smswatch_store_redis::RedisStore;
use smswatch_testkit::redis_server::RedisServer;
use smswatch_testkit::store_suite;
use smswatch_testkit::store_suite::claim_new;

const SHARD: Shard = Shard(0);
const HOUR: Duration = Duration::from_secs(3600);

async fn open(server: &RedisServer) -> RedisStore {
    super::open(server, 2).await
}

/// Writes what the shards know of the clock, as they would if Redis's own had shown `shown` before and
/// was `ahead` milliseconds behind the store's.
async fn note(server: &RedisServer, ahead: i64, shown: Timestamp) {
    let mut raw = super::raw(server).await;
    for shard in 0..2 {
        let _: i64 = redis::cmd("HSET")
            .arg(format!("smswatch:{{{shard}}}:clock"))
            .arg("ahead")
            .arg(ahead)
            .arg("shown")
            .arg(shown.as_millis())
            .query_async(&mut raw)
            .await
            .expect("it is written");
    }
}

/// By how many milliseconds a shard's clock is ahead of Redis's own.
fn ahead(server: &RedisServer) -> String {
    let answer = server.order(&["HGET", "smswatch:{0}:clock", "ahead"]);
    answer.lines().nth(1).unwrap_or_default().to_owned()
}

async fn add(store: &RedisStore, due: Timestamp) {
    let id = (0..)
        .map(|n| format!("message-{n}"))
        .find(|id| shard_of(id, 2) == SHARD)
        .expect("every shard has ids");
    let id = MessageId::new(id).expect("a valid id");
    store_suite::add(store, &id, due).await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_goes_on_from_where_it_was_in_every_process() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let real = store.now(SHARD).await.expect("the time");
    // Before it was set back it had shown an hour more.
    note(&server, 0, real + HOUR).await;
    let now = store.now(SHARD).await.expect("the time");
    assert!(now >= real + HOUR && now < real + 2 * HOUR, "{now}");
    add(&store, now).await;
    let claimed = claim_new(&store, SHARD, HOUR).await;
    assert_eq!(
        claimed.watches.len(),
        1,
        "what was scheduled by it is due by it"
    );
    assert!(claimed.now >= now);
    let another = open(&server).await;
    assert!(another.now(SHARD).await.expect("the time") >= now);
}

#[tokio::test]
async fn a_clock_that_is_set_back_while_a_process_runs_goes_on_by_that_process() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let real = store.now(SHARD).await.expect("the time");
    note(&server, 3_600_000, real + HOUR).await;
    let before = store.now(SHARD).await.expect("the time");
    assert!(before >= real + HOUR, "it is ahead");
    // Now it shows an hour less, and no shard knows that it ever showed more.
    note(&server, 0, real).await;
    let now = store.now(SHARD).await.expect("the time");
    assert!(now >= before && now < before + HOUR, "{before}, then {now}");
}

#[tokio::test]
async fn a_clock_that_is_ahead_goes_more_slowly_until_both_meet_again() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let real = store.now(SHARD).await.expect("the time");
    // It is ten minutes ahead, and that was noted a minute ago or longer.
    note(&server, 600_000, real + Duration::from_secs(540)).await;
    open(&server).await.now(SHARD).await.expect("the time");
    assert_eq!(ahead(&server), "598800");
}

#[tokio::test]
async fn a_clock_that_was_set_back_and_forth_jumps_back_no_more_than_a_moment() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let real = store.now(SHARD).await.expect("the time");
    // A day ahead, because Redis's own was set back by a day. Now that one is right again: what was scheduled since is
    // a day ahead, too.
    note(&server, 86_400_000, real).await;
    open(&server).await.now(SHARD).await.expect("the time");
    assert_eq!(ahead(&server), "86398800");
}

#[tokio::test]
async fn a_clock_that_was_wrong_by_months_is_right_when_it_is_set_right() {
    let server = RedisServer::start();
    let store = open(&server).await;
    let real = store.now(SHARD).await.expect("the time");
    note(&server, 0, real + 24 * 200 * HOUR).await;
    let now = open(&server).await.now(SHARD).await.expect("the time");
    assert!(now < real + HOUR, "{now}");
}

#[tokio::test]
async fn a_key_of_another_program_in_place_of_the_clock_stops_nothing() {
    let server = RedisServer::start();
    let answer = server.order(&["RPUSH", "smswatch:{0}:clock", "x"]);
    assert!(answer.starts_with(":1"), "{answer}");
    let store = open(&server).await;
    assert!(store.now(SHARD).await.is_err());
    let now = store.now(Shard(1)).await.expect("the other shard knows it");
    add(&store, now).await;
    let claimed = claim_new(&store, SHARD, HOUR).await;
    assert_eq!(claimed.watches.len(), 1);
}
