//! What Routee pushes: taken in by the built binary, told once, and let in by its secret alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use reqwest::{Client, Response};
use routee_sim::{Fate, MessageSpec};
use serde_json::{Value, json};
use smswatch_plugin::model::Timestamp;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{metrics, until, watch, watch_that};
use crate::process::Process;
use crate::stage::{Stage, webhook};

const SECRET: &str = "a-secret-of-the-callbacks";
const OTHER_SECRET: &str = "the-secret-that-comes-next";

/// Writes a configuration in which callbacks are taken in as `callbacks` says.
fn config(stage: &Stage, store: &str, callbacks: &str) -> PathBuf {
    let crm = webhook("crm", &stage.webhook, "");
    let rules = "[{name: all, event: any, notify: [crm]}]";
    let rest = format!("callbacks: {{{callbacks}}}\nsinks:\n{crm}\nrules: {rules}");
    stage.write(store, &rest)
}

/// The status changes that were told, by their ids, with how often each was.
fn events_told(stage: &Stage) -> BTreeMap<String, (Value, usize)> {
    let mut told: BTreeMap<String, (Value, usize)> = BTreeMap::new();
    for request in stage.webhook.requests() {
        let body = request.json();
        for event in body["data"]["events"].as_array().into_iter().flatten() {
            let id = event["event_id"].as_str().expect("an id").to_owned();
            told.entry(id).or_insert_with(|| (event.clone(), 0)).1 += 1;
        }
    }
    told
}

fn statuses(stage: &Stage) -> Vec<String> {
    let told = events_told(stage);
    let statuses = told
        .values()
        .map(|(event, _)| event["current"]["status"].clone());
    let mut statuses: Vec<String> = statuses
        .filter_map(|status| status.as_str().map(str::to_owned))
        .collect();
    statuses.sort();
    statuses
}

/// A callback in the shape that Routee documents.
fn callback(id: &str, status: &str, date: &str) -> Value {
    json!({
        "messageId": id, "smsId": format!("{id}-1"), "campaignTrackingId": null, "campaignName": null,
        "part": 1, "parts": 1, "label": "order-17",
        "to": "+306900000001", "from": "MyShop", "country": "GR", "operator": "Example Mobile", "groups": [],
        "status": {"name": status, "updatedDate": date,
            "reason": {"detailedStatus": status, "description": "as the carrier says"}},
        "message": "Your parcel is ready", "applicationName": "default",
        "latency": 4, "price": 0.036, "direction": "Outbound", "originatingService": "Sms"
    })
}

async fn post(url: &str, secret: &str, body: String) -> Response {
    let url = format!("{url}/callbacks/routee/{secret}");
    let request = Client::new()
        .post(url)
        .header("content-type", "application/json");
    request.body(body).send().await.expect("an answer")
}

async fn status_of(url: &str, secret: &str, body: impl Into<String>) -> u16 {
    post(url, secret, body.into()).await.status().as_u16()
}

fn now() -> String {
    let since = SystemTime::UNIX_EPOCH.elapsed().expect("a time after 1970");
    let seconds = i64::try_from(since.as_secs()).expect("a few of them");
    Timestamp::from_seconds(seconds).to_string()
}

/// What a callback told is in the store by the time at which Routee hears so.
async fn a_callback_outlives_the_process(stage: Stage, store: &str) {
    let holding = |hold: &str| config(&stage, store, &format!("secret: {SECRET}, hold: {hold}"));
    // The process is killed before that is over, also where it gets no time for a while.
    let process = Process::start(&holding("20s"));
    let undelivered = callback("m1", "Undelivered", &now()).to_string();
    assert_eq!(
        status_of(&process.url, SECRET, undelivered.clone()).await,
        200
    );
    process.kill();
    assert_eq!(
        statuses(&stage),
        Vec::<String>::new(),
        "it was held until then"
    );
    let process = Process::start(&holding("200ms"));
    until("it is told", async || statuses(&stage) == ["Undelivered"]).await;
    let told = events_told(&stage);
    let (event, _) = told.values().next().expect("an event");
    assert_eq!(event["source"], "callback");
    assert_eq!(event["message"]["message_id"], "m1");
    assert_eq!(event["message"]["to"], "+3069******01");
    assert_eq!(event["message"]["body"], Value::Null);
    // The same again is answered, and no news.
    assert_eq!(status_of(&process.url, SECRET, undelivered).await, 200);
    let seen = watch_that(&process, "m1", |watch| watch["state"] == "final").await;
    assert_eq!(seen["outcome"], "failed");
    assert_eq!(
        events_told(&stage)
            .values()
            .map(|(_, times)| times)
            .sum::<usize>(),
        1
    );
    let kept = std::fs::read_dir(stage.directory.path()).expect("a directory");
    for file in kept
        .filter_map(Result::ok)
        .filter(|file| file.path().is_file())
    {
        let bytes = std::fs::read(file.path()).expect("a file");
        for secret in ["306900000001", "parcel is ready"] {
            let is_kept = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!is_kept, "{:?} holds {secret}", file.path());
        }
    }
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test]
async fn a_callback_that_was_answered_is_told_although_the_process_was_killed() {
    let stage = Stage::new().await;
    let store = stage.sqlite();
    a_callback_outlives_the_process(stage, &store).await;
}

