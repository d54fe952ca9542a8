//! Records of other kinds than watches that a later version keeps in a form of its own are seen, and left alone.

use std::time::Duration;

use smswatch_plugin::Secret;
use smswatch_plugin::store::{
    KeptRecord, NewRecord, PageRequest, RecordChange, RecordId, RecordKind, Records as _, Shard,
    Store as _,
};
use smswatch_store_redis::{OpenError, RedisOptions, RedisStore};
use smswatch_testkit::patiently;
use smswatch_testkit::redis_server::RedisServer;

const KIND: RecordKind = RecordKind::new("group");
const SHARD: Shard = Shard(0);
const LEASE: Duration = Duration::from_secs(60);

/// What the later version has written: another format, another order.
const LATER: &str = "2 due=1777636800000 version=7\nbody";

async fn open(server: &RedisServer) -> RedisStore {
    let options = RedisOptions {
        url: Secret::new(server.url()),
        key_prefix: "smswatch".to_owned(),
        shards: 1,
    };
    let (store, _) = patiently(|| RedisStore::open(options.clone()), OpenError::is_passing).await;
    store
}

fn id(name: &str) -> RecordId {
    RecordId::new(name).expect("an id")
}

/// Whether a change of the record takes place that expects this version.
async fn changes(
    store: &RedisStore,
    name: &str,
    expected: Option<u64>,
    body: Option<&[u8]>,
) -> bool {
    let now = store.now(SHARD).await.expect("the time");
    let change = RecordChange {
        kind: KIND,
        id: id(name),
        expected,
        record: body.map(|body| NewRecord {
            due: Some(now),
            body: body.to_vec(),
        }),
    };
    let commit = store.commit_records(SHARD, &[change.into()]).await;
    commit.expect("a commit").done == [true]
}

#[tokio::test]
async fn a_record_in_a_form_of_a_later_version_is_seen_and_nobody_changes_it() {
    let server = RedisServer::start();
    let store = open(&server).await;
    for name in ["later", "mine"] {
        assert!(changes(&store, name, None, Some(b"\x01mine")).await);
    }
    let client = redis::Client::open(server.url()).expect("a client");
    // A busy machine may take its time.
    let patient = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let mut raw = client
        .get_multiplexed_async_connection_with_config(&patient)
        .await
        .expect("a connection");
    let mut write = redis::cmd("HSET");
    let write = write.arg("smswatch:{0}:g:group").arg("later").arg(LATER);
    assert_eq!(write.query_async::<u8>(&mut raw).await, Ok(0));

    let is_unreadable = |record: &KeptRecord| record.id == id("later") && record.body.is_empty();
    let loaded = store
        .load_records(SHARD, KIND, &[id("later"), id("mine"), id("nobody")])
        .await
        .expect("records");
    assert!(loaded[0].as_ref().is_some_and(is_unreadable), "{loaded:?}");
    assert!(
        loaded[1]
            .as_ref()
            .is_some_and(|mine| mine.body == b"\x01mine")
    );
    assert_eq!(loaded[2], None);
    let version = loaded[0].as_ref().map(|record| record.version);
    for expected in [None, version, Some(7)] {
        assert!(!changes(&store, "later", expected, Some(b"\x01over it")).await);
        assert!(
            !changes(&store, "later", expected, None).await,
            "nor removes it"
        );
    }
    let claimed = store.claim_records(SHARD, KIND, 10, LEASE).await;
    let mut claimed = claimed.expect("a claim").records;
    claimed.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(is_unreadable(&claimed[0]) && claimed[1].id == id("mine"));
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    let page = store.records(KIND, &page).await.expect("a page").items;
    assert!(page.iter().any(is_unreadable) && page.len() == 2);
    let mut read = redis::cmd("HGET");
    let read = read.arg("smswatch:{0}:g:group").arg("later");
    assert_eq!(
        read.query_async::<String>(&mut raw).await,
        Ok(LATER.to_owned())
    );
    let due = server.order(&["ZSCORE", "smswatch:{0}:h:group", "later"]);
    assert!(due.starts_with('$') && !due.starts_with("$-1"), "{due}");
}
