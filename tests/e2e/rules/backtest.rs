//! `smswatch rules backtest` counts what other rules would have told of what a running service remembers.

use std::path::Path;
use std::process::Command;

use routee_sim::Fate;

use super::shown;
use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, webhook};

const TODAY: &str = r#"
  - {name: undelivered, match: {status: Undelivered}, notify: [crm]}
  - {name: carrier-violation, match: {detailed_status: Carrier Violation}, severity: critical, notify: [pager]}
"#;

const OTHERS: &str = r#"
  - {name: undelivered, match: {status: Undelivered}, group: {by: [country], wait: 0s, interval: 5m}, notify: [crm]}
  - {name: delivered, match: {status: Delivered}, notify: [pager]}
  - name: failing
    event: rate
    count: {status: Undelivered}
    among: {final: true}
    over: 60s
    above: 20%
    at_least: 5
    notify: [pager]
  - name: digest
    match: {status: Undelivered}
    group: {wait: 1h}
    notify: [pager]
  - {name: slow, event: stuck, after: 2m, notify: [pager]}
  - {name: nothing, match: {label: no-such-label}, notify: [pager]}
"#;

/// The configuration of `stage` with these rules, in a file of this name.
fn configuration(stage: &Stage, name: &str, rules: &str) -> std::path::PathBuf {
    let watch = "watch: {schedule: [50ms], confirm_after: 0s}";
    let sinks = ["crm", "pager"].map(|name| webhook(name, &stage.webhook, ""));
    let rest = format!("{watch}\nsinks:\n{}\nrules:\n{rules}", sinks.concat());
    stage.write_as(name, &stage.sqlite(), &rest)
}

