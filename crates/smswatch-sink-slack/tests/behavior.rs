//! The Slack sink keeps the promises of `Sink`, against a real HTTP server in Slack's place.

#[path = "behavior/answers.rs"]
mod answers;
#[path = "behavior/bot.rs"]
mod bot;
#[path = "behavior/configuration.rs"]
mod configuration;
#[path = "behavior/limits.rs"]
mod limits;
#[path = "behavior/threads.rs"]
mod threads;
#[path = "behavior/webhook.rs"]
mod webhook;

use serde_json::Value;
use smswatch_model::{Notification, Overrides};
use smswatch_plugin::sink::{ConfiguredSink as _, InvalidConfig, SinkContext};
use smswatch_sink_slack::SlackSink;
use smswatch_testkit::receiver::Request;
use smswatch_testkit::sample;

/// Makes a sink from what an operator would write.
fn configured(config: Value) -> Result<SlackSink, InvalidConfig> {
    let config = serde_json::from_value(config).expect("the configuration reads well");
    SlackSink::configure(config, &SinkContext::new("ops-slack"))
}

/// The sample with a rule's overrides.
fn wishing(overrides: Value) -> Notification {
    let Value::Object(overrides) = overrides else {
        panic!("overrides are an object");
    };
    let overrides: Overrides = overrides;
    Notification {
        overrides,
        ..sample::notification()
    }
}

/// What a person reads of a message: all its texts, with Slack's escapes undone.
fn readable(request: &Request) -> String {
    let text = request.strings().join("\n");
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}
