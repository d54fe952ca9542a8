//! A claim whose answer is lost belongs to nobody, and is claimed again at once.

use std::time::Duration;

use smswatch_plugin::model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    NewDelivery, NewRecord, Pick, Priority, Queues as _, RecordChange, RecordCommit, RecordId,
    RecordKind, Records as _, Shard, StoreError, WatchPriority,
};
use smswatch_store_redis::RedisStore;
use smswatch_testkit::patiently;
use smswatch_testkit::proxy::Proxy;
use smswatch_testkit::redis_server::RedisServer;

use crate::{add, message, open};

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_claimed_again_at_once() {
    let server = RedisServer::start();
    let target = ([127, 0, 0, 1], server.port()).into();
    let proxy = Proxy::start(target).await.expect("a proxy");
    let store = open(format!("redis://{}", proxy.address())).await;
    add(&store, 0).await.expect("it is there");
    let (shard, id) = message(0);
    let direct = open(server.url()).await;
    let hour = Duration::from_secs(3600);
    let claim = || store.claim(shard, WatchPriority::Rest, 10, hour);
    // The scripts are known by now, so that one request is the whole claim.
    let none = store
        .claim(Shard((shard.0 + 1) % 16), WatchPriority::Rest, 10, hour)
        .await;
    assert!(none.expect("it is there").watches.is_empty());
    proxy.stall_answers();
    claim().await.expect_err("its answer is lost");
    let taken = direct.claim(shard, WatchPriority::Rest, 10, hour).await;
    assert!(
        taken.expect("it is there").watches.is_empty(),
        "it took place"
    );
    proxy.cut();
    proxy.open();
    let found = patiently(claim, |_| true).await;
    assert_eq!(found.watches.len(), 1);
    assert_eq!(found.watches[0].0, id);
}

#[tokio::test]
async fn a_claim_of_deliveries_whose_answer_is_lost_is_claimed_again_at_once() {
    let server = RedisServer::start();
    let target = ([127, 0, 0, 1], server.port()).into();
    let proxy = Proxy::start(target).await.expect("a proxy");
    let store = open(format!("redis://{}", proxy.address())).await;
    let direct = open(server.url()).await;
    let hour = Duration::from_secs(3600);
    let claim = |store: RedisStore| async move {
        let claim =
            store.claim_deliveries(Shard(3), "crm", Priority::Critical, Pick::Due(10), hour);
        let claimed = claim.await?;
        let ids = claimed.deliveries.into_iter().map(|one| one.id);
        Ok::<_, StoreError>(ids.collect::<Vec<_>>())
    };
    // The script is known then, so that one request is the whole claim.
    assert!(claim(store.clone()).await.expect("it is there").is_empty());
    let wanted = queue_critical(&direct, 1).await;
    proxy.stall_answers();
    claim(store.clone()).await.expect_err("its answer is lost");
    let others = claim(direct.clone()).await.expect("it is there");
    assert!(others.is_empty(), "it took place");
    let later = queue_critical(&direct, 2).await;
    assert_eq!(claim(direct).await.expect("it is there"), [later]);
    proxy.cut();
    proxy.open();
    let found = patiently(|| claim(store.clone()), |_| true).await;
    assert_eq!(found, [wanted], "and nothing that others hold");
}

#[tokio::test]
async fn a_claim_of_records_whose_answer_is_lost_is_claimed_again_at_once() {
    const KIND: RecordKind = RecordKind::new("group");
    let server = RedisServer::start();
    let target = ([127, 0, 0, 1], server.port()).into();
    let proxy = Proxy::start(target).await.expect("a proxy");
    let store = open(format!("redis://{}", proxy.address())).await;
    let direct = open(server.url()).await;
    let hour = Duration::from_secs(3600);
    let claim = |store: RedisStore| async move {
        let claimed = store.claim_records(Shard(3), KIND, 10, hour).await?;
        let ids = claimed.records.into_iter().map(|record| record.id);
        Ok::<_, StoreError>(ids.collect::<Vec<_>>())
    };
    let add = |id: &'static str| {
        let id = RecordId::new(id).expect("an id");
        let due = Timestamp::from_millis(1_700_000_000_000);
        let change = RecordChange {
            kind: KIND,
            id: id.clone(),
            expected: None,
            record: Some(NewRecord {
                due: Some(due),
                body: vec![1],
            }),
        };
        let direct = direct.clone();
        async move {
            let commits = [RecordCommit::from(change)];
            let committed = direct.commit_records(Shard(3), &commits).await;
            assert_eq!(committed.expect("it is there").done, [true]);
            id
        }
    };
    // The script is known then, so that one request is the whole claim.
    assert!(claim(store.clone()).await.expect("it is there").is_empty());
    let wanted = add("g1").await;
    proxy.stall_answers();
    claim(store.clone()).await.expect_err("its answer is lost");
    let others = claim(direct.clone()).await.expect("it is there");
    assert!(others.is_empty(), "it took place");
    let later = add("g2").await;
    assert_eq!(claim(direct.clone()).await.expect("it is there"), [later]);
    proxy.cut();
    proxy.open();
    let found = patiently(|| claim(store.clone()), |_| true).await;
    assert_eq!(found, [wanted], "and nothing that others hold");
}

/// Queues a critical delivery for `crm` in the third shard.
async fn queue_critical(store: &RedisStore, n: u32) -> DeliveryId {
    let id = DeliveryId::new(format!("dlv_{n}")).expect("an id");
    let new = NewDelivery {
        id: id.clone(),
        sink: "crm".to_owned(),
        rule: "rule".to_owned(),
        priority: Priority::Critical,
        message_ids: Vec::new(),
        body: vec![1],
        suppressed: None,
    };
    store.enqueue(Shard(3), new).await.expect("queued");
    id
}