fn told(items: &serde_json::Value, rule: &str) -> (serde_json::Value, serde_json::Value) {
    let items = items.as_array().expect("a list");
    let item = items
        .iter()
        .find(|item| item["rule"] == rule)
        .unwrap_or_else(|| panic!("nothing of {rule}"));
    (
        item["today"]["notifications"].clone(),
        item["tried"]["notifications"].clone(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn other_rules_are_counted_on_what_is_remembered_beside_those_of_today() {
    let stage = Stage::new().await;
    let config = configuration(&stage, "smswatch.yaml", TODAY);
    let others = configuration(&stage, "others.yaml", OTHERS);
    let process = Process::start(&config);
    stage.watch(&process, 4, Fate::Undelivered);
    stage.watch(&process, 2, Fate::CarrierViolation);
    stage.watch(&process, 8, Fate::Delivered);
    until("all is final", async || {
        let (_, events) = ask::json(&process, "/v1/events?limit=1000").await;
        let events = events["items"].as_array().expect("events").clone();
        let is_final = |event: &&serde_json::Value| event["current"]["final"] == true;
        events.iter().filter(is_final).count() == 14
    })
    .await;
    let path = |path: &Path| path.to_str().expect("a path").to_owned();
    let (config, others) = (path(&config), path(&others));
    let arguments = [
        "rules", "backtest", "--since", "1h", "--config", &config, &others,
    ];
    let mut tried = serde_json::Value::Null;
    // A rate is judged when one of its buckets ends, here after a second.
    until("what has happened is enough for the rate", async || {
        tried = process.json(&arguments);
        let items = tried["items"].as_array().expect("a list");
        items.iter().any(|item| item["rule"] == "failing")
    })
    .await;
    let said = tried.to_string();
    assert_eq!(tried["messages"], 14, "{said}");
    let items = &tried["items"];
    // A violation has the status `Undelivered`, too.
    let (today, grouped) = told(items, "undelivered");
    assert_eq!(today, 6, "{said}");
    assert!(grouped.as_u64() < Some(6), "{said}");
    assert_eq!(told(items, "carrier-violation"), (2.into(), 0.into()));
    assert_eq!(told(items, "delivered"), (0.into(), 8.into()));
    assert_eq!(told(items, "failing"), (0.into(), 1.into()));
    // What waits in a group when the time is over is told.
    assert_eq!(told(items, "digest"), (0.into(), 1.into()));
    assert_eq!(tried["silent"], serde_json::json!(["slow", "nothing"]));
    let remarks = tried["remarks"].to_string();
    assert!(remarks.contains("`stuck` after 2m"), "{said}");

    // A person reads the same as a table.
    let output = process.ask(&arguments);
    let said = shown(&output);
    for line in [
        "RULE               SINK   TODAY  others.yaml  CHANGE",
        "carrier-violation  pager  2      0            -2",
        "delivered          pager  0      8            +8",
        "notified no one: slow, nothing",
        "busiest hour of pager: ",
        "note: the history has no events of `stuck` after 2m, because no rule asks for them yet",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_service_or_with_a_broken_file_the_reason_is_told() {
    let stage = Stage::new().await;
    let config = configuration(&stage, "smswatch.yaml", TODAY);
    let broken = configuration(&stage, "broken.yaml", "  - {name: x, notfy: [crm]}");
    let process = Process::start(&config);
    let output = process.ask(&["rules", "backtest", broken.to_str().expect("a path")]);
    assert_eq!(output.status.code(), Some(2), "{}", shown(&output));
    assert!(shown(&output).contains("did you mean `notify`?"));
    let output = Command::new(env!("CARGO_BIN_EXE_smswatch"))
        .args(["rules", "backtest", "--url", "http://127.0.0.1:9"])
        .arg(&config)
        .output()
        .expect("the command runs");
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
}

/// What the page of rules says of rules that somebody writes there.
async fn tried_on_the_page(process: &Process, rules: &str) -> String {
    let client = reqwest::Client::new();
    let page = client.get(format!("{}/rules", process.url));
    let page = page
        .header("accept", "text/html")
        .send()
        .await
        .expect("an answer");
    // A form counts from the browser that got it.
    let cookie = page.headers()["set-cookie"].to_str().expect("a text");
    let cookie = cookie.split(';').next().expect("a cookie").to_owned();
    let page = page.text().await.expect("a page");
    let key = page.split("name=\"form_key\" value=\"").nth(1);
    let key = key.and_then(|rest| rest.split('"').next());
    let form = [("form_key", key.expect("a form")), ("rules", rules)];
    let mut body = url::form_urlencoded::Serializer::new(String::new());
    let body = body.extend_pairs(form).finish();
    let post = client.post(format!("{}/rules/backtest", process.url));
    let post = post.header("content-type", "application/x-www-form-urlencoded");
    let post = post
        .header("accept", "text/html")
        .header("cookie", cookie)
        .body(body);
    let answer = post.send().await.expect("an answer");
    answer.text().await.expect("a page")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_silence_holds_back_is_counted_apart_by_the_command_and_on_the_page() {
    let stage = Stage::new().await;
    let config = configuration(&stage, "smswatch.yaml", TODAY);
    let others = "  - {name: all, match: {status: Undelivered}, notify: [crm]}";
    let file = configuration(&stage, "others.yaml", others);
    let process = Process::start(&config);
    stage.watch(&process, 2, Fate::Undelivered);
    stage.webhook.wait_for(2).await;
    // It holds back what comes after it was made, and nothing that was told before.
    let silence = ["silence", "add", "--match", "sink=crm", "--for", "1h"];
    process.json(&silence);
    stage.watch(&process, 3, Fate::Undelivered);
    until("all is final", async || {
        let (_, events) = ask::json(&process, "/v1/events?limit=1000").await;
        events["items"].as_array().expect("events").len() == 5
    })
    .await;
    let (config, file) = (config.display().to_string(), file.display().to_string());
    let arguments = [
        "rules", "backtest", "--since", "1h", "--config", &config, &file,
    ];
    let tried = process.json(&arguments);
    let items = tried["items"].as_array().expect("a list");
    let counted = |rule: &str, side: &str| {
        let item = items.iter().find(|item| item["rule"] == rule);
        let told = &item.expect("a row")[side];
        (told["notifications"].clone(), told["held_back"].clone())
    };
    assert_eq!(counted("undelivered", "today"), (2.into(), 3.into()));
    assert_eq!(counted("all", "tried"), (2.into(), 3.into()), "{tried}");
    let said = shown(&process.ask(&arguments));
    assert!(said.contains("2 (3 held back)"), "{said}");
    let page = tried_on_the_page(&process, others).await;
    let rows = page.matches("2 (3 held back)").count();
    assert_eq!(rows, 2, "today's rule and the other one: {page}");
    assert_eq!(process.terminate(), Some(0));
}
