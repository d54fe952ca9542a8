//! Rules that gather events into groups, and rules that tell of each message once: over kills and restarts, with
//! several processes, and when the rule has gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use routee_sim::{Fate, MessageSpec, PartSpec, Sim, SimConfig, Step};
use serde_json::Value;
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::reload::reload;
use crate::stage::sqlite_in;

struct Stage {
    sim: Sim,
    crm: Receiver,
    directory: tempfile::TempDir,
    store: String,
}

impl Stage {
    async fn new(store: Option<&str>) -> Self {
        smswatch_testkit::install_tls_provider();
        let directory = tempfile::tempdir().expect("a directory");
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            crm: Receiver::start().await,
            store: store.map_or_else(|| sqlite_in(directory.path()), str::to_owned),
            directory,
        }
    }

    fn config(&self, rules: &str) -> PathBuf {
        let path = self.directory.path().join("smswatch.yaml");
        let text = format!(
            r#"
routee: {{application_id: sim-app, application_secret: sim-secret, api_url: "{sim}", auth_url: "{sim}", requests_per_second: 1000}}
store: {{url: "{store}"}}
watch: {{schedule: [50ms], confirm_after: 0s}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  crm: {{type: webhook, url: "{crm}", allow_private: true}}
rules:
{rules}
"#,
            sim = self.sim.url(),
            store = self.store,
            crm = self.crm.url("/hook"),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Has messages watched that were undelivered a minute ago.
    fn watch(&self, process: &Process, count: usize) -> Vec<String> {
        let spec = || MessageSpec {
            fate: Some(Fate::Undelivered),
            accepted_ms_ago: 60_000,
            ..MessageSpec::default()
        };
        let ids = (0..count).map(|_| self.sim.register(spec()).expect("a message"));
        let ids: Vec<String> = ids.collect();
        let arguments: Vec<&str> = ["watch"]
            .into_iter()
            .chain(ids.iter().map(String::as_str))
            .collect();
        assert_eq!(process.json(&arguments)["accepted"], count);
        ids
    }

    /// What was told so far: the ids of shown events, of which none may come twice, and how many more were
    /// counted.
    fn told(&self, max: usize) -> (usize, u64) {
        let (mut shown, mut omitted) = (BTreeSet::new(), 0);
        let mut deliveries = BTreeSet::new();
        for request in self.crm.requests() {
            let body = request.json();
            let data = &body["data"];
            // A notification whose sender was killed may arrive again, under its own id.
            if !deliveries.insert(request.header("webhook-id").expect("an id").to_owned()) {
                continue;
            }
            let events = data["events"].as_array().expect("events");
            assert!(events.len() <= max, "{data}");
            omitted += data["omitted"].as_u64().expect("a count");
            for event in events {
                assert!(
                    shown.insert(event["event_id"].to_string()),
                    "told twice: {data}"
                );
            }
        }
        (shown.len(), omitted)
    }

    async fn wait_until_told(&self, max: usize, all: usize) {
        until("all is told or counted", async || {
            let (shown, omitted) = self.told(max);
            let told = shown + usize::try_from(omitted).expect("few");
            assert!(told <= all, "{shown} shown and {omitted} counted of {all}");
            told == all
        })
        .await;
    }
}

/// Waits until so many events went into groups, as the process counts them.
async fn wait_until_grouped(process: &Process, count: usize) {
    let line = format!("smswatch_events_grouped_total {count}");
    until("the events are in their group", async || {
        let metrics = ask::metrics(process).await;
        metrics.lines().any(|known| known == line)
    })
    .await;
}

fn rule(wait: &str, interval: &str) -> String {
    format!(
        "  - {{name: failures, match: {{status: Undelivered}}, group: {{by: [country], wait: {wait}, interval: {interval}, max: 5}}, notify: [crm]}}"
    )
}

async fn deliveries_of(process: &Process, id: &str) -> Vec<Value> {
    let (_, page) = ask::json(process, &format!("/v1/deliveries?message_id={id}")).await;
    page["items"].as_array().expect("deliveries").clone()
}

async fn each_event_is_told_once_or_counted_over_kills(store: Option<&str>) {
    let stage = Stage::new(store).await;
    let config = stage.config(&rule("6s", "2s"));
    let process = Process::start(&config);
    let first = stage.watch(&process, 8);
    wait_until_grouped(&process, 8).await;
    let story = process.ask(&["show", &first[0]]);
    let story = String::from_utf8_lossy(&story.stdout).into_owned();
    assert!(story.contains("it waits in a group"), "{story}");
    assert_eq!(
        deliveries_of(&process, &first[0]).await,
        Vec::<Value>::new()
    );
    assert_eq!(stage.crm.requests().len(), 0, "the group still waits");
    process.kill();

    let process = Process::start(&config);
    stage.wait_until_told(5, 8).await;
    let hook = stage.crm.requests()[0].json();
    let data = &hook["data"];
    assert_eq!(data["omitted"], 3);
    assert_eq!(
        data["group"]["country"],
        data["events"][0]["message"]["country"]
    );
    let text = data["text"].as_str().expect("a text");
    assert!(text.contains("and 3 more"), "{text}");
    for id in &first {
        let deliveries = deliveries_of(&process, id).await;
        assert_eq!(deliveries.len(), 1, "of {id}: {deliveries:?}");
        assert_eq!(deliveries[0]["rule"], "failures");
    }

    stage.watch(&process, 2);
    wait_until_grouped(&process, 2).await;
    process.kill();
    let process = Process::start(&config);
    stage.watch(&process, 3);
    stage.wait_until_told(5, 13).await;
    let keys: BTreeSet<String> = stage
        .crm
        .requests()
        .iter()
        .map(|request| request.json()["data"]["key"].to_string())
        .collect();
    assert_eq!(keys.len(), 1, "all of one group");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_each_event_is_told_once_or_counted_over_kills() {
    let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    each_event_is_told_once_or_counted_over_kills(Some(&redis.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_each_event_is_told_once_or_counted_over_kills() {
    each_event_is_told_once_or_counted_over_kills(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_groups_and_what_one_leaves_the_other_tells() {
    let redis = RedisServer::start();
    let stage = Stage::new(Some(&redis.url())).await;
    let config = stage.config(&rule("3s", "1s"));
    let (first, second) = (Process::start(&config), Process::start(&config));
    for process in [&first, &second, &first] {
        stage.watch(process, 4);
    }
    stage.wait_until_told(5, 12).await;
    for id in stage.watch(&first, 4) {
        ask::watch_that(&second, &id, |watch| watch["state"] == "final").await;
    }
    first.kill();
    stage.wait_until_told(5, 16).await;
    assert_eq!(second.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_rule_has_gone_is_still_told() {
    let stage = Stage::new(None).await;
    let process = Process::start(&stage.config(&rule("4s", "1m")));
    stage.watch(&process, 3);
    wait_until_grouped(&process, 3).await;
    stage.config("  - {name: other, match: {status: Failed}, notify: [crm]}");
    assert_eq!(reload(&process).await.0, 200);
    assert_eq!(stage.crm.requests().len(), 0, "the group still waits");
    stage.wait_until_told(5, 3).await;
    let hook = stage.crm.requests()[0].json();
    assert_eq!(hook["data"]["rule"], "failures");
    let title = hook["data"]["title"].as_str().expect("a title");
    assert!(title.starts_with("Undelivered"), "{title}");
    assert_eq!(process.terminate(), Some(0));
}

/// A detail becomes known while the event waits in its group, and the other part fails with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_more_detail_takes_the_place_of_the_one_that_waits() {
    let redis = RedisServer::start();
    let stage = Stage::new(Some(&redis.url())).await;
    let process = Process::start(&stage.config(&rule("6s", "1s")));
    let mut refined = Step::new(0, "Undelivered").because("Carrier Violation", "Spam.");
    refined.keep_date = true;
    let part = |steps: Vec<Step>| PartSpec {
        steps,
        ..PartSpec::default()
    };
    let spec = MessageSpec {
        parts: vec![
            part(vec![Step::new(0, "Undelivered"), refined]),
            part(vec![Step::new(0, "Sent"), Step::new(0, "Failed")]),
        ],
        hold: true,
        ..MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    wait_until_grouped(&process, 1).await;
    stage.sim.advance_message(&id).expect("it goes on");
    ask::watch_that(&process, &id, |watch| watch["state"] == "final").await;
    stage.wait_until_told(5, 1).await;
    let hook = stage.crm.requests()[0].json();
    let told = &hook["data"]["events"][0];
    assert_eq!(told["current"]["detailed_status"], "Carrier Violation");
    assert_eq!(hook["data"]["omitted"], 0);
    assert_eq!(process.terminate(), Some(0));
}

/// One part fails, and when it is told to go on, the other does.
fn two_parts() -> MessageSpec {
    let part = |steps: &[&str]| PartSpec {
        steps: steps.iter().map(|status| Step::new(0, *status)).collect(),
        ..PartSpec::default()
    };
    MessageSpec {
        parts: vec![
            part(&["Undelivered", "Undelivered"]),
            part(&["Sent", "Failed"]),
        ],
        hold: true,
        ..MessageSpec::default()
    }
}

async fn a_rule_tells_of_each_message_once_over_a_kill(store: Option<&str>) {
    let stage = Stage::new(store).await;
    let rules = r#"  - {name: once, match: {final: true}, once_per: message, notify: [crm]}
  - {name: rest, match: {final: true}, notify: [crm]}"#;
    let config: &Path = &stage.config(rules);
    let process = Process::start(config);
    let id = stage.sim.register(two_parts()).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let rule_of = |n: usize| stage.crm.requests()[n].json()["data"]["rule"].clone();
    stage.crm.wait_for(1).await;
    assert_eq!(rule_of(0), "once");
    process.kill();

    let process = Process::start(config);
    stage.sim.advance_message(&id).expect("it goes on");
    until("the rule below tells of the rest", async || {
        let requests = stage.crm.requests();
        requests
            .iter()
            .any(|request| request.json()["data"]["rule"] == "rest")
    })
    .await;
    let requests = stage.crm.requests();
    let of_once: BTreeSet<String> = requests
        .iter()
        .filter(|request| request.json()["data"]["rule"] == "once")
        .map(|request| request.header("webhook-id").expect("an id").to_owned())
        .collect();
    assert_eq!(of_once.len(), 1);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_rule_tells_of_each_message_once_over_a_kill() {
    let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    a_rule_tells_of_each_message_once_over_a_kill(Some(&redis.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_a_rule_tells_of_each_message_once_over_a_kill() {
    a_rule_tells_of_each_message_once_over_a_kill(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_says_what_its_failures_have_in_common() {
    let stage = Stage::new(None).await;
    let rule = "  - {name: undelivered, match: {status: Undelivered}, group: {by: [country], wait: 3s}, notify: [crm]}";
    let process = Process::start(&stage.config(rule));
    let register = |n: usize, fate: Fate, operator: &str| {
        let spec = MessageSpec {
            fate: Some(fate),
            accepted_ms_ago: 60_000,
            operator: Some(operator.to_owned()),
            from: format!("Shop{}", n % 2),
            body: format!("Your parcel {} is ready", ["red", "green", "blue"][n % 3]),
            ..MessageSpec::default()
        };
        stage.sim.register(spec).expect("a message")
    };
    let watch = |ids: Vec<String>| {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        process.json(&[&["watch"], &ids[..]].concat())
    };
    let fine = (0..40).map(|n| register(n, Fate::Delivered, &format!("Mobile {}", n % 4)));
    let fine: Vec<String> = fine.collect();
    watch(fine.clone());
    for id in &fine {
        let is_final = |watch: &Value| watch["state"] == "final";
        ask::watch_that(&process, id, is_final).await;
    }
    watch(
        (0..6)
            .map(|n| register(n, Fate::Undelivered, "Mobile 2"))
            .collect(),
    );
    let told = stage.crm.wait_for(1).await[0].json();
    let data = &told["data"];
    assert_eq!(data["common"].as_array().map(Vec::len), Some(1), "{data}");
    let common = &data["common"][0];
    assert_eq!(
        (&common["key"], &common["value"]),
        (&"operator".into(), &"Mobile 2".into())
    );
    let text = data["text"].as_str().expect("a text");
    let line = text.lines().next().unwrap_or_default();
    assert!(line.starts_with("In common: operator Mobile 2 ("), "{text}");
    assert_eq!(process.terminate(), Some(0));
}
