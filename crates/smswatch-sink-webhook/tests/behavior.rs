//! The webhook sink keeps the promises of `Sink`, against real receivers.

#[path = "behavior/addresses.rs"]
mod addresses;
#[path = "behavior/answers.rs"]
mod answers;
#[path = "behavior/configuration.rs"]
mod configuration;
#[path = "behavior/requests.rs"]
mod requests;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use smswatch_plugin::sink::{ConfiguredSink as _, InvalidConfig, Probe, Sink, SinkContext};
use smswatch_sink_webhook::WebhookSink;
use smswatch_testkit::receiver::{Answer, Receiver, RefusedPort, Request};
use smswatch_testkit::sink_suite::{Fixture, Mood};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "a-token-of-the-receiver";
const PASSWORD: &str = "a-password-in-the-url";
const QUERY: &str = "a-key-in-the-query";

/// Makes a sink from what an operator would write.
fn configured(config: Value) -> Result<WebhookSink, InvalidConfig> {
    smswatch_testkit::install_tls_provider();
    let config = serde_json::from_value(config).expect("the configuration reads well");
    WebhookSink::configure(config, &SinkContext::new("crm"))
}

/// A sink for `receiver` with nothing but its URL.
fn plain(receiver: &Receiver) -> WebhookSink {
    configured(json!({"url": receiver.url("/hook"), "allow_private": true})).expect("it is valid")
}

struct LocalReceiver(Receiver);

impl LocalReceiver {
    fn sink_at(port: u16) -> Arc<dyn Sink> {
        let sink = configured(json!({
            "url": format!("http://user:{PASSWORD}@127.0.0.1:{port}/hook?key={QUERY}"),
            "secret": KEY,
            "headers": {"x-token": format!("Token {TOKEN}")},
            "allow_private": true,
        }));
        Arc::new(sink.expect("it is valid"))
    }
}

#[async_trait]
impl Fixture for LocalReceiver {
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
        // A careless receiver repeats what it was sent.
        let echo = format!("no {QUERY} {PASSWORD} {TOKEN} {KEY}");
        self.0.answer_always(match mood {
            Mood::Accepts => Answer::status(200).body(echo),
            Mood::Fails => Answer::status(500).body(echo),
            Mood::Refuses => Answer::status(422).body(echo),
            Mood::Hangs => Answer::hang(),
            Mood::Rambles => Answer::status(200).endless_body(),
        });
    }

    async fn spoken_to(&self) {
        // The suite delivers one notification before it lets the receiver hang.
        self.0.wait_for(2).await;
    }

    async fn arrived(&self, n: usize) -> Vec<String> {
        let posts = self.0.wait_for_some(n, |request| request.method == "POST");
        posts.await.iter().map(readable).collect()
    }

    fn secrets(&self) -> Vec<String> {
        [PASSWORD, QUERY, TOKEN, KEY].map(str::to_owned).into()
    }
}

/// What a receiver's program sees.
fn readable(request: &Request) -> String {
    let id = request.header("webhook-id").expect("an id");
    let body = request.json();
    let data = &body["data"];
    let mut text = format!(
        "{id}\n{}\n{}\n",
        string(&data["title"]),
        string(&data["text"])
    );
    for event in data["events"].as_array().expect("events") {
        if let Some(message_id) = event["message"]["message_id"].as_str() {
            text.push_str(message_id);
            text.push('\n');
        }
    }
    text
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a string")
}

smswatch_testkit::sink_suite!(LocalReceiver);

#[tokio::test]
async fn a_probe_reaches_the_server_and_touches_no_hook() {
    let receiver = Receiver::start().await;
    let sink = LocalReceiver::sink_at(receiver.address().port());
    let Ok(Probe::Answered(said)) = sink.probe().await else {
        panic!("the receiver is there");
    };
    assert!(said.contains("127.0.0.1"), "{said}");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("HEAD", "/")
    );
    let sent = format!("{:?}", request.headers);
    for secret in [TOKEN, PASSWORD, QUERY, "authorization"] {
        assert!(!sent.contains(secret), "{sent}");
    }
    let port = RefusedPort::take();
    let error = LocalReceiver::sink_at(port.address().port()).probe().await;
    assert!(error.is_err(), "nobody is there");
}
