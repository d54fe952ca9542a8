//! A shard whose steps fail holds up no other.

use routee_sim::Fate;
use smswatch_plugin::store::{Shard, shard_of};
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_cannot_be_written_holds_up_no_other_and_goes_on_when_it_can() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let config = stage.config(&redis.url());
    let process = Process::start(&config);
    // In this key of shard 3 another program keeps a list.
    let made = redis.order(&["RPUSH", "smswatch:{3}:log", "x"]);
    assert!(made.starts_with(":1"), "{made}");
    let ids: Vec<String> = (0..64)
        .map(|_| stage.message(Fate::CarrierViolation))
        .collect();
    let is_stuck = |id: &&String| shard_of(id, 16) == Shard(3);
    let n_stuck = ids.iter().filter(is_stuck).count();
    assert!(n_stuck > 0, "none of these is in that shard");
    let mut words = vec!["watch"];
    words.extend(ids.iter().map(String::as_str));
    assert_eq!(process.json(&words)["accepted"], 64);
    let told = stage.webhook.wait_for(64 - n_stuck).await;
    for hook in &told {
        let id = hook.json()["data"]["events"][0]["message"]["message_id"].clone();
        assert_ne!(shard_of(id.as_str().expect("an id"), 16), Shard(3));
    }
    trouble_with_contents(&process).await;
    // Others go on while it is stuck.
    let id = loop {
        let id = stage.message(Fate::CarrierViolation);
        if !is_stuck(&&id) {
            break id;
        }
    };
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    stage.webhook.wait_for(65 - n_stuck).await;
    let gone = redis.order(&["DEL", "smswatch:{3}:log"]);
    assert!(gone.starts_with(":1"), "{gone}");
    stage.webhook.wait_for(65).await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_that_the_store_cannot_keep_is_told_and_holds_back_nothing_once_it_can() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let process = Process::start(&stage.config(&redis.url()));
    // Where the rate of polls is kept, another program keeps a list.
    let key = format!("smswatch:{{{}}}:rate:provider", shard_of("provider", 16).0);
    let id = stage.message(Fate::CarrierViolation);
    let made = redis.order(&["RPUSH", &key, "x"]);
    assert!(made.starts_with(":1"), "{made}");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    trouble_with_contents(&process).await;
    let gone = redis.order(&["DEL", &key]);
    assert!(gone.starts_with(":1"), "{gone}");
    stage.webhook.wait_for(1).await;
    assert_eq!(process.terminate(), Some(0));
}

/// Waits until `/readyz` says that something in the store is not as it should be.
async fn trouble_with_contents(process: &Process) {
    until("the contents are in trouble", async || {
        let (_, ready) = ask::json(process, "/readyz").await;
        ready["parts"]["contents"]["ok"] == false
    })
    .await;
}

/// Has so many messages watched that lie in shard 3, and as many that do not.
fn in_shard_3_and_elsewhere(stage: &Stage, n: usize) -> (Vec<String>, Vec<String>) {
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    while inside.len() < n || outside.len() < n {
        let id = stage.message(Fate::CarrierViolation);
        match shard_of(&id, 16) == Shard(3) {
            true => inside.push(id),
            false => outside.push(id),
        }
    }
    inside.truncate(n);
    outside.truncate(n);
    (inside, outside)
}

/// The messages that the webhooks tell of, each once.
fn told(stage: &Stage) -> std::collections::BTreeSet<String> {
    let hooks = stage.webhook.requests();
    let ids = hooks.iter().filter_map(|hook| {
        let id = hook.json()["data"]["events"][0]["message"]["message_id"].clone();
        id.as_str().map(str::to_owned)
    });
    ids.collect()
}

/// What one shard holds back of a sink's deliveries holds back none of the other shards: neither when it
/// cannot be claimed from, nor when it cannot be written what came of an attempt.
async fn a_shard_fails_of_which_this_key_is_spoiled(key: &str) {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let process = Process::start(&stage.config(&redis.url()));
    assert_eq!(process.json(&["sink", "pause", "crm"])["state"], "paused");
    let (inside, outside) = in_shard_3_and_elsewhere(&stage, 24);
    let words = std::iter::once("watch").chain(inside.iter().chain(&outside).map(String::as_str));
    let words: Vec<&str> = words.collect();
    assert_eq!(process.json(&words)["accepted"], 48);
    until("all wait", async || {
        let status = process.json(&["status"]);
        let queues = status["queues"].as_array().expect("queues").clone();
        queues
            .iter()
            .any(|queue| queue["sink"] == "crm" && queue["pending"] == 48)
    })
    .await;
    let is_kept = redis.order(&["RENAME", key, "kept"]).starts_with("+OK");
    let made = redis.order(&["RPUSH", key, "x"]);
    assert!(made.starts_with(":1"), "{made}");
    assert_eq!(
        process.json(&["sink", "resume", "crm"])["state"],
        "delivering"
    );
    until("the others are told", async || {
        let told = told(&stage);
        outside.iter().all(|id| told.contains(id))
    })
    .await;
    let metrics = ask::metrics(&process).await;
    assert!(metrics.contains("smswatch_queue_depth{sink=\"crm\"}"));
    let (status, _) = ask::json(&process, "/readyz").await;
    assert_eq!(status, 200);
    let shown = process.ask(&["status"]);
    assert!(shown.status.success(), "{shown:?}");
    let gone = redis.order(&["DEL", key]);
    assert!(gone.starts_with(":1"), "{gone}");
    if is_kept {
        let back = redis.order(&["RENAME", "kept", key]);
        assert!(back.starts_with("+OK"), "{back}");
    }
    until("all are told, and none waits", async || {
        let told = told(&stage);
        let status = process.json(&["status"]);
        let queues = status["queues"].as_array().expect("queues").clone();
        inside.iter().all(|id| told.contains(id))
            && queues.iter().all(|queue| queue["pending"] == 0)
    })
    .await;
    assert_eq!(process.json(&["dead", "list"]), serde_json::json!([]));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_cannot_be_claimed_from_holds_up_no_other() {
    a_shard_fails_of_which_this_key_is_spoiled("smswatch:{3}:q:0:crm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_does_not_take_outcomes_holds_up_no_other() {
    a_shard_fails_of_which_this_key_is_spoiled("smswatch:{3}:delivered:crm").await;
}

/// The note in which processes share a sink's breaker lies in one shard, and the deliveries in all.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_hides_a_sinks_breaker_stops_no_delivery() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let Shard(shard) = shard_of("crm", 16);
    let key = format!("smswatch:{{{shard}}}:m:sink:crm");
    let config = stage.config(&redis.url());
    // It fails from the start, and while the process runs.
    for is_known in [false, true] {
        let process = match is_known {
            false => {
                let made = redis.order(&["RPUSH", &key, "x"]);
                assert!(made.starts_with(":1"), "{made}");
                Process::start(&config)
            }
            true => {
                let process = Process::start(&config);
                process.json(&["sink", "pause", "crm"]);
                process.json(&["sink", "resume", "crm"]);
                let gone = redis.order(&["DEL", &key]);
                assert!(gone.starts_with(":1"), "{gone}");
                let made = redis.order(&["RPUSH", &key, "x"]);
                assert!(made.starts_with(":1"), "{made}");
                process
            }
        };
        let id = stage.message(Fate::CarrierViolation);
        assert_eq!(process.json(&["watch", &id])["accepted"], 1);
        until("it is told", async || told(&stage).contains(&id)).await;
        let gone = redis.order(&["DEL", &key]);
        assert!(gone.starts_with(":1"), "{gone}");
        assert_eq!(process.terminate(), Some(0));
    }
}
