//! A destination that a rule chose and that fails holds back no other destination of its sink.

use std::path::PathBuf;

use routee_sim::Fate;
use serde_json::Value;
use smswatch_testkit::receiver::{Answer, Request};

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::{Stage, webhook};

fn config(stage: &Stage) -> PathBuf {
    let rest = format!(
        r##"
watch: {{schedule: [50ms], confirm_after: 0s}}
sinks:
  slack: {{type: slack, bot_token: xoxb-1-2-3, channel: "#good", api_url: "{slack}"}}
{ops}
rules:
  - name: private
    match: {{status: Undelivered}}
    severity: critical
    notify: [{{sink: slack, channel: "#private"}}]
    stop: true
  - {{name: good, severity: critical, notify: [slack]}}
  - {{name: down, event: sink_down, notify: [ops]}}
"##,
        slack = stage.slack.url("/api"),
        ops = webhook("ops", &stage.ops, ""),
    );
    stage.write(&stage.sqlite(), &rest)
}

/// A Slack that knows every channel but `#private`.
async fn staged() -> Stage {
    let stage = Stage::new().await;
    stage.slack.answer_always(posted());
    let unknown = json_answer(r#"{"ok": false, "error": "channel_not_found"}"#);
    stage.slack.answer_to("#private", unknown);
    stage
}

/// How many posts there were to this channel.
fn posts(stage: &Stage, to: &str) -> usize {
    let requests = stage.slack.requests();
    requests
        .iter()
        .filter(|request| channel(request) == to)
        .count()
}

fn posted() -> Answer {
    json_answer(r#"{"ok": true, "channel": "C1", "ts": "1.2"}"#)
}

fn json_answer(body: &'static str) -> Answer {
    Answer::status(200)
        .header("content-type", "application/json")
        .body(body)
}

fn channel(request: &Request) -> String {
    let json: Value = request.json();
    json["channel"].as_str().unwrap_or_default().to_owned()
}

async fn parts(process: &Process) -> Value {
    let (_, ready) = ask::json(process, "/readyz").await;
    ready["parts"].clone()
}

/// Every option has its default: a channel that is probed every 30 seconds would hold back the others
/// for minutes.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_one_rule_chose_and_that_fails_holds_back_no_other() {
    let stage = staged().await;
    let process = Process::start(&config(&stage));
    stage.watch(&process, 18, Fate::Undelivered);
    let down = stage.ops.wait_for(1).await[0].json();
    let about = &down["data"]["events"][0]["about"];
    assert_eq!(about["name"], "slack");
    assert_eq!(about["destination"], "channel #private");
    let text = down["data"]["text"].as_str().expect("a text");
    assert!(text.contains("channel_not_found"), "{text}");

    let tried = posts(&stage, "#private");
    assert!(
        tried < 18,
        "it was tried {tried} times before it was left in peace"
    );
    stage.watch(&process, 3, Fate::Delivered);
    until("the others arrive", async || posts(&stage, "#good") == 3).await;
    assert!(
        posts(&stage, "#private") < 18,
        "the others waited until the bad ones had their turn"
    );
    let parts = parts(&process).await;
    assert_eq!(parts["sink:slack"]["ok"], true, "{parts}");
    let troubles = parts.to_string();
    assert!(
        troubles.contains("channel #private: down since"),
        "{troubles}"
    );
    let status = process.json(&["status"]);
    let queues = status["queues"].as_array().expect("queues");
    let waiting = queues.iter().find(|queue| queue["sink"] == "slack");
    assert_eq!(waiting.expect("it has one")["pending"], 18, "none is lost");

    // Somebody invites the bot.
    stage.slack.answer_to("#private", posted());
    process.json(&["sink", "resume", "slack"]);
    until("those that waited arrive", async || {
        let status = process.json(&["status"]);
        let queues = status["queues"].as_array().expect("queues").clone();
        queues.iter().all(|queue| queue["pending"] == 0)
    })
    .await;
    assert_eq!(process.json(&["dead", "list"]), serde_json::json!([]));
    assert_eq!(process.terminate(), Some(0));
}

/// Attempts on a channel that does not answer run for half a minute before they fail.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_hangs_leaves_attempts_to_the_others() {
    let stage = Stage::new().await;
    stage.slack.answer_to("#private", Answer::hang());
    let process = Process::start(&config(&stage));
    stage.watch(&process, 18, Fate::Undelivered);
    until("some hang", async || posts(&stage, "#private") > 0).await;
    stage.watch(&process, 3, Fate::Delivered);
    until("the others arrive", async || posts(&stage, "#good") == 3).await;
    let hanging = posts(&stage, "#private");
    assert!(hanging <= 4, "{hanging} of 8 attempts hang");
}

/// What waits for a destination in trouble goes to the sink's fallback; the sink itself is well, and keeps
/// the rest.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_channel_in_trouble_goes_to_the_fallback_of_its_sink_and_nothing_else() {
    let stage = staged().await;
    let config = config(&stage);
    let text = std::fs::read_to_string(&config).expect("a file");
    let with_fallback = text.replace(
        "channel: \"#good\",",
        "channel: \"#good\", fallback: ops, fallback_after: 1s,",
    );
    assert_ne!(with_fallback, text);
    std::fs::write(&config, with_fallback).expect("a file");
    let process = Process::start(&config);
    stage.watch(&process, 8, Fate::Undelivered);
    stage.watch(&process, 3, Fate::Delivered);
    let told = |rule: &str| {
        let requests = stage.ops.requests();
        let of_rule = requests
            .iter()
            .filter(|request| request.json()["data"]["rule"] == rule);
        of_rule.count()
    };
    until("the fallback has them", async || told("private") == 8).await;
    until("the others arrive", async || posts(&stage, "#good") == 3).await;
    assert_eq!(told("good"), 0);
    let parts = parts(&process).await;
    assert_eq!(parts["sink:slack"]["ok"], true, "{parts}");
    assert_eq!(process.json(&["dead", "list"]), serde_json::json!([]));
    assert_eq!(process.terminate(), Some(0));
}
