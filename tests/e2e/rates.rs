//! An alert on a rate fires once, also over a kill, and is resolved when nothing is left to measure.

use routee_sim::{Fate, MessageSpec};
use serde_json::Value;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{self, until};
use crate::groups::has_one_operator_in_common;
use crate::process::Process;
use crate::stage::{Stage, sqlite_in};

pub(crate) const RULES: &str = "
  - name: undelivered-rate
    event: rate
    count: {status: [Undelivered, Failed]}
    among: {final: true}
    by: [country]
    over: 20s
    above: 40%
    clear_below: 10%
    at_least: 20
    severity: critical
    notify: [crm]
";

/// What the webhook was told, each notification once.
fn told(stage: &Stage) -> Vec<(String, Value)> {
    let mut told: Vec<(String, Value)> = Vec::new();
    for request in stage.webhook.requests() {
        let id = request.header("webhook-id").expect("an id").to_owned();
        if told.iter().all(|(known, _)| *known != id) {
            told.push((id, request.json()));
        }
    }
    told
}

async fn it_fires_once_over_a_kill_and_is_resolved_when_the_window_is_empty(
    store: &str,
    rules: &str,
) {
    let stage = Stage::new().await;
    let config = stage.config_with_rules(store, rules);
    let message = |fate: Fate| {
        let spec = MessageSpec {
            to: Some("+306900000001".to_owned()),
            accepted_ms_ago: 60_000,
            ..fate.into()
        };
        stage.sim.register(spec).expect("a message")
    };
    let mut ids: Vec<String> = (0..11).map(|_| message(Fate::Delivered)).collect();
    ids.extend((0..9).map(|_| message(Fate::CarrierViolation)));
    let process = Process::start(&config);
    let watch = |process: &Process, ids: &[String]| {
        let arguments = std::iter::once("watch").chain(ids.iter().map(String::as_str));
        process.json(&arguments.collect::<Vec<_>>());
    };
    watch(&process, &ids);
    until("the alert fires", async || told(&stage).len() == 1).await;
    let (_, firing) = told(&stage).remove(0);
    assert_eq!(firing["type"], "alert.firing");
    let alert = &firing["data"]["alert"];
    assert_eq!(alert["state"], "firing");
    assert_eq!((&alert["count"], &alert["total"]), (&9.into(), &20.into()));
    assert_eq!(alert["value"], 45.0);
    assert_eq!(alert["window"], "20s");
    assert_eq!(firing["data"]["group"]["country"], "GR");
    let text = firing["data"]["text"].as_str().expect("a text");
    assert!(text.contains("9 of 20, 45.0 %, over 20s"), "{text}");

    process.kill();
    let process = Process::start(&config);
    // It is still measured, and fires already.
    let more: Vec<String> = (0..4).map(|_| message(Fate::CarrierViolation)).collect();
    watch(&process, &more);
    until("it is resolved", async || told(&stage).len() == 2).await;
    let (_, resolved) = told(&stage).remove(1);
    assert_eq!(resolved["type"], "alert.resolved");
    assert_eq!(resolved["data"]["key"], firing["data"]["key"]);
    let alert = &resolved["data"]["alert"];
    assert_eq!(alert["state"], "resolved");
    assert_eq!(alert["count"], 0);
    assert_eq!(alert["started_at"], firing["data"]["alert"]["started_at"]);
    assert!(alert["ended_at"].is_string());
    let (_, page) = ask::json(&process, "/v1/events?type=alert.firing").await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_an_alert_fires_once_over_a_kill_and_is_resolved_when_the_window_is_empty() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sqlite_in(directory.path());
    // Nothing is known yet of what is usual: the bound that holds until then decides.
    let rules = RULES.replace("above: 40%", "above: usual × 3\n    until_usual: 40%");
    it_fires_once_over_a_kill_and_is_resolved_when_the_window_is_empty(&store, &rules).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_an_alert_fires_once_over_a_kill_and_is_resolved_when_the_window_is_empty() {
    let redis = RedisServer::start();
    let store = redis.url();
    it_fires_once_over_a_kill_and_is_resolved_when_the_window_is_empty(&store, RULES).await;
}

/// While it fires it is told again, under a name of its own each time, whatever happens to the process.
#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_lasts_is_told_again_over_a_kill() {
    let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let stage = Stage::new().await;
    // The window outlasts the kill and all that takes long on a machine with much else to do.
    let rules = RULES
        .replace("over: 20s", "over: 90s")
        .replace("    severity:", "    repeat: 2s\n    severity:");
    let config = stage.config_with_rules(&redis.url(), &rules);
    let ids: Vec<String> = (0..20)
        .map(|_| {
            let spec = MessageSpec {
                accepted_ms_ago: 60_000,
                ..Fate::CarrierViolation.into()
            };
            stage.sim.register(spec).expect("a message")
        })
        .collect();
    let process = Process::start(&config);
    let arguments = std::iter::once("watch").chain(ids.iter().map(String::as_str));
    process.json(&arguments.collect::<Vec<_>>());
    let time = |(_, body): &(String, Value)| {
        let event = &body["data"]["events"][0];
        event["repeated"]["times"].as_u64().unwrap_or(0)
    };
    until("it is told again", async || told(&stage).len() >= 3).await;
    process.kill();
    let before = told(&stage).len();
    let process = Process::start(&config);
    until("it is told again after the kill", async || {
        told(&stage).len() >= before + 2
    })
    .await;
    until("it is resolved", async || {
        told(&stage)
            .iter()
            .any(|(_, body)| body["type"] == "alert.resolved")
    })
    .await;
    let mut told = told(&stage);
    told.retain(|(_, body)| body["type"] == "alert.firing");
    // One that was under way at the kill arrives after those that came later.
    told.sort_by_key(time);
    let times: Vec<u64> = told.iter().map(time).collect();
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    assert_eq!(times[0], 0);
    for (_, body) in &told {
        let (alert, first) = (&body["data"]["alert"], &told[0].1["data"]);
        assert_eq!(alert["started_at"], first["alert"]["started_at"]);
        assert_eq!(body["data"]["key"], first["key"]);
    }
    let title = told[1].1["data"]["title"].as_str().expect("a title");
    assert!(
        title.starts_with("Still firing: undelivered-rate: 20 of 20"),
        "{title}"
    );
    assert_eq!(process.terminate(), Some(0));
}

