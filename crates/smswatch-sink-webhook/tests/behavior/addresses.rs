//! Addresses that are not the public internet are refused unless they are allowed.

use serde_json::json;
use smswatch_core::sink::{Retry, Sink as _};
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::sample;

use crate::configured;

/// The reason for which nothing is sent to `host`.
async fn refusal(receiver: &Receiver, host: &str) -> String {
    let url = format!("http://{host}:{}/hook", receiver.address().port());
    // A literal address is refused when the configuration is read, a name when it is resolved.
    let sink = match configured(json!({ "url": url })) {
        Ok(sink) => sink,
        Err(error) => {
            assert_eq!(error.key(), Some("url"));
            return error.to_string();
        }
    };
    let error = sink
        .deliver(&sample::notification())
        .await
        .expect_err("it is refused");
    assert_eq!(error.retry(), Retry::Never, "{}", error.detail());
    error.detail()
}

#[tokio::test]
async fn names_and_addresses_of_the_own_house_are_refused() {
    let receiver = Receiver::start().await;
    for host in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fd00:ec2::254]",
    ] {
        let reason = refusal(&receiver, host).await;
        assert!(reason.contains("allow_private"), "{host}: {reason}");
    }
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn the_reason_is_told() {
    let receiver = Receiver::start().await;
    insta::assert_snapshot!(refusal(&receiver, "localhost").await, @"the receiver has a loopback address, which webhooks reach only with `allow_private: true`");
}

#[tokio::test]
async fn allowed_private_addresses_are_reached() {
    let receiver = Receiver::start().await;
    let url = format!("http://localhost:{}/hook", receiver.address().port());
    let sink = configured(json!({"url": url, "allow_private": true})).expect("it is valid");
    sink.deliver(&sample::notification())
        .await
        .expect("it is accepted");
    assert_eq!(receiver.wait_for(1).await.len(), 1);
}
