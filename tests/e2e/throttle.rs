//! A throttle lets through what it allows, also over kills, and leaves the rest to the rules below.

use std::collections::BTreeSet;

use routee_sim::Fate;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

const RULES: &str = "
  - {name: few, match: {status: Undelivered}, once_per: message, throttle: {at_most: 3, per: 1h}, notify: [crm]}
  - {name: rest, match: {status: Undelivered}, notify: [crm]}
";

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
    let config = stage.config_with_rules(store, RULES);
    let process = Process::start(&config);
    stage.watch(&process, 2, Fate::Undelivered);
    wait_until_told(&stage, (2, 0)).await;
    // It is killed while it routes, or before, or after.
    stage.watch(&process, 20, Fate::Undelivered);
    process.kill();
    let process = Process::start(&config);
    wait_until_told(&stage, (3, 19)).await;
    process.kill();
    let process = Process::start(&config);
    stage.watch(&process, 4, Fate::Undelivered);
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
    let config = stage.config_with_rules(&redis.url(), RULES);
    let (first, second) = (Process::start(&config), Process::start(&config));
    for process in [&first, &second, &first, &second] {
        stage.watch(process, 15, Fate::Undelivered);
    }
    wait_until_told(&stage, (3, 57)).await;
    for process in [first, second] {
        assert_eq!(process.terminate(), Some(0));
    }
}
