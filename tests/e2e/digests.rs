//! What waits for a slow chat leaves in few posts, also over a kill, and each delivery says how it was told.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use routee_sim::Fate;
use serde_json::Value;
use smswatch_testkit::receiver::Answer;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, sqlite_in, webhook};

/// How many messages are not delivered.
const MANY: usize = 300;

/// A chat and a webhook that take one post a second. The chat makes digests by default.
fn config(stage: &Stage, store: &str) -> PathBuf {
    let slack = stage.slack.url("/services/T/B/X");
    let chat = format!("  chat: {{type: slack, webhook_url: \"{slack}\"}}\n");
    let options = ", rate: {at_most: 1, per: 1s}, digest_above: 20";
    let sinks = chat + &webhook("crm", &stage.webhook, options);
    let rules = "  - {name: undelivered, match: {status: Undelivered}, notify: [chat, crm]}";
    stage.config_with_sinks(store, &sinks, rules)
}

fn watch(stage: &Stage, process: &Process) -> BTreeSet<String> {
    let ids = stage.watch(process, MANY, Fate::Undelivered);
    ids.into_iter().collect()
}

/// The deliveries to a sink that have arrived.
async fn delivered(process: &Process, sink: &str) -> Vec<Value> {
    let path = format!("/v1/deliveries?state=delivered&sink={sink}&limit=1000");
    let (_, page) = ask::json(process, &path).await;
    page["items"].as_array().expect("deliveries").clone()
}

/// The ids of the deliveries of which a request to the webhook tells.
fn told_by(request: &smswatch_testkit::receiver::Request) -> Vec<String> {
    let body = request.json();
    match body["data"]["deliveries"].as_array() {
        Some(ids) => ids
            .iter()
            .map(|id| id.as_str().expect("an id").to_owned())
            .collect(),
        None => vec![request.header("webhook-id").expect("an id").to_owned()],
    }
}

async fn what_waits_leaves_in_few_posts_over_a_kill(store: &str) {
    let stage = Stage::new().await;
    let slowly = || Answer::status(200).delay(Duration::from_millis(300));
    stage.slack.answer_always(slowly().body("ok"));
    stage.webhook.answer_always(slowly());
    let config = config(&stage, store);
    let process = Process::start(&config);
    let ids = watch(&stage, &process);
    stage.slack.wait_for(2).await;
    process.kill();
    let process = Process::start(&config);
    for sink in ["chat", "crm"] {
        until("all have arrived", async || {
            delivered(&process, sink).await.len() == MANY
        })
        .await;
        let delivered = delivered(&process, sink).await;
        let told: BTreeSet<String> = delivered
            .iter()
            .flat_map(|one| one["message_ids"].as_array().expect("ids").clone())
            .map(|id| id.as_str().expect("an id").to_owned())
            .collect();
        assert_eq!(told, ids, "{sink}");
        let in_digests = delivered.iter().filter(|one| {
            let attempts = one["attempts"].as_array().expect("attempts");
            let last = attempts.last().expect("an attempt");
            let detail = last["detail"].as_str().expect("a detail");
            detail.starts_with("told in a digest of ")
        });
        let in_digests = in_digests.count();
        assert!(in_digests > MANY / 2, "{in_digests} to {sink}");
    }

    let posts = stage.slack.requests().len();
    assert!(posts < MANY / 5, "{posts} posts");
    let requests = stage.webhook.requests();
    let told: BTreeSet<String> = requests.iter().flat_map(told_by).collect();
    let delivered = delivered(&process, "crm").await.into_iter();
    let ids: BTreeSet<String> = delivered
        .map(|one| one["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(told, ids, "each digest names what it tells");
    for request in &requests {
        let body = request.json();
        let Some(told) = body["data"]["deliveries"].as_array() else {
            continue;
        };
        let shown = body["data"]["events"].as_array().expect("events").len();
        let omitted = body["data"]["omitted"].as_u64().expect("a number");
        assert_eq!(shown as u64 + omitted, told.len() as u64);
    }
    let metrics = ask::metrics(&process).await;
    assert!(
        metrics.contains("smswatch_digests_total{sink=\"chat\"}"),
        "{metrics}"
    );
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_what_waits_leaves_in_few_posts_over_a_kill() {
    let directory = tempfile::tempdir().expect("a directory");
    what_waits_leaves_in_few_posts_over_a_kill(&sqlite_in(directory.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_what_waits_leaves_in_few_posts_over_a_kill() {
    let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    what_waits_leaves_in_few_posts_over_a_kill(&redis.url()).await;
}
