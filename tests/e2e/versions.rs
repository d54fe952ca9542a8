//! Versions live side by side: what a later one wrote is left to it, and told by it.

mod deliveries;
mod every_kind;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use routee_sim::Fate;
use serde_json::json;
use smswatch_plugin::Secret;
use smswatch_plugin::model::MessageId;
use smswatch_plugin::record::Record;
use smswatch_plugin::store::{
    CommitItem, CommitOutcome, CommitStep, RouteOutcome, RouteStep, SetAside, Shard, Store,
    WatchPriority,
};
use smswatch_store_redis::{OpenError, RedisOptions, RedisStore};
use smswatch_store_sqlite::SqliteStore;
use smswatch_testkit::redis_server::RedisServer;
use smswatch_testkit::{PATIENCE, patiently};

use crate::ask;
use crate::process::Process;
use crate::stage::Stage;

pub(crate) async fn open_redis(url: String) -> Arc<dyn Store> {
    let options = RedisOptions {
        url: Secret::new(url),
        key_prefix: "smswatch".to_owned(),
        shards: 16,
    };
    let (store, _) = patiently(|| RedisStore::open(options.clone()), OpenError::is_passing).await;
    Arc::new(store)
}

/// Opens the file as soon as the process that had it has let it go.
pub(crate) async fn open_sqlite(path: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(path).expect("nobody else has it"))
}

