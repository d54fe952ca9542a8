//! What is sent: headers, signatures and bodies.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use smswatch_plugin::sink::{ConfiguredSink as _, Sink as _, SinkContext};
use smswatch_sink_webhook::WebhookSink;
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::{FakeClock, sample};
use standardwebhooks::Webhook;

use crate::{KEY, configured, plain};

const OLD_KEY: &str = "whsec_b2xkIGtleSBvZiB0aGUgcmVjZWl2ZXI=";

#[tokio::test]
async fn the_request_is_what_the_documentation_shows() {
    let receiver = Receiver::start().await;
    let notification = sample::notification();
    let sink = plain(&receiver);
    sink.deliver(&notification).await.expect("it is accepted");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!((&*request.method, &*request.path), ("POST", "/hook"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let user_agent = format!("smswatch/{}", smswatch_plugin::VERSION);
    assert_eq!(request.header("user-agent"), Some(&*user_agent));
    assert_eq!(
        request.header("webhook-id"),
        Some(notification.delivery_id.as_str())
    );
    assert_eq!(request.header("webhook-signature"), None);
    let timestamp: u64 = request
        .header("webhook-timestamp")
        .and_then(|text| text.parse().ok())
        .expect("seconds");
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    assert!(timestamp <= now.expect("after 1970").as_secs());
    let payload = serde_json::to_value(notification.payload()).expect("JSON");
    assert_eq!(request.json(), payload);
}

#[tokio::test]
async fn the_published_library_verifies_every_signature_of_a_rotation() {
    let receiver = Receiver::start().await;
    let sink = configured(json!({
        "url": receiver.url("/"), "secrets": [KEY, OLD_KEY], "allow_private": true,
    }));
    let sink = sink.expect("it is valid");
    sink.deliver(&sample::odd()).await.expect("it is accepted");
    let request = &receiver.wait_for(1).await[0];
    for key in [KEY, OLD_KEY] {
        let webhook = Webhook::new(key).expect("the library takes the key");
        webhook
            .verify(&request.body, &request.headers)
            .expect("the library accepts the signature");
    }
    let other = Webhook::new("whsec_b3RoZXI=").expect("a key");
    other
        .verify(&request.body, &request.headers)
        .expect_err("another key has not signed");
}

#[tokio::test]
async fn cloud_events_are_signed_too() {
    let receiver = Receiver::start().await;
    let sink = configured(json!({
        "url": receiver.url("/"), "secret": KEY, "format": "cloudevents", "allow_private": true,
    }));
    let notification = sample::notification();
    let sink = sink.expect("it is valid");
    sink.deliver(&notification).await.expect("it is accepted");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(
        request.header("content-type"),
        Some("application/cloudevents+json")
    );
    assert_eq!(request.json()["id"], notification.delivery_id.as_str());
    let webhook = Webhook::new(KEY).expect("a key");
    webhook
        .verify(&request.body, &request.headers)
        .expect("the library accepts the signature");
}

#[tokio::test]
async fn headers_and_the_login_in_the_url_are_sent() {
    let receiver = Receiver::start().await;
    let url = format!("http://us%40er:pass@{}/hook", receiver.address());
    let sink = configured(json!({
        "url": url, "headers": {"X-Tenant": "blue"}, "allow_private": true,
    }));
    let sink = sink.expect("it is valid");
    sink.deliver(&sample::notification())
        .await
        .expect("it is accepted");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(request.header("x-tenant"), Some("blue"));
    // Base64 of `us@er:pass`.
    assert_eq!(
        request.header("authorization"),
        Some("Basic dXNAZXI6cGFzcw==")
    );
}

#[tokio::test]
async fn the_time_is_that_of_the_clock_in_the_context() {
    let receiver = Receiver::start().await;
    let clock = FakeClock::at(1_777_636_800);
    let config = json!({"url": receiver.url("/"), "secret": KEY, "allow_private": true});
    let config = serde_json::from_value(config).expect("it reads well");
    let context = SinkContext::new("crm").with_clock(clock.clock());
    let sink = WebhookSink::configure(config, &context).expect("it is valid");
    for seconds in [0, 90] {
        clock.advance(Duration::from_secs(seconds));
        sink.deliver(&sample::notification())
            .await
            .expect("it is accepted");
    }
    let requests = receiver.wait_for(2).await;
    let times = requests
        .iter()
        .map(|request| request.header("webhook-timestamp"));
    let times: Vec<_> = times.collect();
    assert_eq!(times, [Some("1777636800"), Some("1777636890")]);
}
