//! Sweeps: messages that nobody registered, found and followed by pages.

use std::collections::BTreeSet;
use std::path::PathBuf;

use routee_sim::{Endpoint, Fate, FaultKind, FaultRule, MessageSpec};
use serde_json::{Value, json};
use smswatch_api::campaigns::CampaignToWatch;
use smswatch_api::client::Client;
use smswatch_api::watches::WatchRequest;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{metrics, until, watch_that};
use crate::process::Process;
use crate::stage::{Stage, webhook};

/// Writes a configuration with a sweep.
fn config(stage: &Stage, store: &str, sweep: &str) -> PathBuf {
    let rest = format!(
        r#"
watch: {{sweep: {sweep}}}
sinks:
{crm}
rules:
  - {{name: failed, match: {{status: [Undelivered, Failed]}}, notify: [crm]}}
  - {{name: ended, event: campaign_finished, notify: [crm]}}
"#,
        crm = webhook("crm", &stage.webhook, ""),
    );
    stage.write(store, &rest)
}

/// Messages of which every ninth fails.
fn messages(stage: &Stage, count: usize) -> Vec<String> {
    let message = |n: usize| {
        let spec = MessageSpec {
            fate: Some(if n.is_multiple_of(9) {
                Fate::UnknownNumber
            } else {
                Fate::Delivered
            }),
            time_scale: 0.1,
            ..MessageSpec::default()
        };
        stage.sim.register(spec).expect("a message")
    };
    (0..count).map(message).collect()
}

/// How many requests there were at an endpoint, whatever was answered.
fn requests(stage: &Stage, endpoint: &str) -> u64 {
    let stats = stage.sim.stats();
    stats
        .requests
        .get(endpoint)
        .map_or(0, |answers| answers.values().sum())
}

fn told(stage: &Stage) -> Vec<Value> {
    let requests = stage.webhook.requests();
    let events = requests
        .iter()
        .map(|request| request.json()["data"]["events"].clone());
    let events = events.filter_map(|events| events.as_array().cloned());
    events.flatten().collect()
}

/// How many watches the store has written, as far as the process counts.
async fn commits(process: &Process) -> String {
    let metrics = metrics(process).await;
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with("smswatch_store_seconds_count{op=\"commit\"}"));
    line.unwrap_or_default().to_owned()
}

async fn found_and_followed(stage: Stage, store: &str) {
    // More than two pages of them; a poll would make up for a sweep that is late by more than its interval.
    let pages = json!({"list": {"max_size": 400}});
    stage.sim.merge_switches(&pages).expect("switches");
    let ids = messages(&stage, 900);
    let process = Process::start(&config(&stage, store, "{every: 10s, window: 2h}"));
    until("all are found and final", async || {
        let metrics = metrics(&process).await;
        metrics.contains("smswatch_watches{state=\"final\"} 900\n")
    })
    .await;
    let last = ids.last().expect("there are messages");
    watch_that(&process, last, |watch| watch["outcome"] == "delivered").await;
    until("each failure is told", async || told(&stage).len() >= 100).await;
    for event in told(&stage) {
        assert_eq!(event["source"], "sweep", "{event}");
        assert_eq!(event["current"]["detailed_status"], "Unknown Number");
    }
    assert_eq!(requests(&stage, "tracking_single"), 0);
    // All is told: the sweeps go on, say nothing and write nothing.
    let before = commits(&process).await;
    let n_sweeps = requests(&stage, "tracking_range");
    until("it sweeps again", async || {
        requests(&stage, "tracking_range") >= n_sweeps + 3
    })
    .await;
    assert_eq!(commits(&process).await, before);
    assert_eq!(told(&stage).len(), 100);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test]
async fn messages_that_nobody_registered_are_found_and_followed_without_a_poll() {
    let stage = Stage::new().await;
    let store = stage.sqlite();
    found_and_followed(stage, &store).await;
}

#[tokio::test]
async fn messages_that_nobody_registered_are_found_and_followed_without_a_poll_on_redis() {
    let redis = RedisServer::start();
    found_and_followed(Stage::new().await, &redis.url()).await;
}

#[tokio::test]
async fn a_sweep_that_routee_refuses_is_told_and_goes_on_later() {
    let stage = Stage::new().await;
    stage.sim.add_fault(FaultRule {
        on: Endpoint::TrackingRange,
        next: Some(6),
        ..FaultRule::default()
    });
    let ids = messages(&stage, 20);
    let process = Process::start(&config(
        &stage,
        &stage.sqlite(),
        "[{every: 200ms}, {every: 1s, window: 7d, register: false}]",
    ));
    until("it is told", async || {
        metrics(&process)
            .await
            .contains("smswatch_sweeps_total{result=\"failed\"}")
    })
    .await;
    for id in &ids {
        watch_that(&process, id, |watch| watch["state"] == "final").await;
    }
    assert_eq!(process.terminate(), Some(0));
}

