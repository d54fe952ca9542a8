//! A store that is away, at the start and later: said, waited for, and found again.

use std::time::Duration;

use routee_sim::{Fate, FaultKind, FaultRule};
use serde_json::Value;
use smswatch_testkit::PATIENCE;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::process::{Process, ended};
use crate::stage::{Stage, settled, sqlite_in};

/// Waits until `/readyz` answers with this status; returns the answer.
pub(crate) async fn readiness(process: &Process, status: u16) -> Value {
    let mut answered = Value::Null;
    until("/readyz answers as expected", async || {
        let (found, body) = ask::json(process, "/readyz").await;
        answered = body;
        found == status
    })
    .await;
    answered
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_its_redis_says_so_and_waits() {
    let stage = Stage::new().await;
    let mut redis = RedisServer::start();
    redis.kill();
    let config = stage.config(&redis.url());
    let process = Process::start_saying(&config, "waits for its store; ");
    assert_eq!(ask::json(&process, "/healthz").await.0, 200);
    let (status, body) = ask::json(&process, "/readyz").await;
    assert_eq!((status, &body["ready"]), (503, &Value::Bool(false)));
    let trouble = body["parts"]["store"]["trouble"].as_str();
    assert!(
        trouble.is_some_and(|trouble| trouble.contains("refused")),
        "{body}"
    );
    let (status, body) = ask::json(&process, "/v1/watches").await;
    assert_eq!((status, &body["error"]["code"]), (503, &"starting".into()));
    let told = process.ask(&["status"]);
    assert_eq!(told.status.code(), Some(1));
    let table = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        table.contains("not ready") && table.contains("refused"),
        "{table}"
    );

    redis.restart();
    readiness(&process, 200).await;
    let id = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    stage.webhook.wait_for(1).await;
    settled(&process, &[id]).await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_waits_for_its_redis_ends_when_it_is_told_to() {
    let stage = Stage::new().await;
    let mut redis = RedisServer::start();
    redis.kill();
    let process = Process::start_saying(&stage.config(&redis.url()), "waits for its store; ");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_set_up_wrongly_ends_the_start_at_once() {
    let stage = Stage::new().await;
    let evicting = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let locked = RedisServer::start_with(&["--requirepass", "right"]);
    let split = RedisServer::start();
    let wrong = locked.url().replace("redis://", "redis://:wrong-password@");
    Process::start(&stage.config(&split.url())).terminate();
    let other = stage.config(&split.url());
    let text = std::fs::read_to_string(&other).expect("it was written");
    let text = text.replace("store: {", "store: {shards: 8, ");
    for (text, reason) in [
        (text.clone(), "16 shards"),
        (
            text.replace(&split.url(), &evicting.url()),
            "maxmemory-policy",
        ),
        (text.replace(&split.url(), &locked.url()), "NOAUTH"),
        (
            text.replace(&split.url(), &wrong),
            "Password authentication failed",
        ),
    ] {
        std::fs::write(&other, text).expect("a file");
        let (status, said) = ended(&other);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(reason), "{reason}: {said}");
        assert!(!said.contains("wrong-password"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_goes_away_is_told_by_status_and_found_again() {
    let stage = Stage::new().await;
    let mut redis = RedisServer::start();
    let process = Process::start(&stage.config(&redis.url()));
    let id = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    redis.kill();
    let body = readiness(&process, 503).await;
    assert_eq!(body["parts"]["store"]["ok"], false);
    let told = process.ask(&["status"]);
    assert_eq!(told.status.code(), Some(1));
    let table = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        table.contains("store") && table.contains("not ready"),
        "{table}"
    );
    redis.restart();
    readiness(&process, 200).await;
    assert!(process.ask(&["status"]).status.success());
    stage.webhook.wait_for(1).await;
    settled(&process, &[id]).await;
    assert_eq!(stage.webhook.requests().len(), 1);
    assert_eq!(process.terminate(), Some(0));
}

/// Does something to Redis that smswatch never does.
fn order(redis: &RedisServer, words: &[&str]) {
    let said = redis.order(words);
    assert!(said.starts_with("+OK"), "{words:?}: {said}");
}

/// Takes what can be written away in the middle of the work, and gives it back: all is told, once.
async fn nothing_is_lost_while_nothing_can_be_written(
    stage: Stage,
    process: Process,
    away: impl Fn(&Process),
    back: impl Fn(&Process),
) {
    let ids: Vec<String> = (0..20)
        .map(|_| stage.message(Fate::CarrierViolation))
        .collect();
    let watch: Vec<&str> = std::iter::once("watch")
        .chain(ids.iter().map(String::as_str))
        .collect();
    assert_eq!(process.json(&watch)["accepted"], 20);
    away(&process);
    readiness(&process, 503).await;
    // The time can be told all along: that alone must not count as well.
    for _ in 0..60 {
        assert_eq!(
            ask::json(&process, "/readyz").await.0,
            503,
            "{}",
            process.said()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(ask::json(&process, "/healthz").await.0, 200);
    back(&process);
    readiness(&process, 200).await;
    stage.webhook.wait_for(20).await;
    settled(&process, &ids).await;
    let hooks = stage.webhook.requests();
    let told: std::collections::BTreeSet<_> = hooks
        .iter()
        .map(|hook| hook.json()["data"]["events"][0]["message"]["message_id"].to_string())
        .collect();
    assert_eq!(told.len(), 20);
    let names: std::collections::BTreeSet<_> = hooks
        .iter()
        .map(|hook| hook.header("webhook-id").expect("a name").to_owned())
        .collect();
    assert_eq!(names.len(), 20, "repeats carry the name of the first");
    assert_eq!(process.terminate(), Some(0));
}

/// The same on a Redis that is told two things.
async fn nothing_is_lost_while_redis_is_told(away: &[&str], back: &[&str]) {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let process = Process::start(&stage.config(&redis.url()));
    let (away, back) = (|_: &_| order(&redis, away), |_: &_| order(&redis, back));
    nothing_is_lost_while_nothing_can_be_written(stage, process, away, back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_for_a_while_loses_nothing() {
    let stage = Stage::new().await;
    let config = stage.config(&sqlite_in(stage.directory.path()));
    let process = Process::start_on_small_disk(&config);
    let (full, empty) = (Process::fill_disk, Process::empty_disk);
    nothing_is_lost_while_nothing_can_be_written(stage, process, full, empty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_a_replica_for_a_while_loses_nothing() {
    let away = ["REPLICAOF", "127.0.0.1", "1"];
    let back = ["REPLICAOF", "NO", "ONE"];
    nothing_is_lost_while_redis_is_told(&away, &back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_out_of_memory_for_a_while_loses_nothing() {
    let away = ["CONFIG", "SET", "maxmemory", "1"];
    let back = ["CONFIG", "SET", "maxmemory", "0"];
    nothing_is_lost_while_redis_is_told(&away, &back).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failover_loses_is_found_again_and_told_under_the_same_name() {
    let stage = Stage::new().await;
    let mut redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let process = Process::start(&stage.config(&redis.url()));
    let spec = routee_sim::MessageSpec {
        fate: Some(Fate::CarrierViolation),
        hold: true,
        ..routee_sim::MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    until("its first status is told", async || {
        let (_, page) = ask::json(&process, &format!("/v1/events?message_id={id}")).await;
        page["items"].as_array().is_some_and(|it| !it.is_empty())
    })
    .await;
    let kept = redis.aof_length();
    for _ in 0..2 {
        stage.sim.advance_message(&id).expect("it goes on");
    }
    let first = stage.webhook.wait_for(1).await[0].clone();
    settled(&process, std::slice::from_ref(&id)).await;
    redis.kill();
    redis.cut_aof(kept);
    redis.restart();
    // What is kept may have ended in the middle of a poll: then the watch waits for its lease of 40 s.
    let found_again = async {
        while stage.webhook.requests().len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, found_again).await;
    in_time.expect("what was lost is found again");
    let second = stage.webhook.requests()[1].clone();
    let name = |request: &smswatch_testkit::receiver::Request| {
        request.header("webhook-id").expect("a name").to_owned()
    };
    assert_eq!(name(&first), name(&second));
    let event = |request: &smswatch_testkit::receiver::Request| {
        request.json()["data"]["events"][0]["event_id"].clone()
    };
    assert_eq!(event(&first), event(&second));
    readiness(&process, 200).await;
    settled(&process, &[id]).await;
    assert_eq!(process.terminate(), Some(0));
}

/// A failover can lose a registration that was answered. Who is just looking at the message still knows
/// of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_the_store_has_lost_while_it_was_looked_at_is_written_again() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let config = stage.config(&redis.url());
    let text = std::fs::read_to_string(&config).expect("a file");
    let rate = "requests_per_second: 1000";
    let patient = text.replace(rate, &format!("{rate}, timeout: 15s"));
    assert_ne!(patient, text);
    std::fs::write(&config, patient).expect("a file");
    let process = Process::start(&config);
    // Time enough to take the watch away meanwhile, and less than a poll may take.
    stage.sim.add_fault(FaultRule {
        kind: FaultKind::Slow { ms: 11_000 },
        ..FaultRule::default()
    });
    let id = stage.message(Fate::CarrierViolation);
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let is_looked_at = async || stage.sim.message(&id).is_some_and(|it| it.polls > 0);
    until("it is looked at", is_looked_at).await;
    order(&redis, &["FLUSHALL"]);
    stage.sim.clear_faults();
    stage.webhook.wait_for(1).await;
    settled(&process, &[id]).await;
    let metrics = ask::metrics(&process).await;
    assert!(metrics.contains("smswatch_watches_restored_total 1\n"));
    assert_eq!(process.terminate(), Some(0));
}
