//! A throttle lets through what it allows, also over kills, and leaves the rest to the rules below.

use std::collections::BTreeSet;
use std::path::PathBuf;

use routee_sim::{Fate, MessageSpec};
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

const RULES: &str = "\
rules:
  - {name: few, match: {status: Undelivered}, once_per: message, throttle: {at_most: 3, per: 1h}, notify: [crm]}
  - {name: rest, match: {status: Undelivered}, notify: [crm]}
";

fn config(stage: &Stage, store: &str) -> PathBuf {
    let path = stage.config(store);
    let text = std::fs::read_to_string(&path).expect("a file");
    let (head, _) = text.split_once("rules:").expect("rules");
    std::fs::write(&path, format!("{head}{RULES}")).expect("a file");
    path
}

/// Has messages watched that were undelivered a minute ago.
fn watch(stage: &Stage, process: &Process, count: usize) {
    let spec = || MessageSpec {
        fate: Some(Fate::Undelivered),
        accepted_ms_ago: 60_000,
        ..MessageSpec::default()
    };
    let ids = (0..count).map(|_| stage.sim.register(spec()).expect("a message"));
    let ids: Vec<String> = ids.collect();
    let ids = ids.iter().map(String::as_str);
    let arguments: Vec<&str> = std::iter::once("watch").chain(ids).collect();
    assert_eq!(process.json(&arguments)["accepted"], count);
}

/// How many notifications of each of the two rules arrived, each counted once.
fn told(stage: &Stage) -> (usize, usize) {
    let of_rule = |rule: &str| {
        let requests = stage.webhook.requests();
        let of_rule = requests
            .iter()
            .filter(|request| request.json()["data"]["rule"] == rule);
        let ids = of_rule.map(|request| request.header("webhook-id").expect("an id").to_owned());
        ids.collect::<BTreeSet<_>>().len()
    };
    (of_rule("few"), of_rule("rest"))
}

async fn wait_until_told(stage: &Stage, expected: (usize, usize)) {
    until("all is told", async || {
        let told = told(stage);
        assert!(told.0 <= expected.0, "{told:?} of {expected:?}");
        told == expected
    })
    .await;
}

async fn it_lets_through_what_it_allows_over_kills(store: &str) {
    let stage = Stage::new().await;
    let config = config(&stage, store);
    let process = Process::start(&config);
    watch(&stage, &process, 2);
    wait_until_told(&stage, (2, 0)).await;
    // It is killed while it routes, or before, or after.
    watch(&stage, &process, 20);
    process.kill();
    let process = Process::start(&config);
    wait_until_told(&stage, (3, 19)).await;
    process.kill();
    let process = Process::start(&config);
    watch(&stage, &process, 4);
    wait_until_told(&stage, (3, 23)).await;

    let (_, page) = ask::json(&process, "/v1/deliveries?state=suppressed&limit=100").await;
    let held_back = page["items"].as_array().expect("deliveries");
    assert_eq!(held_back.len(), 23);
    for delivery in held_back {
        assert_eq!(delivery["rule"], "few");
        let reason = &delivery["reason"];
        assert_eq!(reason, "throttle of few: 3 per 1h are told already");
    }
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_throttle_lets_through_what_it_allows_over_kills() {
    let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    it_lets_through_what_it_allows_over_kills(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_throttle_lets_through_what_it_allows_over_kills() {
    let directory = tempfile::tempdir().expect("a directory");
    it_lets_through_what_it_allows_over_kills(&sqlite_in(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_a_throttle() {
    let redis = RedisServer::start();
    let stage = Stage::new().await;
    let config = config(&stage, &redis.url());
    let (first, second) = (Process::start(&config), Process::start(&config));
    for process in [&first, &second, &first, &second] {
        watch(&stage, process, 15);
    }
    wait_until_told(&stage, (3, 57)).await;
    for process in [first, second] {
        assert_eq!(process.terminate(), Some(0));
    }
}
