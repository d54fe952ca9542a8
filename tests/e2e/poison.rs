//! What stands in the log and cannot be read is set aside, and what stands behind it is told.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use smswatch_plugin::Secret;
use smswatch_plugin::model::MessageId;
use smswatch_plugin::store::{CommitItem, CommitOutcome, CommitStep, Shard, Store, WatchPriority};
use smswatch_store_redis::{RedisOptions, RedisStore};
use smswatch_store_sqlite::SqliteStore;
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask;
use crate::process::Process;
use crate::stage::routee;

/// Appends entries that no version has written to the log of the first shard.
async fn poison(store: &dyn Store) {
    for body in [&b"\x09from another world"[..], b"\x01[{\"event_id\":"] {
        let item = CommitItem {
            message_id: MessageId::new("nobody").expect("a valid id"),
            expected: None,
            record: None,
            priority: WatchPriority::Rest,
            entry: Some(body.to_vec().into()),
        };
        let step = CommitStep {
            items: vec![item],
            finished: Vec::new(),
        };
        let committed = store.commit(Shard(0), &step).await.expect("a commit");
        assert_eq!(committed.outcomes, [CommitOutcome::Done]);
    }
}

async fn what_stands_behind_poison_is_told(directory: &Path, store: &str) {
    smswatch_testkit::install_tls_provider();
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let receiver = Receiver::start().await;
    let config = directory.join("smswatch.yaml");
    let text = format!(
        r#"
{routee}
store: {{{store}}}
watch: {{schedule: [50ms], confirm_after: 200ms}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  crm: {{type: webhook, url: "{receiver}", allow_private: true}}
rules:
  - name: everything
    notify: [crm]
"#,
        routee = routee(&sim, ""),
        receiver = receiver.url("/hook"),
    );
    std::fs::write(&config, text).expect("a file");
    let process = Process::start(&config);
    let spec = MessageSpec {
        fate: Some(Fate::CarrierViolation),
        accepted_ms_ago: 60_000,
        ..MessageSpec::default()
    };
    let id = sim.register(spec).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let told = receiver.wait_for(1).await[0].json();
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
    let directory = tempfile::tempdir().expect("a directory");
    let options = RedisOptions {
        url: Secret::new(redis.url()),
        key_prefix: "smswatch".to_owned(),
        shards: 1,
    };
    let (store, _) = RedisStore::open(options).await.expect("a store");
    poison(&store).await;
    let store = format!("url: \"{}\", shards: 1", redis.url());
    what_stands_behind_poison_is_told(directory.path(), &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_poison_entry_blocks_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("store.db");
    let store = SqliteStore::open(&path).expect("a store");
    poison(&store).await;
    drop(store);
    // The thread that owns the file ends a moment after the last handle is dropped.
    let lock = File::open(directory.path().join("store.db.lock")).expect("the lock");
    while lock.try_lock().is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(lock);
    let store = format!("url: \"sqlite:{}\"", path.display());
    what_stands_behind_poison_is_told(directory.path(), &store).await;
}