/// Waits until the thread has ended that owns the file after its last handle is dropped.
pub(crate) async fn close(store: Arc<dyn Store>, lock: Option<&Path>) {
    drop(store);
    let Some(lock) = lock else { return };
    let lock = File::open(lock).expect("the lock");
    while lock.try_lock().is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Appends an entry to the log that belongs to no watch.
pub(crate) async fn append(store: &dyn Store, shard: Shard, body: &[u8]) {
    let item = CommitItem {
        message_id: MessageId::new("nobody").expect("a valid id"),
        expected: None,
        record: None,
        priority: WatchPriority::Rest,
        entry: Some(body.to_vec().into()),
    };
    commit(store, shard, item).await;
}

async fn commit(store: &dyn Store, shard: Shard, item: CommitItem) {
    let step = CommitStep {
        items: vec![item],
        finished: Vec::new(),
    };
    let committed = store.commit(shard, &step).await.expect("a commit");
    assert_eq!(committed.outcomes, [CommitOutcome::Done]);
}

/// Writes a watch's record anew, with another body and the same head.
async fn rewrite(store: &dyn Store, id: &MessageId, change: impl Fn(&mut Vec<u8>)) {
    let shard = smswatch_plugin::store::shard_of(id.as_str(), store.shard_count());
    let loaded = store.load(shard, std::slice::from_ref(id)).await;
    let before = loaded.expect("records").remove(0).expect("readable");
    let before = before.expect("it is watched");
    let mut bytes = before.as_bytes().to_vec();
    change(&mut bytes);
    let item = CommitItem {
        message_id: id.clone(),
        expected: Some(before),
        record: Some(Record::from_bytes(bytes).expect("the head is the same")),
        priority: WatchPriority::New,
        entry: None,
    };
    commit(store, shard, item).await;
}

/// Appends an entry of another format, and moves an entry that this version can read to those that are
/// left, as an earlier version does.
async fn leave_an_entry(store: &dyn Store, shard: Shard, body: &[u8]) {
    append(store, shard, body).await;
    let slice = store.read_log(shard, 100).await.expect("a slice");
    let last = slice.entries.last().expect("an entry");
    let left = SetAside {
        position: last.position.clone(),
        error: "it is of another format".to_owned(),
        body: last.body.clone(),
        is_newer: true,
    };
    let route = RouteStep {
        from: slice.cursor.clone(),
        to: last.position.clone(),
        entries: slice.entries.len() as u64,
        deliveries: Vec::new(),
        records: Vec::new(),
        set_aside: vec![left],
    };
    let outcome = store.route(shard, &route).await.expect("a route step");
    assert_eq!(outcome, RouteOutcome::Done { added: 0 });
}

/// The body of an entry that tells of a carrier violation of `id`, as an earlier run wrote it.
async fn entry_of(store: &dyn Store) -> Vec<u8> {
    let page = smswatch_plugin::store::PageRequest {
        cursor: None,
        limit: 1000,
    };
    let filter = smswatch_core::EventFilter::default();
    let bodies = store.events(&filter, &page).await.expect("a page").items;
    let told = bodies
        .into_iter()
        .find(|body| String::from_utf8_lossy(body).contains("Carrier Violation"));
    told.expect("it was told before")
}

async fn what_a_later_version_wrote_is_left_to_it<F: Future<Output = Arc<dyn Store>>>(
    stage: &Stage,
    url: &str,
    lock: Option<&Path>,
    open: impl Fn() -> F,
) {
    let config = stage.config(url);
    let process = Process::start(&config);
    let first = stage.message(Fate::CarrierViolation);
    let newer = stage.message(Fate::Delivered);
    assert_eq!(process.json(&["watch", &first, &newer])["accepted"], 2);
    stage.webhook.wait_for(1).await;
    assert_eq!(process.terminate(), Some(0));

    // A later version comes and goes.
    let newer = MessageId::new(newer).expect("a valid id");
    let store = open().await;
    rewrite(&*store, &newer, |bytes| bytes.push(7)).await;
    let told = entry_of(&*store).await;
    let shard = smswatch_plugin::store::shard_of(&first, store.shard_count());
    leave_an_entry(&*store, shard, &told).await;
    close(store, lock).await;

    let process = Process::start(&config);
    let other = stage.message(Fate::CarrierViolation);
    let asked = process.ask(&["watch", newer.as_str(), &other]);
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(
        !asked.status.success() && said.contains(newer.as_str()),
        "{said}"
    );
    let said = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(said.contains("1 accepted"), "{said}");
    let hooks = stage.webhook.wait_for(2).await;
    let about = |hook: &smswatch_testkit::receiver::Request| {
        hook.json()["data"]["events"][0]["message"]["message_id"].clone()
    };
    assert!(hooks.iter().any(|hook| about(hook) == other.as_str()));
    let list = reqwest::get(format!("{}/v1/watches", process.url)).await;
    assert_eq!(list.expect("an answer").status(), 200);
    what_can_be_read_of_it_is_told(&process, newer.as_str()).await;
    assert_eq!(process.terminate(), Some(0));

    // What it wrote is as it was; it reads it again, which here is this version with a body of its own.
    let store = open().await;
    let left = store.left_entries(shard, None, 10).await;
    assert!(
        left.expect("entries").is_empty(),
        "this version could route it"
    );
    rewrite(&*store, &newer, |bytes| {
        assert_eq!(bytes.pop(), Some(7));
    })
    .await;
    close(store, lock).await;
    let process = Process::start(&config);
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let shown = process.json(&["show", newer.as_str()]);
        if shown["watch"]["state"] == "final" {
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "nobody goes on with it: {shown}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(process.terminate(), Some(0));
}

/// A watch that this version cannot read hides nothing else about its message.
async fn what_can_be_read_of_it_is_told(process: &Process, id: &str) {
    let watch = format!("/v1/watches/{id}");
    let (status, told) = ask::json(process, &watch).await;
    assert_eq!((status, &told["unreadable"]), (200, &json!(true)), "{told}");
    assert_eq!(told["message_id"], id);
    assert!(told["registered_at"].is_null() && told["state"].is_string());
    let (status, told) = ask::json(process, &format!("{watch}/timeline")).await;
    assert_eq!((status, &told["watch"]["unreadable"]), (200, &json!(true)));
    assert!(told["events"].is_array(), "{told}");
    let (status, _) = ask::json(process, &format!("/v1/deliveries?message_id={id}")).await;
    assert_eq!(status, 200);
    let capitals = format!("/v1/events?message_id={}", id.to_uppercase());
    assert_eq!(ask::json(process, &capitals).await.0, 200);
    let shown = process.ask(&["show", id]);
    let said = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(said.contains("cannot read the watch"), "{said}");
    let page = ask::page(process, &format!("/messages/{id}")).await;
    assert!(
        page.contains("cannot read the watch of this message"),
        "{page}"
    );
    // It is left as it is, so nobody removes it.
    let gone = process.ask(&["unwatch", id]);
    assert!(!gone.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_what_a_later_version_wrote_is_left_to_it_and_told_by_it() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let open = || open_redis(redis.url());
    what_a_later_version_wrote_is_left_to_it(&stage, &redis.url(), None, open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_what_a_later_version_wrote_is_left_to_it_and_told_by_it() {
    let stage = Stage::new().await;
    let path = stage.directory.path().join("store.db");
    let lock = stage.directory.path().join("store.db.lock");
    let url = format!("sqlite:{}", path.display());
    let open = || open_sqlite(&path);
    what_a_later_version_wrote_is_left_to_it(&stage, &url, Some(&lock), open).await;
}
