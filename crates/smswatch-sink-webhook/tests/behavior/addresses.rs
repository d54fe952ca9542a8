//! Addresses that are not the public internet are refused unless they are allowed.

use serde_json::json;
use smswatch_plugin::sink::{ConfiguredSink as _, Retry, Sink as _, SinkContext};
use smswatch_plugin::{Proxy, Secret};
use smswatch_sink_webhook::WebhookSink;
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

#[tokio::test]
async fn a_proxy_on_a_private_address_is_used_and_what_is_private_behind_it_is_refused() {
    smswatch_testkit::install_tls_provider();
    let proxy = Receiver::start().await;
    let port = proxy.address().port();
    let through = |url: &str| {
        let config = serde_json::from_value(json!({ "url": url })).expect("it reads well");
        let proxy = Proxy::Url(Secret::new(format!("http://localhost:{port}")));
        let context = SinkContext::new("crm").with_proxy(proxy);
        WebhookSink::configure(config, &context)
    };
    for url in [
        "http://10.0.0.1/hook",
        "http://localhost/hook",
        "http://169.254.169.254/",
        "http://[::1]/hook",
    ] {
        let refused = through(url).expect_err("it is private");
        assert_eq!(refused.key(), Some("url"), "{refused}");
    }
    through("http://crm.only-the-proxy-knows.example/hook")
        .expect("it may be public")
        .deliver(&sample::notification())
        .await
        .expect("the proxy answers");
    let requests = proxy.wait_for(1).await;
    assert_eq!(requests.len(), 1);
    let host = requests[0].header("host");
    assert_eq!(host, Some("crm.only-the-proxy-knows.example"));
}
