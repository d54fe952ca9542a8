//! A sink whose receiver fails is left in peace, in all replicas, and loses nothing by it; its trouble
//! and its recovery are told to whoever a rule names.

mod blocking;
mod recovery;
mod refusals;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use routee_sim::Fate;
use serde_json::Value;
use smswatch_testkit::receiver::{Answer, Receiver, Request};
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, goes_on, until};
use crate::process::{Process, check};
use crate::stage::{Stage, sqlite_in, webhook};

/// How many failures in a row open the breaker.
const FAILURES: usize = 3;

/// When a delivery that keeps failing is given up: later than it takes a machine with much else to do to make enough
/// attempts to open the breaker.
const GIVE_UP: &str = "20s";

/// A configuration in which `crm` is probed every `probe`; `more` are further sinks, to which
/// every message's news goes as well.
fn config(stage: &Stage, store: &str, probe: &str, more: &[(&str, &Receiver)]) -> PathBuf {
    config_with(stage, 2, store, probe, more)
}

/// The same, with `concurrency` attempts on `crm` at once.
fn config_with(
    stage: &Stage,
    concurrency: usize,
    store: &str,
    probe: &str,
    more: &[(&str, &Receiver)],
) -> PathBuf {
    let sinks = more.iter();
    let sinks: String = sinks
        .map(|(name, receiver)| webhook(name, receiver, ""))
        .collect();
    let names: String = more.iter().map(|(name, _)| format!(", {name}")).collect();
    let rest = format!(
        r#"
watch: {{schedule: [50ms], confirm_after: 0s}}
shutdown_timeout: 1s
sinks:
  crm:
    type: webhook
    url: "{crm}"
    allow_private: true
    concurrency: {concurrency}
    retry: {{schedule: [100ms], give_up_after: {GIVE_UP}}}
    breaker: {{failures: {FAILURES}, probe: {probe}}}
{ops}{sinks}
rules:
  - {{name: urgent, match: {{status: Undelivered}}, severity: critical, notify: [crm], stop: true}}
  - {{name: news, notify: [crm{names}]}}
  - {{name: down, event: sink_down, severity: critical, notify: [ops]}}
  - {{name: recovered, event: sink_recovered, notify: [ops]}}
"#,
        crm = stage.webhook.url("/hook"),
        ops = webhook("ops", &stage.ops, ""),
    );
    stage.write(store, &rest)
}

/// Has nothing of `crm` given up, however long a machine with much else to do takes, and what failed tried again after
/// `pause`.
fn never_give_up(config: &Path, pause: &str) {
    let text = std::fs::read_to_string(config).expect("a file");
    let retry = |pause: &str, give_up: &str| format!("[{pause}], give_up_after: {give_up}");
    let patient = text.replace(&retry("100ms", GIVE_UP), &retry(pause, "24h"));
    assert_ne!(patient, text);
    std::fs::write(config, patient).expect("a file");
}

/// What smswatch told of itself.
fn news_of_itself(stage: &Stage) -> Vec<Value> {
    stage.ops.requests().iter().map(Request::json).collect()
}

fn ids(requests: &[Request]) -> HashSet<String> {
    requests
        .iter()
        .map(|request| request.header("webhook-id").expect("an id").to_owned())
        .collect()
}

/// What `/readyz` says of the sink; none when it is well.
async fn trouble(process: &Process, sink: &str) -> Option<String> {
    let ready: Value = serde_json::from_str(&ask::text(process, "/readyz").await).expect("JSON");
    assert_eq!(ready["ready"], true, "a sink in trouble is told, no more");
    let part = &ready["parts"][format!("sink:{sink}")];
    part["trouble"].as_str().map(str::to_owned)
}

async fn is_open(process: &Process) -> bool {
    let metrics = ask::text(process, "/metrics").await;
    metrics.contains("smswatch_breaker_open{sink=\"crm\"} 1")
}

