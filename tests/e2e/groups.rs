//! Rules that gather events into groups, and rules that tell of each message once: over kills and restarts, with
//! several processes, and when the rule has gone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use routee_sim::{Fate, MessageSpec, PartSpec, Step};
use serde_json::Value;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::process::Process;
use crate::reload::reload;
use crate::stage::{Stage, webhook};

/// Writes a configuration with these rules; without a store of others it is SQLite.
fn config(stage: &Stage, store: Option<&str>, rules: &str) -> PathBuf {
    let crm = webhook("crm", &stage.webhook, "");
    let watch = "watch: {schedule: [50ms], confirm_after: 0s}";
    let store = store.map_or_else(|| stage.sqlite(), str::to_owned);
    stage.write(&store, &format!("{watch}\nsinks:\n{crm}\nrules:\n{rules}"))
}

/// What was told so far: the ids of shown events, of which none may come twice, and how many more were
/// counted.
fn told(stage: &Stage, max: usize) -> (usize, u64) {
    let (mut shown, mut omitted) = (BTreeSet::new(), 0);
    let mut deliveries = BTreeSet::new();
    for request in stage.webhook.requests() {
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

async fn wait_until_told(stage: &Stage, max: usize, all: usize) {
    until("all is told or counted", async || {
        let (shown, omitted) = told(stage, max);
        let told = shown + usize::try_from(omitted).expect("few");
        assert!(told <= all, "{shown} shown and {omitted} counted of {all}");
        told == all
    })
    .await;
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

/// The deliveries that tell of a message, page by page.
async fn deliveries_of(process: &Process, id: &str) -> Vec<Value> {
    let path = format!("/v1/deliveries?limit=1&message_id={id}");
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, page) = ask::json(process, &format!("{path}{cursor}")).await;
        let items = page["items"].as_array().expect("deliveries");
        assert!(items.len() <= 1, "{page}");
        found.extend(items.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

async fn each_event_is_told_once_or_counted_over_kills(store: Option<&str>) {
    let stage = Stage::new().await;
    let config = config(&stage, store, &rule("30s", "2s"));
    let process = Process::start(&config);
    let first = stage.watch(&process, 8, Fate::Undelivered);
    wait_until_grouped(&process, 8).await;
    let story = process.ask(&["show", &first[0]]);
    let story = String::from_utf8_lossy(&story.stdout).into_owned();
    assert!(story.contains("it waits in a group"), "{story}");
    assert_eq!(
        deliveries_of(&process, &first[0]).await,
        Vec::<Value>::new()
    );
    assert_eq!(stage.webhook.requests().len(), 0, "the group still waits");
    process.kill();

    let process = Process::start(&config);
    wait_until_told(&stage, 5, 8).await;
    let hook = stage.webhook.requests()[0].json();
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

    stage.watch(&process, 2, Fate::Undelivered);
    wait_until_grouped(&process, 2).await;
    process.kill();
    let process = Process::start(&config);
    stage.watch(&process, 3, Fate::Undelivered);
    wait_until_told(&stage, 5, 13).await;
    let keys: BTreeSet<String> = stage
        .webhook
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
    let stage = Stage::new().await;
    let config = config(&stage, Some(&redis.url()), &rule("3s", "1s"));
    let (first, second) = (Process::start(&config), Process::start(&config));
    for process in [&first, &second, &first] {
        stage.watch(process, 4, Fate::Undelivered);
    }
    wait_until_told(&stage, 5, 12).await;
    for id in stage.watch(&first, 4, Fate::Undelivered) {
        ask::watch_that(&second, &id, |watch| watch["state"] == "final").await;
    }
    first.kill();
    wait_until_told(&stage, 5, 16).await;
    assert_eq!(second.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_rule_has_gone_is_still_told() {
    let stage = Stage::new().await;
    let process = Process::start(&config(&stage, None, &rule("30s", "1m")));
    stage.watch(&process, 3, Fate::Undelivered);
    wait_until_grouped(&process, 3).await;
    config(
        &stage,
        None,
        "  - {name: other, match: {status: Failed}, notify: [crm]}",
    );
    assert_eq!(reload(&process).await.0, 200);
    assert_eq!(stage.webhook.requests().len(), 0, "the group still waits");
    wait_until_told(&stage, 5, 3).await;
    let hook = stage.webhook.requests()[0].json();
    assert_eq!(hook["data"]["rule"], "failures");
    let title = hook["data"]["title"].as_str().expect("a title");
    assert!(title.starts_with("Undelivered"), "{title}");
    assert_eq!(process.terminate(), Some(0));
}

/// A detail becomes known while the event waits in its group, and the other part fails with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_more_detail_takes_the_place_of_the_one_that_waits() {
    let redis = RedisServer::start();
    let stage = Stage::new().await;
    let process = Process::start(&config(&stage, Some(&redis.url()), &rule("20s", "1s")));
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
    wait_until_told(&stage, 5, 1).await;
    let hook = stage.webhook.requests()[0].json();
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
    let stage = Stage::new().await;
    let rules = r#"  - {name: once, match: {final: true}, once_per: message, notify: [crm]}
  - {name: rest, match: {final: true}, notify: [crm]}"#;
    let config: &Path = &config(&stage, store, rules);
    let process = Process::start(config);
    let id = stage.sim.register(two_parts()).expect("a message");
    assert_eq!(process.json(&["watch", &id])["accepted"], 1);
    let rule_of = |n: usize| stage.webhook.requests()[n].json()["data"]["rule"].clone();
    stage.webhook.wait_for(1).await;
    assert_eq!(rule_of(0), "once");
    process.kill();

    let process = Process::start(config);
    stage.sim.advance_message(&id).expect("it goes on");
    until("the rule below tells of the rest", async || {
        let requests = stage.webhook.requests();
        requests
            .iter()
            .any(|request| request.json()["data"]["rule"] == "rest")
    })
    .await;
    let requests = stage.webhook.requests();
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

/// A notification says that its failures have this operator in common, and nothing else.
pub(crate) fn has_one_operator_in_common(data: &Value, operator: &str) {
    let common = data["common"].as_array().expect("a list");
    let common: Vec<_> = common
        .iter()
        .map(|one| (&one["key"], &one["value"]))
        .collect();
    assert_eq!(common, [(&"operator".into(), &operator.into())], "{data}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_says_what_its_failures_have_in_common() {
    let stage = Stage::new().await;
    let rule = "  - {name: undelivered, match: {status: Undelivered}, group: {by: [country], wait: 20s}, notify: [crm]}";
    let process = Process::start(&config(&stage, None, rule));
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
    until("the group is told", async || {
        !stage.webhook.requests().is_empty()
    })
    .await;
    let told = stage.webhook.requests()[0].json();
    let data = &told["data"];
    has_one_operator_in_common(data, "Mobile 2");
    let text = data["text"].as_str().expect("a text");
    let line = text.lines().next().unwrap_or_default();
    assert!(line.starts_with("In common: operator Mobile 2 ("), "{text}");
    assert_eq!(process.terminate(), Some(0));
}
