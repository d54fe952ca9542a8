//! The configuration is loaded again while everything goes on: by a signal, over the API, or because the
//! file has changed.

use std::path::PathBuf;
use std::time::Duration;

use routee_sim::{Fate, MessageSpec};
use serde_json::{Value, json};
use smswatch_testkit::receiver::{Answer, Receiver};

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, watch, webhook};

/// Has a message of this label watched that was undelivered a minute ago.
fn watch_labeled(stage: &Stage, process: &Process, label: &str) {
    let id = stage.register(MessageSpec {
        label: Some(label.to_owned()),
        accepted_ms_ago: 60_000,
        ..Fate::Undelivered.into()
    });
    watch(process, &[id]);
}

/// Writes the configuration with these sinks and rules, and sections of its own.
fn write(stage: &Stage, sections: &str, sinks: &str, rules: &str) -> PathBuf {
    let watch = "watch: {schedule: [50ms], confirm_after: 0s}";
    let rest = format!("{watch}\n{sections}\nsinks:\n{sinks}\nrules:\n{rules}");
    stage.write(&stage.sqlite(), &rest)
}

fn crm(stage: &Stage) -> String {
    webhook("crm", &stage.webhook, "")
}

fn ops(stage: &Stage) -> String {
    webhook("ops", &stage.ops, "")
}

const TO_CRM: &str = "  - {name: all, match: {status: Undelivered}, notify: [crm]}";
const TO_OPS: &str = "  - {name: all, match: {status: Undelivered}, notify: [ops]}";