async fn an_alert_holds_single_events_back_over_a_kill(store: &str) {
    let stage = Stage::new().await;
    let rules = format!(
        "{RULES}  - {{name: each, match: {{status: Undelivered}}, unless_firing: undelivered-rate, notify: [crm]}}\n"
    );
    let config = stage.config_with_rules(store, &rules);
    let watch = |process: &Process, count: usize, fate: Fate| {
        let ids: Vec<String> = (0..count)
            .map(|_| {
                let spec = MessageSpec {
                    to: Some("+306900000001".to_owned()),
                    accepted_ms_ago: 60_000,
                    ..fate.into()
                };
                stage.sim.register(spec).expect("a message")
            })
            .collect();
        let arguments = std::iter::once("watch").chain(ids.iter().map(String::as_str));
        process.json(&arguments.collect::<Vec<_>>());
    };
    let of_kind = |kind: &str| {
        let mut told = told(&stage);
        told.retain(|(_, body)| body["type"] == kind);
        told
    };
    let process = Process::start(&config);
    watch(&process, 20, Fate::CarrierViolation);
    until("the alert fires", async || {
        of_kind("alert.firing").len() == 1 && of_kind("sms.status_changed").len() == 20
    })
    .await;
    watch(&process, 3, Fate::CarrierViolation);
    until("some are held back", async || {
        let (_, page) = ask::json(&process, "/v1/deliveries?state=suppressed").await;
        page["items"]
            .as_array()
            .is_some_and(|held| !held.is_empty())
    })
    .await;
    process.kill();
    let process = Process::start(&config);
    watch(&process, 2, Fate::CarrierViolation);
    until("it is resolved", async || {
        of_kind("alert.resolved").len() == 1
    })
    .await;
    let (_, resolved) = of_kind("alert.resolved").remove(0);
    // What the killed process had claimed is seen by the other one late, maybe after the alert has ended.
    let mut held_back = Vec::new();
    until("each event is told or held back", async || {
        let (_, page) = ask::json(&process, "/v1/deliveries?state=suppressed&limit=100").await;
        held_back.clone_from(page["items"].as_array().expect("deliveries"));
        let singles = of_kind("sms.status_changed").len();
        assert!(held_back.len() + singles <= 25, "{page}");
        held_back.len() + singles == 25
    })
    .await;
    for delivery in &held_back {
        assert_eq!(delivery["rule"], "each");
        assert_eq!(delivery["reason"], "the alert of undelivered-rate fires");
    }
    assert_eq!(resolved["data"]["alert"]["held_back"], held_back.len());
    let text = resolved["data"]["text"].as_str().expect("a text");
    let line = match held_back.len() {
        1 => "Meanwhile 1 event was held back".to_owned(),
        count => format!("Meanwhile {count} events were held back"),
    };
    assert!(text.contains(&line), "{text}");
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_an_alert_holds_single_events_back_over_a_kill() {
    let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    an_alert_holds_single_events_back_over_a_kill(&redis.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_an_alert_holds_single_events_back_over_a_kill() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = sqlite_in(directory.path());
    an_alert_holds_single_events_back_over_a_kill(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_says_what_the_failures_that_it_counts_have_in_common() {
    let stage = Stage::new().await;
    let directory = tempfile::tempdir().expect("a directory");
    let rules = RULES.replace("over: 20s", "over: 5m");
    let config = stage.config_with_rules(&sqlite_in(directory.path()), &rules);
    let process = Process::start(&config);
    let watch = |count: usize, fate: Fate, operator: &dyn Fn(usize) -> String| {
        let ids: Vec<String> = (0..count)
            .map(|n| {
                let spec = MessageSpec {
                    to: Some("+306900000001".to_owned()),
                    accepted_ms_ago: 60_000,
                    operator: Some(operator(n)),
                    from: format!("Shop{}", n % 2),
                    body: format!("Your parcel {} is ready", ["red", "green", "blue"][n % 3]),
                    ..fate.into()
                };
                stage.sim.register(spec).expect("a message")
            })
            .collect();
        let arguments = std::iter::once("watch").chain(ids.iter().map(String::as_str));
        process.json(&arguments.collect::<Vec<_>>());
        ids
    };
    let fine = watch(24, Fate::Delivered, &|n| format!("Mobile {}", n % 4));
    for id in &fine {
        ask::watch_that(&process, id, |watch| watch["state"] == "final").await;
    }
    watch(40, Fate::CarrierViolation, &|_| "Mobile 2".to_owned());
    until("the alert fires", async || !told(&stage).is_empty()).await;
    let (_, firing) = told(&stage).remove(0);
    let data = &firing["data"];
    has_one_operator_in_common(data, "Mobile 2");
    let text = data["text"].as_str().expect("a text");
    assert!(text.starts_with("In common: operator Mobile 2 ("), "{text}");
    assert_eq!(data["alert"]["common"], Value::Null);
    assert_eq!(data["events"][0]["alert"]["common"], Value::Null);
    assert_eq!(process.terminate(), Some(0));
}
