//! The webhook sink keeps the promises of `Sink`, against real receivers.

#[path = "behavior/certificates.rs"]
mod certificates;
#[path = "behavior/configuration.rs"]
mod configuration;
#[path = "behavior/requests.rs"]
mod requests;
#[path = "behavior/shaped.rs"]
mod shaped;

use serde_json::{Value, json};
use smswatch_plugin::sink::{ConfiguredSink as _, InvalidConfig, Probe, SinkContext};
use smswatch_sink_webhook::WebhookSink;
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::sink_suite::{HttpSink, OverHttp};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "tk_7f3Q9xLm2Vb8RzWn";
const PASSWORD: &str = "pw_4hT0sKd8YqJc1GxE";
const QUERY: &str = "k_9aB2vNe6UwPz5MrF";

/// Makes a sink from what an operator would write.
fn configured(config: Value) -> Result<WebhookSink, InvalidConfig> {
    let config = serde_json::from_value(config).expect("the configuration reads well");
    WebhookSink::configure(config, &SinkContext::new("crm"))
}

/// A sink for `receiver` with nothing but its URL.
fn plain(receiver: &Receiver) -> WebhookSink {
    configured(json!({"url": receiver.url("/hook"), "allow_private": true})).expect("it is valid")
}

struct Crm;

impl HttpSink for Crm {
    type Sink = WebhookSink;

    fn config(url: &str) -> Value {
        let address = url.trim_start_matches("http://");
        json!({
            "url": format!("http://user:{PASSWORD}@{address}/hook?key={QUERY}"),
            "secret": KEY,
            "headers": {"x-token": format!("Token {TOKEN}")},
            "allow_private": true,
        })
    }

    fn secrets() -> Vec<String> {
        [PASSWORD, QUERY, TOKEN, KEY].map(str::to_owned).into()
    }
}

smswatch_testkit::http_sink_suite!(OverHttp<Crm>);

#[tokio::test]
async fn a_probe_reaches_the_server_and_touches_no_hook() {
    let receiver = Receiver::start().await;
    let sink = OverHttp::<Crm>::sink_at(&receiver.url(""));
    let Ok(Probe::Answered(said)) = sink.probe().await else {
        panic!("the receiver is there");
    };
    assert!(said.contains("127.0.0.1"), "{said}");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!((&*request.method, &*request.path), ("HEAD", "/"));
    let sent = format!("{:?}", request.headers);
    for secret in [TOKEN, PASSWORD, QUERY, "authorization"] {
        assert!(!sent.contains(secret), "{sent}");
    }
}