#[tokio::test]
async fn a_callback_that_was_answered_is_told_although_the_process_was_killed_on_redis() {
    let redis = RedisServer::start();
    a_callback_outlives_the_process(Stage::new().await, &redis.url()).await;
}

#[tokio::test]
async fn the_door_knows_its_secret_and_says_nothing_to_others() {
    let stage = Stage::new().await;
    let config = config(
        &stage,
        &stage.sqlite(),
        &format!("secret: {SECRET}, hold: 0s"),
    );
    let process = Process::start(&config);
    let url = &process.url;
    let good = || callback("m1", "Sent", &now()).to_string();
    assert_eq!(status_of(url, "a-wrong-secret", good()).await, 404);
    let no_path = Client::new()
        .post(format!("{url}/nothing"))
        .send()
        .await
        .expect("an answer");
    let wrong = post(url, "a-wrong-secret", good()).await;
    assert_eq!(wrong.text().await.ok(), no_path.text().await.ok());
    for (body, status) in [
        (String::new(), 400),
        ("not json".to_owned(), 400),
        ("{\"status\":{\"name\":\"Sent\"}}".to_owned(), 400),
        ("[]".to_owned(), 400),
        (json!({"messageId": "m".repeat(201)}).to_string(), 400),
        ("x".repeat(64 * 1024 + 1), 413),
        ("x".repeat(9_000_000), 413),
        (good(), 200),
        // Campaigns as a whole, and messages that came in.
        (json!({"trackingId": "c1", "name": "May", "totalRecipients": 9, "campaignStatus": "Running",
            "messageStatuses": {"Sent": 9}, "callbackInfo": {"url": "http://x", "strategy": "OnChange"}}).to_string(), 200),
        (json!({"from": "306911111111", "to": "MyShop", "messageId": "in1", "message": "Stop", "parts": 1,
            "receivedDate": "2019-11-12T20:41:25Z", "direction": "Inbound", "originatingService": "Sms"}).to_string(), 200),
    ] {
        let told = status_of(url, SECRET, body.clone()).await;
        assert_eq!(told, status, "{}", &body[..body.len().min(60)]);
    }
    // Routee calls by a public name, and what speaks for it may say anything else.
    let named = Client::new().post(format!("{url}/callbacks/routee/{SECRET}"));
    let named = named
        .header("host", "sms.example.com")
        .header("origin", "https://elsewhere.example.com");
    assert_eq!(
        named.body(good()).send().await.expect("an answer").status(),
        200
    );
    // Who pastes the URL into Routee's portal may leave a slash behind it.
    let slash = format!("{SECRET}/");
    assert_eq!(status_of(url, &slash, good()).await, 200);
    let wrong = post(url, "a-wrong-secret/", good()).await;
    assert_eq!(wrong.status(), 404);
    assert_eq!(status_of(url, &format!("{SECRET}//"), good()).await, 404);
    for path in [SECRET, &slash] {
        let get = Client::new().get(format!("{url}/callbacks/routee/{path}"));
        assert_eq!(get.send().await.expect("an answer").status(), 405);
    }
    let metrics = metrics(&process).await;
    for (result, count) in [
        ("stored", 3),
        ("ignored", 2),
        ("invalid", 5),
        ("wrong_secret", 3),
        ("too_large", 2),
    ] {
        let line = format!("smswatch_callbacks_total{{result=\"{result}\"}} {count}");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
    assert_eq!(watch(&process, "in1").await, Value::Null);
    assert!(!process.said().contains(SECRET));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test]
async fn a_listener_of_its_own_serves_callbacks_and_nothing_else() {
    let stage = Stage::new().await;
    let callbacks = format!("secret: {SECRET}, hold: 0s, listen: \"127.0.0.1:0\"");
    let mut process = Process::start(&config(&stage, &stage.sqlite(), &callbacks));
    let own = process.wait_for_words("callbacks are served at ");
    let own = own.trim_end_matches("/callbacks/routee/").to_owned();
    assert_ne!(own, process.url);
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/",
        "/v1/status",
        "/callbacks/routee/",
    ] {
        let answer = Client::new()
            .get(format!("{own}{path}"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
    }
    let undelivered = callback("m1", "Undelivered", &now()).to_string();
    assert_eq!(
        status_of(&own, "a-wrong-secret", undelivered.clone()).await,
        404
    );
    assert_eq!(status_of(&own, SECRET, undelivered).await, 200);
    until("it is told", async || statuses(&stage) == ["Undelivered"]).await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test]
async fn secrets_are_replaced_while_the_process_runs() {
    let stage = Stage::new().await;
    let store = stage.sqlite();
    let secrets = |secrets: &str| config(&stage, &store, &format!("secret: {secrets}, hold: 0s"));
    let process = Process::start(&secrets(SECRET));
    let try_both = async || {
        let mut told = Vec::new();
        for secret in [SECRET, OTHER_SECRET] {
            told.push(
                status_of(
                    &process.url,
                    secret,
                    callback("m1", "Sent", &now()).to_string(),
                )
                .await,
            );
        }
        told
    };
    assert_eq!(try_both().await, [200, 404]);
    secrets(&format!("[{SECRET}, {OTHER_SECRET}]"));
    process.signal("-HUP");
    until("both are accepted", async || try_both().await == [200, 200]).await;
    secrets(OTHER_SECRET);
    process.signal("-HUP");
    until("the first one is refused", async || {
        try_both().await == [404, 200]
    })
    .await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test]
async fn callbacks_come_from_the_networks_that_are_named() {
    let stage = Stage::new().await;
    let store = stage.sqlite();
    let networks = |networks: &str| {
        config(
            &stage,
            &store,
            &format!("secret: {SECRET}, hold: 0s, networks: {networks}"),
        )
    };
    let process = Process::start(&networks("[203.0.113.0/24]"));
    let try_it = async || {
        status_of(
            &process.url,
            SECRET,
            callback("m1", "Sent", &now()).to_string(),
        )
        .await
    };
    assert_eq!(try_it().await, 404);
    networks("[203.0.113.0/24, 127.0.0.0/8]");
    process.signal("-HUP");
    until("it is let in", async || try_it().await == 200).await;
    assert_eq!(process.terminate(), Some(0));
}

/// Many messages that nobody registered, told by callbacks alone, with what goes wrong on their way.
#[tokio::test]
async fn each_change_that_routee_pushes_is_told_once_whatever_happens_on_the_way() {
    let stage = Stage::new().await;
    let config = config(
        &stage,
        &stage.sqlite(),
        &format!("secret: {SECRET}, hold: 100ms"),
    );
    // What is told late, too, is told by a callback.
    let text = std::fs::read_to_string(&config).expect("a file");
    std::fs::write(&config, format!("{text}watch: {{schedule: [10m]}}\n")).expect("a file");
    let process = Process::start(&config);
    let callbacks = json!({"callbacks": {
        "url": format!("{}/callbacks/routee/{SECRET}", process.url),
        "first": true, "duplicated": 0.2, "reordered": 0.1, "reorder_ms": 300, "connections": 16,
        "timeout_ms": 60_000,
    }});
    stage.sim.merge_switches(&callbacks).expect("switches");
    let ids: Vec<String> = (0..120)
        .map(|n| {
            let spec = MessageSpec {
                fate: Some(if n % 3 == 0 {
                    Fate::CarrierViolation
                } else {
                    Fate::Delivered
                }),
                time_scale: 0.1,
                ..MessageSpec::default()
            };
            stage.sim.register(spec).expect("a message")
        })
        .collect();
    for id in &ids {
        watch_that(&process, id, |watch| watch["state"] == "final").await;
    }
    let is_told = async || {
        statuses(&stage)
            .iter()
            .filter(|status| *status != "Sent" && *status != "Queued")
            .count()
            == 120
    };
    until("each end is told", is_told).await;
    let told = events_told(&stage);
    for (event, times) in told.values() {
        assert_eq!(
            (times, &event["source"]),
            (&1, &json!("callback")),
            "{event}"
        );
    }
    let stats = stage.sim.stats();
    assert_eq!(stats.callbacks.failed, 0, "{:?}", stats.callbacks);
    let polls = stats.requests.get("tracking_single");
    assert!(polls.is_none(), "{polls:?}");
    assert_eq!(process.terminate(), Some(0));
}