pub(crate) async fn reload(process: &Process) -> (u16, Value) {
    let url = format!("{}/v1/reload", process.url);
    let answer = reqwest::Client::new().post(url).send().await;
    let answer = answer.expect("the process answers");
    let status = answer.status().as_u16();
    let body = answer.bytes().await.expect("a body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}

/// Where `smswatch status` says whether all is well.
fn first_line_of_status(process: &Process) -> String {
    let said = process.ask(&["status"]);
    let said = String::from_utf8(said.stdout).expect("text");
    said.lines().next().unwrap_or_default().to_owned()
}

async fn is_loaded(process: &Process) -> bool {
    let metrics = ask::metrics(process).await;
    metrics.contains("smswatch_config_last_reload_successful 1")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_holds_from_then_on_and_one_with_mistakes_does_not() {
    let stage = Stage::new().await;
    let sinks = crm(&stage) + &ops(&stage);
    let config = write(&stage, "", &sinks, TO_CRM);
    let mut process = Process::start(&config);
    stage.watch(&process, 1, Fate::Undelivered);
    stage.webhook.wait_for(1).await;
    assert!(is_loaded(&process).await);

    write(&stage, "", &sinks, "  - {name: all, notifi: [ops]}");
    process
        .wait_for_words("the new configuration was refused, and the previous one stays in force: ");
    assert!(!is_loaded(&process).await);
    let (status, problem) = reload(&process).await;
    assert_eq!(status, 422);
    assert_eq!(problem["error"]["code"], "invalid_configuration");
    let message = problem["error"]["message"].as_str().expect("a message");
    assert!(message.contains("smswatch.yaml:11:"), "{message}");
    assert!(message.contains("notifi"), "{message}");
    let first = first_line_of_status(&process);
    let expected = "the changed file was refused, and an older configuration is in force: ";
    assert!(first.contains(expected), "{first}");
    assert!(first.contains("smswatch.yaml:11:"), "{first}");
    assert!(first.ends_with("(and 1 more mistake)"), "{first}");
    let (status, ready) = ask::json(&process, "/readyz").await;
    assert_eq!(
        (status, &ready["ready"]),
        (200, &json!(true)),
        "it works on"
    );
    assert_eq!(ready["parts"]["configuration"]["ok"], json!(false));
    stage.watch(&process, 1, Fate::Undelivered);
    stage.webhook.wait_for(2).await;

    write(&stage, "", &sinks, TO_OPS);
    until("the file is loaded", async || is_loaded(&process).await).await;
    until("status says so", async || {
        first_line_of_status(&process).ends_with(": all is well")
    })
    .await;
    stage.watch(&process, 1, Fate::Undelivered);
    stage.ops.wait_for(1).await;
    assert_eq!(stage.webhook.requests().len(), 2);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_loads_the_file_again_at_once() {
    let stage = Stage::new().await;
    let sinks = crm(&stage) + &ops(&stage);
    let config = write(&stage, "", &sinks, TO_CRM);
    let mut process = Process::start(&config);
    write(&stage, "", &sinks, TO_OPS);
    process.signal("-HUP");
    process.wait_for_words("the configuration was loaded again (changed: rules)");
    stage.watch(&process, 1, Fate::Undelivered);
    stage.ops.wait_for(1).await;
    assert_eq!(stage.webhook.requests().len(), 0);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sinks_come_change_and_go_and_nothing_in_flight_is_lost() {
    let stage = Stage::new().await;
    let slow = Answer::status(200).delay(Duration::from_secs(3));
    stage.webhook.answer_always(slow);
    let config = write(&stage, "", &crm(&stage), TO_CRM);
    let mut process = Process::start(&config);
    stage.watch(&process, 1, Fate::Undelivered);
    stage.webhook.wait_for(1).await;

    // The attempt is still waited for when its sink goes to another receiver.
    let other = Receiver::start().await;
    let sinks = webhook("crm", &other, "") + &ops(&stage);
    let rules = "  - {name: all, match: {status: Undelivered}, notify: [crm, ops]}";
    write(&stage, "", &sinks, rules);
    assert_eq!(reload(&process).await.0, 200);
    process.wait_for_words("changed: rules, sinks.crm, sinks.ops");
    let (_, ready) = ask::json(&process, "/readyz").await;
    assert_eq!(ready["parts"]["sink:ops"], json!({"ok": true}));
    stage.watch(&process, 1, Fate::Undelivered);
    other.wait_for(1).await;
    stage.ops.wait_for(1).await;
    until("the first delivery has arrived", async || {
        let path = "/v1/deliveries?state=delivered&sink=crm";
        let (_, page) = ask::json(&process, path).await;
        page["items"]
            .as_array()
            .is_some_and(|items| items.len() == 2)
    })
    .await;
    assert_eq!(stage.webhook.requests().len(), 1, "it was attempted once");
    assert_eq!(other.requests().len(), 1);

    write(&stage, "", &ops(&stage), TO_OPS);
    assert_eq!(reload(&process).await.0, 200);
    process.wait_for_words("changed: rules, sinks.crm)");
    let (_, ready) = ask::json(&process, "/readyz").await;
    assert!(ready["parts"]["sink:crm"].is_null(), "{ready}");
    stage.watch(&process, 1, Fate::Undelivered);
    stage.ops.wait_for(2).await;
    let no_such_sink = process.ask(&["sink", "pause", "crm"]);
    assert_eq!(no_such_sink.status.code(), Some(1));
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_stays_as_it_was_keeps_its_breaker_and_its_pause() {
    let stage = Stage::new().await;
    let sinks = crm(&stage) + &ops(&stage);
    let config = write(&stage, "", &sinks, TO_CRM);
    let process = Process::start(&config);
    assert!(process.ask(&["sink", "pause", "crm"]).status.success());
    write(&stage, "", &crm(&stage), TO_CRM);
    assert_eq!(reload(&process).await.0, 200);
    stage.watch(&process, 1, Fate::Undelivered);
    until("it is queued", async || {
        let path = "/v1/deliveries?state=pending&sink=crm";
        let (_, page) = ask::json(&process, path).await;
        page["items"]
            .as_array()
            .is_some_and(|items| items.len() == 1)
    })
    .await;
    assert!(process.ask(&["sink", "resume", "crm"]).status.success());
    stage.webhook.wait_for(1).await;
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_effect_at_the_next_start_is_said_and_what_cannot_be_mixed_is_refused() {
    let stage = Stage::new().await;
    let config = write(&stage, "", &crm(&stage), TO_CRM);
    let mut process = Process::start(&config);
    let sections = "shutdown_timeout: 5s\nhistory: {events: {for: 1d, max: 1000}}";
    write(&stage, sections, &crm(&stage), TO_CRM);
    assert_eq!(reload(&process).await.0, 200);
    process.wait_for_words("changed: history)");
    let expected = json!({"changed": [], "needs_restart": ["shutdown_timeout"]});
    assert_eq!(reload(&process).await, (200, expected), "it still waits");
    let first = first_line_of_status(&process);
    let waits = "an older configuration is in force until smswatch is restarted; what has changed: shutdown_timeout";
    assert!(first.ends_with(waits), "{first}");

    write(&stage, "privacy: {numbers: full}", &crm(&stage), TO_CRM);
    let (status, problem) = reload(&process).await;
    assert_eq!(status, 422);
    let message = problem["error"]["message"].as_str().expect("a message");
    assert!(
        message.contains("restart smswatch to apply what has changed in `privacy`"),
        "{message}"
    );
    assert!(!is_loaded(&process).await);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_a_sink_change_with_the_file_and_a_template_that_fails_is_counted_and_told_in_default_words()
 {
    let stage = Stage::new().await;
    let with = |template: &str| {
        let sink = webhook("crm", &stage.webhook, &format!(", {template}"));
        write(&stage, "", &sink, TO_CRM)
    };
    let process = Process::start(&with("template: {title: 'first {{ events|length }}'}"));
    stage.watch(&process, 1, Fate::Undelivered);
    stage.webhook.wait_for(1).await;
    let title = |number: usize| {
        let body = stage.webhook.requests()[number].json();
        body["data"]["title"].as_str().expect("a title").to_owned()
    };
    assert_eq!(title(0), "first 1");

    let at = "{{ events[0].time | local_time }}";
    with(&format!(
        "timezone: Asia/Tokyo, template: {{title: 'at {at}'}}"
    ));
    assert_eq!(reload(&process).await.0, 200);
    stage.watch(&process, 1, Fate::Undelivered);
    stage.webhook.wait_for(2).await;
    assert!(title(1).contains("JST"), "{}", title(1));

    let fails = "{% if events[0].message.label == 'boom' %}{{ 1 // 0 }}{% endif %}fine";
    with(&format!("template: {{title: \"{fails}\"}}"));
    assert_eq!(reload(&process).await.0, 200);
    watch_labeled(&stage, &process, "boom");
    stage.webhook.wait_for(3).await;
    assert!(title(2).starts_with("Undelivered"), "{}", title(2));
    let metrics = ask::metrics(&process).await;
    let counted = "smswatch_template_failures_total{rule=\"all\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    watch_labeled(&stage, &process, "well");
    stage.webhook.wait_for(4).await;
    assert_eq!(title(3), "fine");
}
