//! What stands in the log and cannot be read is set aside, and what stands behind it is told.

use routee_sim::Fate;
use smswatch_plugin::Secret;
use smswatch_plugin::store::{Shard, Store};
use smswatch_store_redis::{OpenError, RedisOptions, RedisStore};
use smswatch_testkit::patiently;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask;
use crate::process::Process;
use crate::stage::{Stage, sqlite_in, webhook};
use crate::versions::{append, close, open_sqlite};

/// Appends entries that no version has written to the log of the first shard.
async fn poison(store: &dyn Store) {
    for body in [&b"\x09from another world"[..], b"\x01[{\"event_id\":"] {
        append(store, Shard(0), body).await;
    }
}

async fn what_stands_behind_poison_is_told(store: &str, shards: &str) {
    let stage = Stage::new().await;
    let crm = webhook("crm", &stage.webhook, "");
    let watch = "watch: {schedule: [50ms], confirm_after: 200ms}";
    let rules = "[{name: everything, notify: [crm]}]";
    let config = stage.write(store, &format!("{watch}\nsinks:\n{crm}\nrules: {rules}"));
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text.replace("store: {", &format!("store: {{{shards}"));
    std::fs::write(&config, text).expect("a file");
    let process = Process::start(&config);
    let id = stage.watch(&process, 1, Fate::CarrierViolation).remove(0);
    let told = stage.webhook.wait_for(1).await[0].json();
    let event = &told["data"]["events"][0];
    assert_eq!(event["message"]["message_id"], id.as_str());

    let status = process.json(&["status"]);
    assert_eq!(
        (&status["set_aside"], &status["unrouted"]),
        (&2.into(), &0.into())
    );
    let status = process.ask(&["status"]);
    let status = String::from_utf8(status.stdout).expect("text");
    for error in ["the unknown format 9", "is damaged"] {
        assert!(status.contains(error), "{error} is not in\n{status}");
    }
    let metrics = ask::metrics(&process).await;
    assert!(metrics.contains("smswatch_set_aside_total 2"), "{metrics}");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_poison_entry_blocks_nothing() {
    let redis = RedisServer::start();
    let options = RedisOptions {
        url: Secret::new(redis.url()),
        key_prefix: "smswatch".to_owned(),
        shards: 1,
    };
    let (store, _) = patiently(|| RedisStore::open(options.clone()), OpenError::is_passing).await;
    poison(&store).await;
    what_stands_behind_poison_is_told(&redis.url(), "shards: 1, ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_poison_entry_blocks_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = open_sqlite(&directory.path().join("store.db")).await;
    poison(&*store).await;
    close(store, Some(&directory.path().join("store.db.lock"))).await;
    what_stands_behind_poison_is_told(&sqlite_in(directory.path()), "").await;
}