/// Pages of twenty rows that move while they are asked for, and that fail in every way now and then.
#[tokio::test]
async fn pages_that_shift_break_off_and_hold_bad_rows_hide_no_status() {
    let stage = Stage::new().await;
    let faults = [
        FaultKind::BadRow,
        FaultKind::TruncatedJson,
        FaultKind::CutBody,
        FaultKind::Html { status: 200 },
        FaultKind::EmptyArray,
        FaultKind::Reset,
    ];
    for kind in faults {
        stage.sim.add_fault(FaultRule {
            kind,
            on: Endpoint::TrackingRange,
            probability: 0.1,
            ..FaultRule::default()
        });
    }
    let shifting = json!({"list": {"max_size": 20, "shift": -3}});
    stage.sim.merge_switches(&shifting).expect("switches");
    let process = Process::start(&config(&stage, &stage.sqlite(), "{every: 200ms}"));
    let ids = messages(&stage, 120);
    until("each failure is told", async || told(&stage).len() >= 14).await;
    for id in &ids {
        watch_that(&process, id, |watch| watch["state"] == "final").await;
    }
    let told = told(&stage);
    let distinct: BTreeSet<String> = told
        .iter()
        .map(|event| event["event_id"].to_string())
        .collect();
    assert_eq!((told.len(), distinct.len()), (14, 14));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test]
async fn a_campaign_is_followed_to_its_end() {
    let stage = Stage::new().await;
    let process = Process::start(&config(&stage, &stage.sqlite(), "[]"));
    for n in 0..30 {
        let spec = MessageSpec {
            fate: Some(if n % 10 == 0 {
                Fate::UnknownNumber
            } else {
                Fate::Delivered
            }),
            time_scale: 0.05,
            campaign_name: Some("Spring".to_owned()),
            campaign_tracking_id: Some("spring-2026".to_owned()),
            ..MessageSpec::default()
        };
        stage.sim.register(spec).expect("a message");
    }
    let client = Client::new(&process.url).expect("a client");
    let campaign = CampaignToWatch {
        tracking_id: "spring-2026".to_owned(),
        tags: [("team".to_owned(), "crm".to_owned())].into(),
    };
    let request = WatchRequest {
        campaigns: vec![campaign],
        ..WatchRequest::default()
    };
    client.register(&request).await.expect("an answer");
    let shown = watch_that(&process, "spring-2026", |shown| shown["state"] == "final").await;
    assert_eq!(
        shown["by_outcome"],
        json!({"delivered": 27, "failed": 3, "pending": 0})
    );
    assert_eq!(
        (&shown["name"], &shown["messages"]),
        (&json!("Spring"), &json!(30))
    );
    let typed = client.campaign("spring-2026").await.expect("an answer");
    assert_eq!(typed.map(|campaign| campaign.messages), Some(Some(30)));
    let message = client.watch("spring-2026").await.expect("an answer");
    assert_eq!(message, None, "it is no message");
    until("each failure is told", async || told(&stage).len() == 4).await;
    let told = told(&stage);
    let (ends, failures): (Vec<_>, Vec<_>) = told
        .iter()
        .partition(|event| event["type"] == "sms.campaign_finished");
    for event in failures {
        assert_eq!(event["message"]["tags"]["team"], "crm", "{event}");
    }
    assert_eq!(ends[0]["about"]["campaign"]["failed"], 3);
    assert_eq!(requests(&stage, "tracking_single"), 0);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_status_that_a_sweep_found_is_told_to_who_registers_its_message_or_its_campaign() {
    let stage = Stage::new().await;
    let config = config(&stage, &stage.sqlite(), "{every: 1s, window: 2h}");
    let process = Process::start(&config);
    let failed_an_hour_ago = |campaign: Option<&str>| {
        let spec = MessageSpec {
            fate: Some(Fate::UnknownNumber),
            accepted_ms_ago: 3_600_000,
            campaign_name: campaign.map(str::to_owned),
            campaign_tracking_id: campaign.map(str::to_owned),
            ..MessageSpec::default()
        };
        stage.sim.register(spec).expect("a message")
    };
    let (alone, member) = (
        failed_an_hour_ago(None),
        failed_an_hour_ago(Some("spring-2026")),
    );
    for id in [&alone, &member] {
        watch_that(&process, id, |watch| watch["state"] == "final").await;
        let timeline = process.json(&["show", id]);
        assert_eq!(
            timeline["events"][0]["event"]["backfill"], true,
            "{timeline}"
        );
    }
    assert_eq!(
        told(&stage),
        Vec::<Value>::new(),
        "nobody has asked for them"
    );

    let registered = process.json(&["watch", "--tag", "team=crm", &alone]);
    assert_eq!(registered["already_watched"], 1);
    let of = |id: &str| {
        let told = told(&stage).into_iter();
        told.filter(|event| event["message"]["message_id"] == id)
            .collect::<Vec<_>>()
    };
    until("it is told", async || !of(&alone).is_empty()).await;
    assert_eq!(of(&member), Vec::<Value>::new());
    process.json(&["watch", "--campaign", "spring-2026"]);
    until("the campaign's is told", async || !of(&member).is_empty()).await;
    process.json(&["watch", &alone, &member]);
    for id in [&alone, &member] {
        let told = of(id);
        assert_eq!(told.len(), 1, "once: {told:?}");
        let event = &told[0];
        let marks = [&event["previous"], &event["backfill"], &event["recorded"]];
        assert_eq!(marks, [&Value::Null, &json!(false), &json!(true)]);
    }
    assert_eq!(of(&alone)[0]["message"]["tags"], json!({"team": "crm"}));
    assert_eq!(process.terminate(), Some(0));
}
