//! What an operator reads when no mail can be sent: the relay, the reason, and what to do.

use futures::future::join_all;
use serde_json::json;
use smswatch_plugin::sink::{ConfiguredSink as _, Retry, Sink as _, SinkContext};
use smswatch_sink_email::EmailSink;
use smswatch_testkit::sample;
use std::time::Duration;

use crate::script::{Script, ScriptedRelay};

/// What is told of a mail through `relay` with the URL `smtp`, in which `PORT` stands for its port.
async fn told(relay: &ScriptedRelay, smtp: &str) -> String {
    let smtp = smtp.replace("PORT", &relay.port.to_string());
    let config = json!({"smtp": smtp, "from": "a@example.com", "to": ["b@example.com"]});
    let config = serde_json::from_value(config).expect("it reads well");
    let timeout = Duration::from_secs(if relay.is_silent() { 10 } else { 45 });
    let context = SinkContext::new("mail").with_timeout(timeout);
    let sink = EmailSink::configure(config, &context).expect("it is valid");
    let error = sink.deliver(&sample::notification()).await;
    let error = error.expect_err("no mail can be sent");
    assert_eq!(error.retry(), Retry::Later, "{}", error.detail());
    error.detail().replace(&relay.port.to_string(), "PORT")
}

#[tokio::test]
async fn each_trouble_is_told_with_the_relay_and_what_to_do() {
    smswatch_testkit::install_tls_provider();
    let plain = ScriptedRelay::start(Vec::new()).await;
    let mute = ScriptedRelay::start(vec![("connect", "silence")]).await;
    let mute_at_ehlo = ScriptedRelay::start(vec![("EHLO", "silence")]).await;
    let mute_at_sender = ScriptedRelay::start(vec![("MAIL", "silence")]).await;
    let mute_at_data = ScriptedRelay::start(vec![("DATA", "silence")]).await;
    let mute_at_end = ScriptedRelay::start(vec![(".", "silence")]).await;
    let no_ehlo = ScriptedRelay::start(vec![("EHLO", "550 go away")]).await;
    let mute_later = ScriptedRelay::start(vec![("RCPT", "silence")]).await;
    let behind: Script = vec![("EHLO", "250-relay.test\r\n250 STARTTLS")];
    let behind = ScriptedRelay::start(behind).await;
    let http = ScriptedRelay::start(vec![("connect", "HTTP/1.1 400 Bad Request")]).await;
    let helo: Script = vec![(
        "RCPT",
        "504 5.5.2 <box>: Helo command rejected: need fully-qualified hostname",
    )];
    let helo = ScriptedRelay::start(helo).await;
    let denied = ScriptedRelay::start(vec![("RCPT", "554 5.7.1 Relay access denied")]).await;
    let must: Script = vec![("MAIL", "530 5.7.0 Must issue a STARTTLS command first")];
    let must = ScriptedRelay::start(must).await;
    let all = [
        (&behind, "smtp://bob:secret@127.0.0.1:PORT"),
        (&plain, "smtp://bob:secret@127.0.0.1:PORT"),
        (&plain, "smtp://127.0.0.1:PORT?tls=required"),
        (&plain, "smtps://127.0.0.1:PORT"),
        (&behind, "smtp://127.0.0.1:PORT?tls=required"),
        (&mute, "smtp://127.0.0.1:PORT"),
        (&mute, "smtps://127.0.0.1:PORT"),
        (&mute_at_ehlo, "smtp://127.0.0.1:PORT"),
        (&mute_at_sender, "smtp://127.0.0.1:PORT"),
        (&mute_later, "smtp://127.0.0.1:PORT"),
        (&mute_at_data, "smtp://127.0.0.1:PORT"),
        (&mute_at_end, "smtp://127.0.0.1:PORT"),
        (&no_ehlo, "smtp://127.0.0.1:PORT"),
        (&http, "smtp://127.0.0.1:PORT"),
        (&helo, "smtp://127.0.0.1:PORT"),
        (&denied, "smtp://127.0.0.1:PORT"),
        (&must, "smtp://127.0.0.1:PORT"),
        (&plain, "smtp://127.0.0.1:9"),
        (&plain, "smtp://nowhere.invalid:PORT"),
    ];
    let all =
        all.map(|(relay, smtp)| async move { format!("{smtp}\n    {}", told(relay, smtp).await) });
    insta::assert_snapshot!(join_all(all).await.join("\n"));
}

#[tokio::test]
async fn a_sender_that_the_relay_cannot_read_is_told() {
    let relay = ScriptedRelay::start(vec![("EHLO", "250 relay.test")]).await;
    let sink = relay.sink(json!({"from": "jörg@example.com"}));
    let error = sink
        .deliver(&sample::notification())
        .await
        .expect_err("no mail");
    assert!(error.detail().contains("no SMTPUTF8"), "{}", error.detail());
    assert!(
        error.detail().contains("check `from`"),
        "{}",
        error.detail()
    );
    assert_eq!(error.retry(), Retry::Later);
}

#[tokio::test]
async fn smswatch_introduces_itself_by_the_name_it_is_given() {
    let relay = ScriptedRelay::start(Vec::new()).await;
    let sink = relay.sink(json!({"ehlo": "alerts.example.com"}));
    sink.deliver(&sample::notification()).await.expect("taken");
    assert_eq!(relay.heard()[0], "EHLO alerts.example.com");
    let sink = relay.sink(json!({}));
    sink.deliver(&sample::notification()).await.expect("taken");
    let heard = relay.heard();
    let mut greeted = heard.iter().filter_map(|line| line.strip_prefix("EHLO "));
    let name = greeted.next_back().expect("it was greeted twice");
    assert!(
        name.contains('.'),
        "`{name}` is no full name and no address"
    );
}

#[tokio::test]
async fn a_relay_may_be_an_ipv6_address() {
    let relay = ScriptedRelay::start_at("[::1]:0", Vec::new()).await;
    let sink = relay.sink(json!({"smtp": format!("smtp://[::1]:{}", relay.port)}));
    sink.deliver(&sample::notification()).await.expect("taken");
}
