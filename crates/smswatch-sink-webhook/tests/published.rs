//! What webhooks send is read by the libraries that others have published for it, which `cargo xtask test` installs.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use smswatch_plugin::sink::{ConfiguredSink as _, Sink as _, SinkContext};
use smswatch_sink_webhook::WebhookSink;
use smswatch_testkit::receiver::{Receiver, Request};
use smswatch_testkit::sample;

/// Verifies a request with each of several keys, and finds that another key does not fit.
const STANDARD_WEBHOOKS: &str = r#"
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
request = json.load(sys.stdin)
body = request["body"].encode()
for key in request["keys"]:
    read = Webhook(key).verify(body, request["headers"])
for body, key in [(body + b" ", request["keys"][0]), (body, "whsec_b3RoZXIga2V5")]:
    try:
        Webhook(key).verify(body, request["headers"])
        sys.exit("a signature fits what it was not made for")
    except WebhookVerificationError:
        pass
print(json.dumps(read["data"]["title"]))
"#;

/// Reads a request as a CloudEvent.
const CLOUD_EVENTS: &str = r#"
import json, sys
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
request = json.load(sys.stdin)
message = HTTPMessage(headers=request["headers"], body=request["body"].encode())
event = from_http_event(message)
print(json.dumps({
    "specversion": event.get_specversion(), "id": event.get_id(), "source": event.get_source(),
    "type": event.get_type(), "time": event.get_time().isoformat(), "title": event.get_data()["title"],
}))
"#;

/// Has Python run a script on what it reads, with the libraries that the tests have installed.
fn python(script: &str, input: &Value) -> Value {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../python-tools/bin/python");
    assert!(python.exists(), "`cargo xtask test` installs the libraries");
    let mut child = Command::new(python)
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin
        .write_all(input.to_string().as_bytes())
        .expect("it is read");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"))
}

/// What a sink with these options sends.
async fn sent(options: Value) -> Request {
    smswatch_testkit::install_tls_provider();
    let receiver = Receiver::start().await;
    let mut config = json!({"url": receiver.url("/hook"), "allow_private": true});
    let own = config.as_object_mut().expect("an object");
    own.extend(options.as_object().cloned().expect("an object"));
    let config = serde_json::from_value(config).expect("the options read well");
    let sink = WebhookSink::configure(config, &SinkContext::new("crm")).expect("it is valid");
    let delivered = sink.deliver(&sample::odd()).await;
    delivered.unwrap_or_else(|error| panic!("{}", error.detail()));
    receiver.wait_for(1).await.remove(0)
}

/// A request as the scripts read it.
fn as_json(request: &Request) -> Value {
    let headers = request.headers.keys().map(|name| {
        let value = request.header(name.as_str()).expect("text");
        (name.as_str().to_owned(), json!(value))
    });
    json!({"headers": headers.collect::<serde_json::Map<_, _>>(), "body": request.text()})
}

#[tokio::test]
async fn the_published_library_verifies_the_signatures_of_two_rotated_keys() {
    let keys = [
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_bmV3IGtleSBvZiB0aGlydHktdHdvIGJ5dGVz",
    ];
    let request = sent(json!({"secrets": keys})).await;
    let mut input = as_json(&request);
    input["keys"] = json!(keys);
    assert_eq!(python(STANDARD_WEBHOOKS, &input), json!(sample::ODD_TEXT));
}

#[tokio::test]
async fn the_published_sdk_reads_the_cloud_event() {
    let request = sent(json!({"format": "cloudevents"})).await;
    let read = python(CLOUD_EVENTS, &as_json(&request));
    assert_eq!(
        read,
        json!({
            "specversion": "1.0",
            "id": "dlv_00000000000000000000000000000001",
            "source": "smswatch",
            "type": "sms.status_changed",
            "time": "2026-05-01T10:28:50.120000+00:00",
            "title": sample::ODD_TEXT,
        })
    );
}
