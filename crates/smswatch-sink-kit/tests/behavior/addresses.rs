//! Addresses that are not the public internet are refused unless they are allowed.

use smswatch_plugin::Proxy;
use smswatch_sink_kit::{HttpClient, Retry, Secret, SinkContext};
use smswatch_testkit::receiver::Receiver;

use crate::{deliver, made, to};

/// The reason for which nothing is sent to `host`.
async fn refusal(receiver: &Receiver, host: &str) -> String {
    let url = format!("http://{host}:{}/hook", receiver.address().port());
    // A literal address is refused when the configuration is read, a name when it is resolved.
    let http = match to(&url).allow_private(false).build() {
        Ok(http) => http,
        Err(error) => {
            assert_eq!(error.key(), Some("url"));
            return error.to_string();
        }
    };
    let error = deliver(&http).await.expect_err("it is refused");
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
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "100.64.0.1",
    ] {
        let reason = refusal(&receiver, host).await;
        assert!(reason.contains("allow_private"), "{host}: {reason}");
    }
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_to_the_own_house_is_refused_when_it_is_looked_up() {
    let receiver = Receiver::start().await;
    // The machine's own name is in no list, and leads to loopback or to a private address.
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("Linux has a name");
    let name = name.trim();
    let is_known = tokio::net::lookup_host((name, 0)).await.is_ok();
    let url = format!("http://{name}:{}/hook", receiver.address().port());
    let http = made(to(&url).allow_private(false));
    let error = deliver(&http)
        .await
        .expect_err("it is refused, or not known");
    let expected = if is_known { Retry::Never } else { Retry::Later };
    assert_eq!(error.retry(), expected, "{}", error.detail());
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn the_reason_names_the_option_where_there_is_one() {
    let receiver = Receiver::start().await;
    let told = refusal(&receiver, "[::ffff:127.0.0.1]").await;
    insta::assert_snapshot!(told, @"the receiver has a loopback address, which is reached only with `allow_private: true`");
    let told = HttpClient::to("url", &receiver.url("/"), &SinkContext::new("pager")).build();
    let told = told.expect_err("it is loopback").to_string();
    insta::assert_snapshot!(told, @"the receiver has a loopback address, and this sink connects to public ones only");
}

#[tokio::test]
async fn an_address_that_is_named_later_is_refused_like_the_receivers_own() {
    let receiver = Receiver::start().await;
    let http = made(to("http://192.0.43.8/").allow_private(false));
    let url = receiver.url("/").parse().expect("a URL");
    let sent = http
        .request(smswatch_sink_kit::Method::GET, url)
        .send()
        .await;
    assert_eq!(sent.expect_err("it is loopback").retry(), Retry::Never);
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn allowed_private_addresses_are_reached() {
    let receiver = Receiver::start().await;
    let url = format!("http://localhost:{}/hook", receiver.address().port());
    deliver(&made(to(&url))).await.expect("it is taken");
    assert_eq!(receiver.wait_for(1).await.len(), 1);
}

#[tokio::test]
async fn a_proxy_on_a_private_address_is_used_and_what_is_private_behind_it_is_refused() {
    let proxy = Receiver::start().await;
    let port = proxy.address().port();
    let through = |url: &str| {
        let proxy = Proxy::Url(Secret::new(format!("http://localhost:{port}")));
        let context = SinkContext::new("crm").with_proxy(proxy);
        HttpClient::to("url", url, &context).build()
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
    let http = through("http://crm.only-the-proxy-knows.example/hook");
    let http = http.expect("it may be public");
    deliver(&http).await.expect("the proxy answers");
    let requests = proxy.wait_for(1).await;
    assert_eq!(requests.len(), 1);
    let host = requests[0].header("host");
    assert_eq!(host, Some("crm.only-the-proxy-knows.example"));
}
