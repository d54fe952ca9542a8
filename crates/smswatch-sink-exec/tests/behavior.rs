//! The exec sink keeps the promises of `Sink`, with real programs.

#[path = "behavior/configuration.rs"]
mod configuration;
#[path = "behavior/conversation.rs"]
mod conversation;
#[path = "behavior/processes.rs"]
mod processes;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use smswatch_plugin::sink::{ConfiguredSink as _, InvalidConfig, Probe, Sink, SinkContext};
use smswatch_sink_exec::ExecSink;
use smswatch_testkit::receiver::{Answer, Receiver, Request};
use smswatch_testkit::sink_suite::{Fixture, Mood, careless};

const TOKEN: &str = "tk_7f3Q9xLm2Vb8RzWn";

/// A notifier as many teams have one: it posts what it reads, and says in its exit status what came of it.
const NOTIFIER: &str = r#"
import http.client, os, sys
pager = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
headers = {"x-delivery-id": os.environ["SMSWATCH_DELIVERY_ID"], "x-token": os.environ["PAGER_TOKEN"]}
pager.request("POST", "/", sys.stdin.buffer.read(), headers)
answer = pager.getresponse()
words = answer.read(10_000_000) + b"\n"
sys.stdout.buffer.write(words)
sys.stderr.buffer.write(words)
sys.exit({200: 0, 422: 65}.get(answer.status, 75))
"#;

/// Makes a sink from what an operator would write.
fn configured(config: Value) -> Result<ExecSink, InvalidConfig> {
    let config = serde_json::from_value(config).expect("the configuration reads well");
    ExecSink::configure(config, &SinkContext::new("pager"))
}

/// A sink that has a shell run `script`, with further arguments in `$1` and on.
fn shell(script: &str, arguments: &[&str]) -> ExecSink {
    let mut command = vec!["sh", "-c", script, "a-script"];
    command.extend(arguments);
    configured(json!({"command": command})).expect("it is valid")
}

struct LocalNotifier(Receiver);

impl LocalNotifier {
    fn sink_at(port: u16) -> Arc<dyn Sink> {
        let sink = configured(json!({
            "command": ["python3", "-c", NOTIFIER, port.to_string()],
            "env": {"PAGER_TOKEN": TOKEN},
        }));
        Arc::new(sink.expect("it is valid"))
    }
}

#[async_trait]
impl Fixture for LocalNotifier {
    async fn start() -> Self {
        Self(Receiver::start().await)
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Self::sink_at(self.0.address().port())
    }

    fn unreachable_sink(&self, port: u16) -> Arc<dyn Sink> {
        Self::sink_at(port)
    }

    async fn turn(&self, mood: Mood) {
        // A careless receiver repeats what it was sent, and a careless notifier prints it.
        let echo = careless(&self.secrets());
        self.0.answer_always(match mood {
            Mood::Accepts => Answer::status(200).body(echo),
            Mood::Fails => Answer::status(500).body(echo),
            Mood::Refuses => Answer::status(422).body(echo),
            Mood::Hangs => Answer::hang(),
            Mood::Rambles => Answer::status(200).endless_body(),
        });
    }

    async fn arrived(&self, n: usize) -> Vec<String> {
        let posts = self.0.wait_for(n).await;
        posts.iter().map(readable).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}

/// What a program reads.
fn readable(request: &Request) -> String {
    let id = request.header("x-delivery-id").expect("an id");
    let data = &request.json()["data"];
    let string = |value: &Value| value.as_str().expect("a string").to_owned();
    let events = data["events"].as_array().expect("events").iter();
    let ids = events.filter_map(|event| event["message"]["message_id"].as_str());
    let mut lines = vec![id.to_owned(), string(&data["title"]), string(&data["text"])];
    lines.extend(ids.map(str::to_owned));
    lines.join("\n")
}

smswatch_testkit::sink_suite!(LocalNotifier);

#[tokio::test]
async fn a_probe_looks_for_the_program_and_does_not_start_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("started");
    let sink = shell("touch \"$1\"", &[&file.to_string_lossy()]);
    let Ok(Probe::Answered(said)) = sink.probe().await else {
        panic!("the program is there");
    };
    assert!(said.ends_with("/sh can be started"), "{said}");
    assert!(!file.exists());
}
