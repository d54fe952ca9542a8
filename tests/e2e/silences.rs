//! Silences and maintenance windows hold back what they match; it is kept, counted, and can be sent after all.

use std::path::PathBuf;

use routee_sim::{Fate, MessageSpec};
use serde_json::{Value, json};

use crate::ask::{self, until};
use crate::fleet::Fleet;
use crate::process::Process;
use crate::stage::{self, Stage, webhook};

/// A configuration with one sink and one rule, and sections of its own.
fn write(stage: &Stage, sections: &str) -> PathBuf {
    write_with(stage, sections, "")
}

/// The same, with more keys for the rule.
fn write_with(stage: &Stage, sections: &str, keys: &str) -> PathBuf {
    let rest = format!(
        r#"
watch: {{schedule: [50ms], confirm_after: 0s}}
{sections}
sinks:
{crm}
rules: [{{name: undelivered, match: {{status: Undelivered}}, {keys} notify: [crm]}}]
"#,
        crm = webhook("crm", &stage.webhook, ""),
    );
    stage.write(&stage.sqlite(), &rest)
}

/// Has a message watched that was not delivered a minute ago.
fn watch(stage: &Stage, process: &Process) -> String {
    watch_labeled(stage, process, None)
}

fn watch_labeled(stage: &Stage, process: &Process, label: Option<&str>) -> String {
    let id = register(stage, label);
    stage::watch(process, std::slice::from_ref(&id));
    id
}

fn register(stage: &Stage, label: Option<&str>) -> String {
    stage.register(MessageSpec {
        label: label.map(str::to_owned),
        accepted_ms_ago: 60_000,
        to: Some("+306900000001".to_owned()),
        ..Fate::Undelivered.into()
    })
}

async fn post(process: &Process, path: &str, body: Value) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("{}{path}", process.url));
    let request = request.header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await;
    let answer = answer.expect("the process answers");
    let status = answer.status().as_u16();
    let body = answer.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}

async fn end(process: &Process, id: &str) -> u16 {
    let url = format!("{}/v1/silences/{id}", process.url);
    let answer = reqwest::Client::new().delete(url).send().await;
    answer.expect("the process answers").status().as_u16()
}

/// The deliveries in this state, once there are `count`.
async fn deliveries(process: &Process, state: &str, count: usize) -> Vec<Value> {
    let mut found = Vec::new();
    until("there are as many deliveries", async || {
        let (_, page) = ask::json(process, &format!("/v1/deliveries?state={state}")).await;
        found = page["items"].as_array().cloned().unwrap_or_default();
        found.len() == count
    })
    .await;
    found
}

async fn held_back(process: &Process, id: &str, count: u64) {
    until("it is counted", async || {
        let (status, silence) = ask::json(process, &format!("/v1/silences/{id}")).await;
        status == 200 && silence["held_back"] == count
    })
    .await;
}

