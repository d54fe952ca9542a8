//! A destination that a rule chose and that fails holds back no other destination of its sink.

use std::path::PathBuf;

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use serde_json::Value;
use smswatch_testkit::receiver::{Answer, Receiver, Request};

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::sqlite_in;

struct Stage {
    sim: Sim,
    slack: Receiver,
    ops: Receiver,
    directory: tempfile::TempDir,
}

impl Stage {
    /// A Slack that knows every channel but `#private`.
    async fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        let stage = Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            slack: Receiver::start().await,
            ops: Receiver::start().await,
            directory: tempfile::tempdir().expect("a directory"),
        };
        stage.slack.answer_always(posted());
        let unknown = json_answer(r#"{"ok": false, "error": "channel_not_found"}"#);
        stage.slack.answer_to("#private", unknown);
        stage
    }

    fn config(&self) -> PathBuf {
        let path = self.directory.path().join("smswatch.yaml");
        let text = format!(
            r##"
routee: {{application_id: sim-app, application_secret: sim-secret, api_url: "{sim}", auth_url: "{sim}"}}
store: {{url: "{store}"}}
watch: {{schedule: [50ms], confirm_after: 0s}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  slack: {{type: slack, bot_token: xoxb-1-2-3, channel: "#good", api_url: "{slack}"}}
  ops: {{type: webhook, url: "{ops}", allow_private: true}}
rules:
  - name: private
    match: {{status: Undelivered}}
    severity: critical
    notify: [{{sink: slack, channel: "#private"}}]
    stop: true
  - {{name: good, severity: critical, notify: [slack]}}
  - {{name: down, event: sink_down, notify: [ops]}}
"##,
            sim = self.sim.url(),
            store = sqlite_in(self.directory.path()),
            slack = self.slack.url("/api"),
            ops = self.ops.url("/hook"),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Has `n` messages watched that met their fate a minute ago.
    fn watch(&self, process: &Process, n: usize, fate: Fate) {
        for _ in 0..n {
            let spec = MessageSpec {
                fate: Some(fate),
                accepted_ms_ago: 60_000,
                ..MessageSpec::default()
            };
            let id = self.sim.register(spec).expect("a message");
            assert_eq!(process.json(&["watch", &id])["accepted"], 1);
        }
    }

    /// How many posts there were to this channel.
    fn posts(&self, to: &str) -> usize {
        let requests = self.slack.requests();
        requests
            .iter()
            .filter(|request| channel(request) == to)
            .count()
    }
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
    let stage = Stage::new().await;
    let process = Process::start(&stage.config());
    stage.watch(&process, 18, Fate::Undelivered);
    let down = stage.ops.wait_for(1).await[0].json();
    let about = &down["data"]["events"][0]["about"];
    assert_eq!(about["name"], "slack");
    assert_eq!(about["destination"], "channel #private");
    let text = down["data"]["text"].as_str().expect("a text");
    assert!(text.contains("channel_not_found"), "{text}");

    let tried = stage.posts("#private");
    assert!(
        tried < 18,
        "it was tried {tried} times before it was left in peace"
    );
    stage.watch(&process, 3, Fate::Delivered);
    until("the others arrive", async || stage.posts("#good") == 3).await;
    assert!(
        stage.posts("#private") < 18,
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
    let process = Process::start(&stage.config());
    stage.watch(&process, 18, Fate::Undelivered);
    until("some hang", async || stage.posts("#private") > 0).await;
    stage.watch(&process, 3, Fate::Delivered);
    until("the others arrive", async || stage.posts("#good") == 3).await;
    let hanging = stage.posts("#private");
    assert!(hanging <= 4, "{hanging} of 8 attempts hang");
}

/// What waits for a destination in trouble goes to the sink's fallback; the sink itself is well, and keeps
/// the rest.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_channel_in_trouble_goes_to_the_fallback_of_its_sink_and_nothing_else() {
    let stage = Stage::new().await;
    let config = stage.config();
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
    until("the others arrive", async || stage.posts("#good") == 3).await;
    assert_eq!(told("good"), 0);
    let parts = parts(&process).await;
    assert_eq!(parts["sink:slack"]["ok"], true, "{parts}");
    assert_eq!(process.json(&["dead", "list"]), serde_json::json!([]));
    assert_eq!(process.terminate(), Some(0));
}
