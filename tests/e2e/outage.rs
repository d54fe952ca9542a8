//! A store that is away, at the start and later: said, waited for, and found again.

use std::time::Duration;

use routee_sim::Fate;
use serde_json::Value;
use smswatch_testkit::redis_server::RedisServer;

use crate::process::{Process, ended};
use crate::stage::{Stage, settled};

/// Asks a path of the process; answers the status and the body.
pub(crate) async fn ask(process: &Process, path: &str) -> (u16, Value) {
    let answer = reqwest::get(format!("{}{path}", process.url))
        .await
        .expect("the process answers");
    let status = answer.status().as_u16();
    let body = answer.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

/// Waits until `/readyz` answers with this status; answers what it says.
pub(crate) async fn readiness(process: &Process, status: u16) -> Value {
    for _ in 0..1500 {
        let (found, body) = ask(process, "/readyz").await;
        if found == status {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("/readyz never answered {status}: {}", process.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_starts_before_its_redis_says_so_and_waits() {
    let stage = Stage::new().await;
    let mut redis = RedisServer::start();
    redis.kill();
    let config = stage.config(&redis.url());
    let process = Process::start_saying(&config, "waits for its store; ");
    assert_eq!(ask(&process, "/healthz").await.0, 200);
    let (status, body) = ask(&process, "/readyz").await;
    assert_eq!((status, &body["ready"]), (503, &Value::Bool(false)));
    let trouble = body["parts"]["store"]["trouble"].as_str();
    assert!(
        trouble.is_some_and(|trouble| trouble.contains("refused")),
        "{body}"
    );
    let (status, body) = ask(&process, "/v1/watches").await;
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
