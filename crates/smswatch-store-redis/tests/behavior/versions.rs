//! Versions live side by side on one Redis: what an earlier one cannot read is there for a later one.

use std::sync::Arc;
use std::time::Duration;

use smswatch_plugin::async_trait;
use smswatch_plugin::model::MessageId;
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{Rate, Rates as _, Shard, Store};
use smswatch_testkit::redis_server::RedisServer;
use smswatch_testkit::store_suite::{Change, Legible, VersionsFixture, add, claim_new};

use super::{open, raw};

const SHARD: Shard = Shard(0);
const LEASE: Duration = Duration::from_secs(60);

struct Fixture {
    server: RedisServer,
}

impl Fixture {
    async fn fresh() -> Self {
        let server = RedisServer::start();
        Self { server }
    }
}

#[async_trait]
impl VersionsFixture for Fixture {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(open(&self.server, 1).await)
    }

    async fn rewrite(&self, message_id: &MessageId, change: &Change<'_>) {
        let mut raw = raw(&self.server).await;
        let field = [b"t", message_id.as_str().as_bytes()].concat();
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
        panic!("there is no record of {message_id}");
    }

    async fn write_new_words(&self) -> Legible {
        let raw = raw(&self.server).await;
        let set = async |n: u32, field: &str, value: &str| {
            let mut raw = raw.clone();
            let mut set = redis::cmd("HSET");
            set.arg(format!("smswatch:{{0}}:d:dlv_000{n}"));
            let set = set.arg(field).arg(value).query_async::<u8>(&mut raw);
            set.await.expect("it is written");
        };
        set(1, "a", "{\"at\":\"a moment ago\",\"with\":7}").await;
        set(2, "s", "snoozed").await;
        set(3, "n", "a few").await;
        let answer = self.server.order(&["DEL", "smswatch:{0}:d:dlv_0004"]);
        assert!(answer.starts_with(":1"), "{answer}");
        let answer = self
            .server
            .order(&["RPUSH", "smswatch:{0}:d:dlv_0004", "x"]);
        assert!(answer.starts_with(":1"), "{answer}");
        Legible {
            claimed: 3,
            shown: vec![("dlv_0003", 1, 1), ("dlv_0001", 1, 1)],
        }
    }

    async fn check_new_words(&self) {
        let kept = self.server.order(&["HGET", "smswatch:{0}:d:dlv_0001", "a"]);
        assert!(kept.contains("a moment ago"), "{kept}");
    }
}

smswatch_testkit::versions_suite!(Fixture::fresh);

fn id(name: &str) -> MessageId {
    MessageId::new(name).expect("a valid id")
}

#[tokio::test]
async fn an_id_of_a_later_version_keeps_no_other_watch_from_being_claimed() {
    let server = RedisServer::start();
    let store = open(&server, 1).await;
    let now = store.now(SHARD).await.expect("the time");
    add(&store, &id("mine"), now).await;
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
    let claimed = claim_new(&store, SHARD, LEASE).await;
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
    let store = open(&server, 1).await;
    let set = server.order(&["SET", "smswatch:{0}:rate:provider", "v2;1777636800"]);
    assert!(set.starts_with("+OK"), "{set}");
    let rate = Rate {
        permits: 5,
        per: Duration::from_secs(1),
    };
    let reserved = store.reserve("provider", rate, 2).await.expect("permits");
    assert_eq!(reserved.granted, 2);
}
