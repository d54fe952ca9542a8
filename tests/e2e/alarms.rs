//! What happens to smswatch itself is told too: once, to whoever a rule names, and not as news of a
//! message.

use std::path::PathBuf;
use std::time::Duration;

use routee_sim::{Fate, FaultRule};
use serde_json::{Value, json};
use smswatch_testkit::receiver::{Receiver, Request};
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, metrics, until};
use crate::process::Process;
use crate::stage::{Stage, webhook};

const RULES: &str = "
  - {name: down, event: provider_down, severity: critical, notify: [ops]}
  - {name: refused, event: provider_auth_failed, severity: critical, notify: [ops]}
  - {name: all, notify: [ops]}
";

/// Writes a configuration under a name of its own; `more` is the rest of it.
fn config(stage: &Stage, name: &str, store: &str, rules: &str, more: &str) -> PathBuf {
    let rest = format!(
        r#"
watch: {{schedule: [50ms]}}
alarms: {{provider_down_after: 3s, provider_auth_failed_after: 500ms}}
sinks:
{ops}
{more}
rules: {rules}
"#,
        ops = webhook("ops", &stage.ops, ""),
    );
    stage.write_as(&format!("{name}.yaml"), store, &rest)
}

/// How many notifications of each type have arrived.
fn times_told(stage: &Stage, kind: &str) -> usize {
    let requests = stage.ops.requests();
    let is_it = |request: &&Request| request.json()["type"] == kind;
    requests.iter().filter(is_it).count()
}

/// What `/readyz` says, and with which status.
async fn ready(process: &Process) -> (u16, Value) {
    ask::json(process, "/readyz").await
}

async fn is_well(process: &Process, part: &str) -> bool {
    ready(process).await.1["parts"][part]["ok"] == true
}

