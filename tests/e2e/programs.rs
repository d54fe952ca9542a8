//! Programs that a sink starts: what they read, and what each way to end means for its delivery.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use routee_sim::Fate;
use serde_json::Value;

use crate::ask::{self, until};
use crate::process::Process;
use crate::stage::Stage;

/// Takes what it is told for people.
const TAKES: &str = r#"#!/bin/sh
set -eu
cat > "$DIRECTORY/text"
printf '%s\n' "$SMSWATCH_RULE $SMSWATCH_SEVERITY $SMSWATCH_SINK" > "$DIRECTORY/variables"
echo "paged the team"
echo "and more that nobody keeps"
"#;

/// Takes the document that webhooks get, at the second attempt.
const COMES_BACK: &str = r#"#!/usr/bin/env python3
import json, os, pathlib, sys

directory = pathlib.Path(os.environ["DIRECTORY"])
document = json.load(sys.stdin)
attempts = directory / "attempts"
with attempts.open("a") as file:
    file.write(os.environ["SMSWATCH_DELIVERY_ID"] + "\n")
if len(attempts.read_text().splitlines()) == 1:
    print("the pager is busy", file=sys.stderr)
    sys.exit(75)
(directory / "document").write_text(json.dumps(document))
print("took", document["data"]["rule"], "with", len(document["data"]["events"]))
"#;

const REFUSES: &str = "#!/bin/sh\necho 'no such team' >&2\nexit 65\n";

const IS_KILLED: &str = "#!/bin/sh\nkill -9 $$\n";

fn program(directory: &Path, name: &str, source: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, source).expect("a file");
    let permissions = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, permissions).expect("it can be run");
    path
}

fn config(stage: &Stage) -> PathBuf {
    let directory = stage.directory.path();
    let [takes, comes_back, refuses, is_killed] = [
        ("takes", TAKES),
        ("comes_back.py", COMES_BACK),
        ("refuses", REFUSES),
        ("is_killed", IS_KILLED),
    ]
    .map(|(name, source)| program(directory, name, source).display().to_string());
    let env = format!("env: {{DIRECTORY: \"{}\"}}", directory.display());
    let sinks = format!(
        r#"
  takes: {{type: exec, command: ["{takes}"], stdin: text, {env}}}
  comes-back: {{type: exec, command: ["{comes_back}"], {env}, retry: {{schedule: [100ms]}}}}
  refuses: {{type: exec, command: ["{refuses}"]}}
  is-killed: {{type: exec, command: ["{is_killed}"], retry: {{schedule: [1h]}}}}
"#
    );
    let rules = "
  - name: undelivered
    match: {status: Undelivered}
    severity: critical
    notify: [takes, comes-back, refuses, is-killed]
";
    stage.config_with_sinks(&stage.sqlite(), &sinks, rules)
}

/// Waits until the delivery to `sink` has been attempted so often, and returns its state and the words of the attempts.
async fn attempted(process: &Process, sink: &str, count: usize) -> (String, Vec<[String; 2]>) {
    let path = format!("/v1/deliveries?sink={sink}");
    let mut found = Value::Null;
    until(&format!("{sink} was attempted"), async || {
        let (_, page) = ask::json(process, &path).await;
        found = page["items"][0].clone();
        found["attempts"].as_array().map(Vec::len) == Some(count)
    })
    .await;
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let attempts = found["attempts"].as_array().expect("attempts").iter();
    let attempts = attempts.map(|one| [word(&one["result"]), word(&one["detail"])]);
    (word(&found["state"]), attempts.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_program_ends_decides_about_its_delivery() {
    let stage = Stage::new().await;
    let process = Process::start(&config(&stage));
    let id = stage.watch(&process, 1, Fate::Undelivered).remove(0);

    let pair = |result: &str, detail: &str| [result.to_owned(), detail.to_owned()];
    let (state, attempts) = attempted(&process, "takes", 1).await;
    assert_eq!(state, "delivered");
    assert_eq!(attempts, [pair("delivered", "paged the team")]);
    let (state, attempts) = attempted(&process, "comes-back", 2).await;
    assert_eq!(state, "delivered");
    assert_eq!(attempts[0][0], "retry");
    assert!(attempts[0][1].contains("the pager is busy"), "{attempts:?}");
    assert_eq!(attempts[1], pair("delivered", "took undelivered with 1"));
    let (state, attempts) = attempted(&process, "refuses", 1).await;
    assert_eq!((state.as_str(), attempts[0][0].as_str()), ("dead", "dead"));
    assert!(attempts[0][1].contains("no such team"), "{attempts:?}");
    let (state, attempts) = attempted(&process, "is-killed", 1).await;
    assert_eq!(
        (state.as_str(), attempts[0][0].as_str()),
        ("pending", "retry")
    );

    let read = |name: &str| {
        let file = std::fs::read_to_string(stage.directory.path().join(name));
        file.unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    assert_eq!(read("variables"), "undelivered critical takes\n");
    assert!(read("text").contains("Undelivered"), "{}", read("text"));
    let document: Value = serde_json::from_str(&read("document")).expect("JSON");
    assert_eq!(document["type"], "sms.status_changed");
    assert_eq!(
        document["data"]["events"][0]["message"]["message_id"],
        id.as_str()
    );
    let attempts = read("attempts");
    let ids: Vec<&str> = attempts.lines().collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "a repeated delivery keeps its id");
    assert_eq!(process.terminate(), Some(0));
}
