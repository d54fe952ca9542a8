//! The recipe for Apprise in the guide works with the real Apprise, which `cargo xtask test` installs.

use std::path::Path;

use serde_json::json;
use smswatch_plugin::sink::{ConfiguredSink as _, Retry, Sink as _, SinkContext};
use smswatch_sink_exec::ExecSink;
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::sample;

/// The options of the recipe, from the guide.
fn recipe() -> serde_json::Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_to_string(root.join("docs/recipes.md")).expect("the guide");
    let (_, section) = guide.split_once("\n## Apprise\n").expect("the recipe");
    let (_, block) = section.split_once("```yaml\n").expect("an example");
    let (block, _) = block.split_once("```").expect("its end");
    let whole: serde_json::Value = serde_yaml::from_str(block).expect("YAML");
    whole["sinks"]["phone"].clone()
}

/// The sink of the recipe, with the Apprise that the tests have installed.
fn sink(urls: &str) -> ExecSink {
    let mut config = recipe();
    let options = config.as_object_mut().expect("options");
    assert_eq!(options.remove("type"), Some(json!("exec")));
    assert_eq!(options["command"][0], "apprise");
    assert_eq!(options["env"]["APPRISE_URLS"], "${APPRISE_URLS}");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../python-tools/bin/apprise");
    assert!(program.exists(), "`cargo xtask test` installs Apprise");
    options["command"][0] = json!(program);
    options["env"]["APPRISE_URLS"] = json!(urls);
    let config = serde_json::from_value(config).expect("the recipe reads well");
    ExecSink::configure(config, &SinkContext::new("phone")).expect("it is valid")
}

#[tokio::test]
async fn apprise_sends_what_it_is_given_and_says_when_it_cannot() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver.url("/hook").replace("http://", "json://"));
    let notification = sample::odd();
    let delivered = sink.deliver(&notification).await;
    delivered.unwrap_or_else(|error| panic!("{}", error.detail()));
    let sent = receiver.wait_for(1).await[0].json();
    let message = sent["message"].as_str().expect("a message");
    assert!(message.starts_with(&notification.title), "{message}");
    assert!(message.contains(&notification.text), "{message}");

    receiver.answer_always(Answer::status(503));
    let error = sink
        .deliver(&notification)
        .await
        .expect_err("nobody took it");
    assert_eq!(error.retry(), Retry::Later, "{}", error.detail());
}
