//! What is sent: headers, signatures and bodies.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use smswatch_plugin::sink::Sink as _;
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::sample;
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
async fn connections_are_used_again() {
    let receiver = Receiver::start().await;
    let sink = plain(&receiver);
    for n in 0..20 {
        if n == 10 {
            receiver.answer_always(Answer::status(200).body("taken"));
        }
        sink.deliver(&sample::numbered(n))
            .await
            .expect("it is accepted");
    }
    assert_eq!(receiver.wait_for(20).await.len(), 20);
    assert_eq!(receiver.connections(), 1);
}