fn pending(process: &Process, sink: &str) -> u64 {
    let status = process.json(&["status"]);
    let queues = status["queues"].as_array().expect("queues");
    let queue = queues.iter().find(|queue| queue["sink"] == sink);
    queue.map_or(0, |queue| queue["pending"].as_u64().expect("a number"))
}

async fn a_refusing_sink_is_left_in_peace(store: &str) {
    const PROBE: Duration = Duration::from_millis(300);
    // By then what was queued at the beginning would have been given up.
    const GIVEN_UP: Duration = Duration::from_secs(22);
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(500));
    let config = config(&stage, store, "300ms", &[]);
    let process = Process::start(&config);
    let began = Instant::now();
    stage.watch(&process, 30, Fate::Delivered);

    let down = stage.ops.wait_for(1).await[0].json();
    assert_eq!(down["type"], "smswatch.sink_down");
    assert_eq!(down["data"]["severity"], "critical");
    let event = &down["data"]["events"][0];
    assert_eq!(event["about"]["name"], "crm");
    assert_eq!(event["message"]["message_id"], Value::Null);
    let text = down["data"]["text"].as_str().expect("a text");
    assert!(text.contains("500"), "{text}");
    until("all wait", async || pending(&process, "crm") == 30).await;
    until("it is told", async || {
        let trouble = trouble(&process, "crm").await;
        trouble.is_some_and(|trouble| trouble.contains("down since"))
    })
    .await;
    assert!(is_open(&process).await);
    let status = process.ask(&["status"]);
    let status = String::from_utf8(status.stdout).expect("text");
    assert!(status.contains("down since"), "{status}");

    // Probes go on, one at a time, for longer than a delivery would be tried; nothing else does.
    let before = stage.webhook.requests().len();
    tokio::time::sleep(GIVEN_UP.saturating_sub(began.elapsed())).await;
    until("probes go on", async || {
        stage.webhook.requests().len() >= before + 10
    })
    .await;
    let dead = process.json(&["dead", "list"]);
    assert_eq!(dead, serde_json::json!([]));
    let refused = stage.webhook.requests();
    // Two may have been under way when the breaker opened, and one probe may be.
    let probes = began.elapsed().as_millis() / PROBE.as_millis();
    let most = FAILURES + 2 + usize::try_from(probes).expect("few") + 1;
    assert!(
        refused.len() <= most,
        "there were {} attempts where {most} are the most",
        refused.len()
    );

    stage.webhook.answer_always(Answer::status(200));
    until("all arrive", async || pending(&process, "crm") == 0).await;
    let told = stage.ops.wait_for(2).await[1].json();
    assert_eq!(told["type"], "smswatch.sink_recovered");
    assert_eq!(told["data"]["events"][0]["about"]["name"], "crm");
    let all = ids(&stage.webhook.requests());
    assert_eq!(all.len(), 30);
    assert!(ids(&refused).is_subset(&all), "an attempt had another id");
    until("it is well", async || {
        trouble(&process, "crm").await.is_none()
    })
    .await;
    assert!(!is_open(&process).await);
    assert_eq!(news_of_itself(&stage).len(), 2, "each is told once");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_refusing_sink_is_left_in_peace_and_loses_nothing() {
    let redis = RedisServer::start();
    a_refusing_sink_is_left_in_peace(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_refusing_sink_is_left_in_peace_and_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    a_refusing_sink_is_left_in_peace(&sqlite_in(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_sink_gets_nothing_until_it_is_resumed_by_any_replica() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    let config = config(&stage, &redis.url(), "30s", &[]);
    let replicas = [Process::start(&config), Process::start(&config)];
    let unknown = replicas[0].ask(&["sink", "pause", "crn"]);
    assert_eq!(unknown.status.code(), Some(1));
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    let expected = "no sink is named crn; there are: crm, ops. Did you mean crm?";
    assert!(said.contains(expected), "{said}");

    assert_eq!(
        replicas[0].json(&["sink", "pause", "crm"])["state"],
        "paused"
    );
    for replica in &replicas {
        until("it is told", async || {
            let trouble = trouble(replica, "crm").await;
            trouble.is_some_and(|trouble| trouble.contains("paused since"))
        })
        .await;
    }
    let tested = replicas[1].ask(&["sink", "test", "crm"]);
    assert_eq!(tested.status.code(), Some(1));
    let said = String::from_utf8_lossy(&tested.stderr).into_owned();
    assert!(said.contains("crm is paused since"), "{said}");
    assert!(said.contains("smswatch sink resume crm"), "{said}");
    stage.watch(&replicas[0], 10, Fate::Delivered);
    until("all wait", async || pending(&replicas[1], "crm") == 10).await;
    for replica in &replicas {
        goes_on(replica).await;
    }
    assert!(stage.webhook.requests().is_empty());

    let resumed = replicas[1].json(&["sink", "resume", "crm"]);
    assert_eq!(resumed["state"], "delivering");
    assert_eq!(ids(&stage.webhook.wait_for(10).await).len(), 10);
    until("none waits", async || pending(&replicas[0], "crm") == 0).await;
    assert!(
        news_of_itself(&stage).is_empty(),
        "a pause is no trouble of the sink"
    );
    for replica in replicas {
        assert_eq!(replica.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_time_holds_the_whole_sink() {
    let stage = Stage::new().await;
    let busy = Answer::status(429).header("retry-after", "31536000");
    stage.webhook.answer_always(busy);
    let process = Process::start(&config(&stage, &stage.sqlite(), "100ms", &[]));
    stage.watch(&process, 20, Fate::Delivered);
    until("it is told", async || {
        let trouble = trouble(&process, "crm").await;
        trouble.is_some_and(|trouble| trouble.contains("asked for a pause until"))
    })
    .await;
    until("all wait", async || pending(&process, "crm") == 20).await;
    assert!(stage.webhook.requests().len() <= 2, "more than ran at once");
    let deliveries = process.json(&["sink", "pause", "crm"]);
    assert!(deliveries["held_until"].is_string());

    stage.webhook.answer_always(Answer::status(200));
    let resumed = process.json(&["sink", "resume", "crm"]);
    assert_eq!(resumed["state"], "delivering");
    until("all arrive", async || pending(&process, "crm") == 0).await;
    assert_eq!(ids(&stage.webhook.requests()).len(), 20);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_gets_nothing_until_somebody_resumes_it() {
    let stage = Stage::new().await;
    stage.webhook.answer_always(Answer::status(410));
    let process = Process::start(&config(&stage, &stage.sqlite(), "100ms", &[]));
    stage.watch(&process, 20, Fate::Delivered);
    let down = stage.ops.wait_for(1).await[0].json();
    assert_eq!(down["type"], "smswatch.sink_down");
    until("all but the first are queued", async || {
        pending(&process, "crm") as usize + stage.webhook.requests().len() == 20
    })
    .await;
    let refused = stage.webhook.requests().len();
    assert!(refused <= 2, "{refused} were attempted");
    let dead = process.json(&["dead", "list"]);
    assert_eq!(dead.as_array().map(Vec::len), Some(refused));

    stage.webhook.answer_always(Answer::status(200));
    assert_eq!(process.json(&["sink", "resume", "crm"])["state"], "open");
    until("the others arrive", async || pending(&process, "crm") == 0).await;
    assert_eq!(stage.webhook.requests().len(), 20);
    let recovered = stage.ops.wait_for(2).await[1].json();
    assert_eq!(recovered["type"], "smswatch.sink_recovered");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_replica_finds_out_holds_for_the_other() {
    let stage = Stage::new().await;
    let redis = RedisServer::start();
    stage.webhook.answer_always(Answer::status(500));
    let config = config(&stage, &redis.url(), "1h", &[]);
    let replicas = [Process::start(&config), Process::start(&config)];
    stage.watch(&replicas[0], 10, Fate::Delivered);
    stage.ops.wait_for(1).await;
    for replica in &replicas {
        until("it is told", async || {
            trouble(replica, "crm").await.is_some()
        })
        .await;
        assert!(is_open(replica).await);
    }
    let attempts = stage.webhook.requests().len();
    // More work, taken up by both, makes no more attempts.
    stage.watch(&replicas[0], 10, Fate::Delivered);
    stage.watch(&replicas[1], 10, Fate::Delivered);
    until("all wait", async || pending(&replicas[1], "crm") == 30).await;
    for replica in &replicas {
        goes_on(replica).await;
    }
    assert_eq!(stage.webhook.requests().len(), attempts);

    stage.webhook.answer_always(Answer::status(200));
    assert_eq!(
        replicas[1].json(&["sink", "resume", "crm"])["state"],
        "open"
    );
    until("all arrive", async || pending(&replicas[0], "crm") == 0).await;
    assert_eq!(ids(&stage.webhook.requests()).len(), 30);
    stage.ops.wait_for(2).await;
    let kinds: Vec<_> = news_of_itself(&stage)
        .iter()
        .map(|told| told["type"].clone())
        .collect();
    assert_eq!(kinds, ["smswatch.sink_down", "smswatch.sink_recovered"]);
    for replica in replicas {
        assert_eq!(replica.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_and_a_refusing_sink_hold_up_no_other() {
    let stage = Stage::new().await;
    let (hanging, healthy) = (Receiver::start().await, Receiver::start().await);
    hanging.answer_always(Answer::hang());
    stage.webhook.answer_always(Answer::status(500));
    let more = [("hanging", &hanging), ("healthy", &healthy)];
    let config = config(&stage, &stage.sqlite(), "100ms", &more);
    never_give_up(&config, "100ms");
    let process = Process::start(&config);
    stage.watch(&process, 100, Fate::Delivered);
    assert_eq!(ids(&healthy.wait_for(100).await).len(), 100);
    until("the others wait, and it has all", async || {
        let waiting = ["crm", "hanging"].map(|sink| pending(&process, sink));
        waiting == [100, 100] && pending(&process, "healthy") == 0
    })
    .await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_warns_of_a_sink_whose_failure_nobody_else_would_hear_of() {
    let stage = Stage::new().await;
    let config = config(&stage, "redis://127.0.0.1:1", "30s", &[]);
    let checked = check(&config);
    let warned = String::from_utf8(checked.stderr).expect("text");
    assert_eq!(checked.status.code(), Some(0), "{warned}");
    assert!(warned.contains("`down` notifies only `ops`"), "{warned}");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let line = text.lines().position(|line| line.contains("name: down"));
    let line = line.expect("the rule") + 1;
    let place = format!("{}:{line}:12", config.display());
    assert!(warned.contains(&place), "{warned}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stood_still_does_not_blame_its_sinks() {
    let stage = Stage::new().await;
    let config = config(&stage, &stage.sqlite(), "1h", &[]);
    let text = std::fs::read_to_string(&config).expect("a file");
    let text = text.replace(
        "    concurrency: 2\n",
        "    concurrency: 8\n    timeout: 10s\n",
    );
    std::fs::write(&config, text).expect("a file");
    never_give_up(&config, "100ms");
    let process = Process::start(&config);
    stage.webhook.answer_always(Answer::hang());
    stage.watch(&process, FAILURES, Fate::Delivered);
    stage.webhook.wait_for(FAILURES).await;
    process.stand_still();
    // Longer than the attempts may take, and some seconds more.
    tokio::time::sleep(Duration::from_secs(13)).await;
    stage.webhook.answer_always(Answer::status(200));
    process.go_on();
    until("all arrive", async || pending(&process, "crm") == 0).await;
    let arrived = stage.webhook.requests().split_off(FAILURES);
    assert_eq!(ids(&arrived).len(), FAILURES);
    let dead = process.json(&["dead", "list"]);
    assert_eq!(dead, serde_json::json!([]));
    assert!(!is_open(&process).await);
    assert_eq!(stage.ops.requests().len(), 0, "nothing is told of it");
    assert_eq!(process.terminate(), Some(0));
}