/// How many polls of this process had this result.
async fn polls(process: &Process, result: &str) -> u64 {
    let text = metrics(process).await;
    let name = format!("smswatch_polls_total{{result=\"{result}\"}} ");
    let count = text.lines().find_map(|line| line.strip_prefix(&name));
    count.map_or(0, |count| count.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_is_told_once_and_is_no_news_of_a_message() {
    let stage = Stage::new().await;
    let config = config(&stage, "smswatch", &stage.sqlite(), RULES, "");
    let process = Process::start(&config);
    stage.sim.add_fault(FaultRule::default());
    let id = stage.watch(&process, 1, Fate::Delivered).remove(0);

    let told = stage.ops.wait_for(1).await[0].json();
    assert_eq!(told["type"], "smswatch.provider_down");
    assert_eq!(told["data"]["severity"], "critical");
    let event = &told["data"]["events"][0];
    assert_eq!(event["about"]["name"], "routee");
    assert_eq!(event["message"]["message_id"], Value::Null);
    let text = told["data"]["text"].as_str().expect("a text");
    assert!(text.contains("Routee answered 500"), "{text}");
    assert_eq!(ready(&process).await.0, 200, "trouble is told, no more");
    let failed = polls(&process, "failed").await;
    until("it goes on", async || {
        polls(&process, "failed").await > failed + 10
    })
    .await;

    stage.sim.clear_faults();
    let news = stage.ops.wait_for(2).await[1].json();
    assert_eq!(news["type"], "sms.status_changed");
    assert_eq!(
        news["data"]["events"][0]["message"]["message_id"],
        id.as_str()
    );
    assert_eq!(times_told(&stage, "smswatch.provider_down"), 1);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_fails_again_is_told_again() {
    let stage = Stage::new().await;
    let config = config(&stage, "smswatch", &stage.sqlite(), RULES, "");
    let text = std::fs::read_to_string(&config).expect("it was written");
    let text = text.replace("alarms: {", "alarms: {quiet: 1s, ");
    std::fs::write(&config, text).expect("a file");
    let process = Process::start(&config);
    for episode in 1..=2 {
        stage.sim.add_fault(FaultRule::default());
        stage.watch(&process, 1, Fate::Delivered);
        until("it is told", async || {
            times_told(&stage, "smswatch.provider_down") == episode
        })
        .await;
        stage.sim.clear_faults();
        until("it is over", async || {
            times_told(&stage, "sms.status_changed") == episode
        })
        .await;
        // Trouble that comes back at once is still the same.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
    assert_eq!(times_told(&stage, "smswatch.provider_down"), 2);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_are_told_once_by_all_replicas_together() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let config = config(&stage, "smswatch", &redis.url(), RULES, "");
    let replicas = [Process::start(&config), Process::start(&config)];
    let refuse = |refused: bool| {
        let switches = json!({ "auth": { "reject_all": refused } });
        stage.sim.merge_switches(&switches).expect("switches");
    };
    refuse(true);
    stage.watch(&replicas[0], 20, Fate::Delivered);

    let told = stage.ops.wait_for(1).await[0].json();
    assert_eq!(told["type"], "smswatch.provider_auth_failed");
    // Each replica has noticed it for long enough to tell it by itself.
    for replica in &replicas {
        until("it is refused", async || {
            polls(replica, "refused").await > 2
        })
        .await;
    }
    let refused = [
        polls(&replicas[0], "refused").await,
        polls(&replicas[1], "refused").await,
    ];
    for (replica, refused) in replicas.iter().zip(refused) {
        let what = "it is refused again";
        until(what, async || polls(replica, "refused").await > refused + 2).await;
        assert!(!is_well(replica, "provider").await);
    }
    assert_eq!(stage.ops.requests().len(), 1);

    refuse(false);
    until("all are told", async || {
        times_told(&stage, "sms.status_changed") == 20
    })
    .await;
    assert_eq!(times_told(&stage, "smswatch.provider_auth_failed"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_polls_than_the_rate_allows_are_told_as_polling_that_is_behind() {
    let stage = Stage::new().await;
    let rules = "[{name: behind, event: polling_behind, notify: [ops]}]";
    let config = config(&stage, "smswatch", &stage.sqlite(), rules, "");
    let text = std::fs::read_to_string(&config).expect("it was written");
    let text = text
        .replace("requests_per_second: 1000", "requests_per_second: 5")
        .replace("alarms: {", "alarms: {polling_behind_after: 1s, ");
    std::fs::write(&config, text).expect("a file");
    let process = Process::start(&config);
    stage.watch(&process, 150, Fate::Delivered);

    let told = stage.ops.wait_for(1).await[0].json();
    assert_eq!(told["type"], "smswatch.polling_behind");
    until("it is behind", async || !is_well(&process, "polling").await).await;
    until("it has caught up", async || {
        is_well(&process, "polling").await
    })
    .await;
    assert_eq!(polls(&process, "seen").await, 150);
    assert_eq!(stage.ops.requests().len(), 1);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_stops_while_not_all_is_well() {
    let stage = Stage::new().await;
    let switch = Receiver::start().await;
    let heartbeat = format!(
        "heartbeat: {{url: \"{}\", every: 1s}}",
        switch.url("/ping/x")
    );
    let config = config(&stage, "smswatch", &stage.sqlite(), RULES, &heartbeat);
    let process = Process::start(&config);
    assert_eq!(switch.wait_for(2).await[1].path, "/ping/x");

    stage.sim.add_fault(FaultRule::default());
    stage.watch(&process, 1, Fate::Delivered);
    until("the provider is in trouble", async || {
        !is_well(&process, "provider").await
    })
    .await;
    // One may have been under way.
    let most = switch.requests().len() + 1;
    stage.ops.wait_for(1).await;
    assert!(switch.requests().len() <= most, "it beats on");

    stage.sim.clear_faults();
    switch.wait_for(most + 1).await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_with_different_rules_are_told_and_stay_ready() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let config = |name: &str, rules: &str| config(&stage, name, &redis.url(), rules, "");
    let one = Process::start(&config("one", RULES));
    let twin = Process::start(&config("twin", RULES));
    let hash = config_hash(&one).await;
    assert_eq!(config_hash(&twin).await, hash);
    let other = Process::start(&config("other", "[{name: all, notify: [ops]}]"));
    assert_ne!(config_hash(&other).await, hash);

    for replica in [&one, &twin, &other] {
        let what = "the difference is told";
        until(what, async || !is_well(replica, "replicas").await).await;
        let (status, body) = ready(replica).await;
        assert_eq!((status, &body["ready"]), (200, &Value::Bool(true)));
    }
    until("it is told of which there are how many", async || {
        let told = one.ask(&["status"]).stdout;
        let told = String::from_utf8(told).expect("text");
        told.contains("1 of 3 replicas runs with another configuration")
    })
    .await;

    assert_eq!(other.terminate(), Some(0));
    for replica in [&one, &twin] {
        until("all agree", async || is_well(replica, "replicas").await).await;
    }
}

async fn config_hash(process: &Process) -> String {
    let text = metrics(process).await;
    let line = text
        .lines()
        .find(|line| line.starts_with("smswatch_config_hash "));
    line.expect("it is measured").to_owned()
}