fn printed(process: &Process, arguments: &[&str]) -> String {
    let output = process.ask(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_that_says_too_little_or_something_wrong_is_refused() {
    let stage = Stage::new().await;
    let process = Process::start(&write(&stage, ""));
    let with = |matching: Value| json!({"match": matching, "until": "2h"});
    let mut told = String::new();
    for body in [
        json!({"match": {"status": "Undelivered"}}),
        json!({"match": {"status": "Undelivered"}, "until": "2020-01-01T00:00:00Z"}),
        json!({"match": {"status": "Undelivered"}, "until": "soon"}),
        json!({"match": {"status": "Undelivered"}, "until": "2h", "untill": "2h"}),
        json!({"match": {"status": "Undelivered"}, "until": "2h", "everything": true}),
        json!({"until": "2h"}),
        with(json!({})),
        with(json!({"statu": "Undelivered", "contry": ["GR"]})),
        with(json!({"label": "/otp-(/"})),
        with(json!({"final": "yes", "severity": "urgent"})),
        with(json!({"to": ["+306900000001", "+4917*"]})),
        with(json!({"to": "+30690000*"})),
        with(json!({"to": ["4917*", "*001"]})),
        with(json!({"to": "/^\\+306900000001$/"})),
        with(json!({"label": "call +30690000*"})),
    ] {
        let (status, problem) = post(&process, "/v1/silences", body).await;
        assert_eq!(status, 422, "{problem}");
        told += problem["error"]["message"].as_str().expect("a sentence");
        told += "\n";
    }
    insta::assert_snapshot!(told);
    let (_, page) = ask::json(&process, "/v1/silences").await;
    assert_eq!(page, json!({"items": [], "next": null}));
    assert_eq!(end(&process, "sil_unknown").await, 404);
    assert_eq!(
        process
            .ask(&["silence", "end", "sil_unknown"])
            .status
            .code(),
        Some(1)
    );
    let no_end = process.ask(&["silence", "add", "--match", "status=Undelivered"]);
    assert_eq!(no_end.status.code(), Some(2));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_silence_holds_back_is_kept_with_its_reason_and_is_sent_if_somebody_wants_it() {
    let stage = Stage::new().await;
    let mut process = Process::start(&write(&stage, ""));
    let made = process.json(&[
        "silence",
        "add",
        "--match",
        "status=Undelivered",
        "--match",
        "rule=undeliv*",
        "--for",
        "1h",
        "--author",
        "ann",
        "--comment",
        "the carrier works on it, ask +306900000001",
    ]);
    let id = made["id"].as_str().expect("an id");
    process.wait_for_words("a silence begins");
    let message = watch(&stage, &process);
    let suppressed = deliveries(&process, "suppressed", 1).await;
    assert_eq!(suppressed[0]["reason"], format!("silence:{id}"));
    assert_eq!(suppressed[0]["attempts_made"], 0);
    assert_eq!(suppressed[0]["message_ids"], json!([message]));
    held_back(&process, id, 1).await;
    let metrics = ask::metrics(&process).await;
    for line in [
        "smswatch_deliveries_total{sink=\"crm\",result=\"suppressed\"} 1",
        "smswatch_silences 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    let listed = printed(&process, &["silence", "list"]);
    assert!(
        listed.contains("status=Undelivered rule=undeliv*"),
        "{listed}"
    );
    assert!(!listed.contains("+306900000001"), "{listed}");
    let status = printed(&process, &["status"]);
    assert!(status.contains("1 silence is active"), "{status}");
    let story = printed(&process, &["show", &message]);
    assert!(story.contains(&format!("silence {id} by ann, ")), "{story}");
    assert_eq!(stage.webhook.requests().len(), 0);

    let delivery = suppressed[0]["id"].as_str().expect("an id");
    let path = format!("/v1/deliveries/{delivery}/retry");
    assert_eq!(post(&process, &path, json!({})).await.0, 202);
    stage.webhook.wait_for(1).await;
    let sent = deliveries(&process, "delivered", 1).await;
    assert_eq!(sent[0]["id"], delivery);

    assert!(process.ask(&["silence", "end", id]).status.success());
    assert_eq!(end(&process, id).await, 204, "ended twice is ended");
    process.wait_for_words("a silence was ended");
    assert_eq!(
        printed(&process, &["silence", "list"]),
        "nothing is silenced\n"
    );
    assert!(printed(&process, &["silence", "list", "--all"]).contains("ended"));
    watch(&stage, &process);
    stage.webhook.wait_for(2).await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_held_back_before_its_first_attempt() {
    let stage = Stage::new().await;
    let process = Process::start(&write(&stage, ""));
    assert!(process.ask(&["sink", "pause", "crm"]).status.success());
    watch(&stage, &process);
    let waiting = deliveries(&process, "pending", 1).await;
    let delivery = waiting[0]["id"].as_str().expect("an id");
    let proposed = process.json(&["silence", "add", "--from", delivery]);
    assert_eq!(proposed["match"]["rule"], "undelivered");
    assert_eq!(proposed["match"]["status"], "Undelivered");
    let made = process.json(&["silence", "add", "--from", delivery, "--yes", "--for", "1h"]);
    let id = made["id"].as_str().expect("an id");
    assert_eq!(made["match"], proposed["match"]);
    assert!(process.ask(&["sink", "resume", "crm"]).status.success());
    let suppressed = deliveries(&process, "suppressed", 1).await;
    assert_eq!(suppressed[0]["id"], delivery);
    assert_eq!(suppressed[0]["reason"], format!("silence:{id}"));
    held_back(&process, id, 1).await;
    assert_eq!(stage.webhook.requests().len(), 0);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_for_a_number_is_stored_without_it_and_outlives_a_restart() {
    let stage = Stage::new().await;
    let config = write(&stage, "");
    let mut process = Process::start(&config);
    let made = process.json(&[
        "silence",
        "add",
        "--match",
        "to=+30 690 0000001",
        "--for",
        "20s",
    ]);
    assert!(made["match"]["to"].is_null(), "{made}");
    assert!(made["match"]["to_key"].is_array(), "{made}");
    watch(&stage, &process);
    deliveries(&process, "suppressed", 1).await;
    process.wait_for_words("a silence has ended");
    watch(&stage, &process);
    stage.webhook.wait_for(1).await;
    let made = process.json(&["silence", "add", "--everything", "--for", "1h"]);
    assert_eq!(made["match"], json!({}));
    assert_eq!(process.terminate(), Some(0));
    let process = Process::start(&config);
    watch(&stage, &process);
    deliveries(&process, "suppressed", 2).await;
    assert_eq!(stage.webhook.requests().len(), 1);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_maintenance_window_holds_back_what_it_matches_until_a_reload_closes_it() {
    let stage = Stage::new().await;
    let section = "maintenance: [{name: always, cron: \"* * * * *\", timezone: Europe/Athens, \
                   duration: 1h, match: {rule: undelivered}}]";
    let config = write(&stage, section);
    let mut process = Process::start(&config);
    watch(&stage, &process);
    let suppressed = deliveries(&process, "suppressed", 1).await;
    assert_eq!(suppressed[0]["reason"], "maintenance:always");
    let (_, page) = ask::json(&process, "/v1/silences").await;
    assert_eq!(page["items"][0]["id"], "maintenance:always");
    assert_eq!(page["items"][0]["source"], "configuration");
    assert_eq!(page["items"][0]["match"], json!({"rule": "undelivered"}));
    assert!(printed(&process, &["silence", "list"]).contains("maintenance:always"));

    write(&stage, "");
    process.signal("-HUP");
    process.wait_for_words("the configuration was loaded again (changed: maintenance)");
    until("something is told", async || {
        watch(&stage, &process);
        !stage.webhook.requests().is_empty()
    })
    .await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_silence_holds_for_all_replicas() {
    let fleet = Fleet::new().await;
    let config = fleet.config("[200ms]", "");
    let replicas = [(); 2].map(|()| Process::start(&config));
    let silence = json!({"match": {"rule": "undelivered"}, "until": "1h"});
    let (status, made) = post(&replicas[0], "/v1/silences", silence).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().expect("an id");
    let (_, page) = ask::json(&replicas[1], "/v1/silences").await;
    assert_eq!(page["items"][0]["id"], id);
    let ids = fleet.watch_held(&replicas[0], 40).await;
    fleet.polled(&ids, 2).await;
    fleet.end(&ids);
    let suppressed = deliveries(&replicas[1], "suppressed", 40).await;
    let reason = format!("silence:{id}");
    assert!(
        suppressed
            .iter()
            .all(|one| one["reason"] == reason.as_str())
    );
    held_back(&replicas[0], id, 40).await;
    assert_eq!(end(&replicas[1], id).await, 204);
    let (_, page) = ask::json(&replicas[0], "/v1/silences").await;
    assert_eq!(page["items"][0]["state"], "ended");
    assert_eq!(fleet.webhook.requests().len(), 0);
    for replica in replicas {
        assert_eq!(replica.terminate(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_group_a_silence_holds_back_what_it_matches_and_all_of_it_if_that_is_all() {
    let stage = Stage::new().await;
    let keys = "group: {by: [country], wait: 3s, interval: 1s},";
    let process = Process::start(&write_with(&stage, "", keys));
    let silence = json!({"match": {"label": "quiet-*"}, "until": "2h"});
    let (_, silence) = post(&process, "/v1/silences", silence).await;
    let id = silence["id"].as_str().expect("an id");
    let quiet = watch_labeled(&stage, &process, Some("quiet-1"));
    let loud = watch_labeled(&stage, &process, Some("loud-1"));

    let suppressed = deliveries(&process, "suppressed", 1).await;
    assert_eq!(suppressed[0]["reason"], format!("silence:{id}"));
    assert_eq!(suppressed[0]["message_ids"], json!([quiet]));
    until("the rest of the group is told", async || {
        stage.webhook.requests().len() == 1
    })
    .await;
    let told = stage.webhook.requests()[0].json();
    let events = told["data"]["events"].as_array().expect("events");
    let messages: Vec<&Value> = events
        .iter()
        .map(|event| &event["message"]["message_id"])
        .collect();
    assert_eq!(messages, [&json!(loud)]);
    held_back(&process, id, 1).await;

    // A group of which nothing is left to tell is held back as a whole, and can be sent after all.
    let later = watch_labeled(&stage, &process, Some("quiet-2"));
    let suppressed = deliveries(&process, "suppressed", 2).await;
    let of_later = suppressed
        .iter()
        .find(|delivery| delivery["message_ids"] == json!([later]))
        .expect("a delivery");
    assert_eq!(stage.webhook.requests().len(), 1);
    let delivery = of_later["id"].as_str().expect("an id");
    let (status, _) = post(
        &process,
        &format!("/v1/deliveries/{delivery}/retry"),
        json!({}),
    )
    .await;
    assert_eq!(status, 202);
    until("it is sent", async || stage.webhook.requests().len() == 2).await;
}

/// A group shows few events, and those that came first are silent.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_silence_holds_back_hides_nothing_else_of_its_group() {
    let stage = Stage::new().await;
    let keys = "group: {by: [country], wait: 20s, interval: 1s, max: 2},";
    let process = Process::start(&write_with(&stage, "", keys));
    let silence = json!({"match": {"label": "quiet-*"}, "until": "2h"});
    let (status, _) = post(&process, "/v1/silences", silence).await;
    assert_eq!(status, 201);
    let quiet: Vec<String> = (0..4)
        .map(|n| register(&stage, Some(&format!("quiet-{n}"))))
        .collect();
    stage::watch(&process, &quiet);
    until("the silent ones are in the group", async || {
        ask::metrics(&process)
            .await
            .contains("smswatch_events_grouped_total 4")
    })
    .await;
    let loud = watch_labeled(&stage, &process, Some("loud-1"));
    until("the other one is told", async || {
        stage.webhook.requests().len() == 1
    })
    .await;
    let told = stage.webhook.requests()[0].json();
    let events = told["data"]["events"].as_array().expect("events");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["message"]["message_id"], json!(loud));
    assert_eq!(told["data"]["omitted"], 0);
    assert_eq!(deliveries(&process, "suppressed", 1).await.len(), 1);
}
