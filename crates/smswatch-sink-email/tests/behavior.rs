//! The e-mail sink keeps the promises of `Sink`, against a real SMTP server.

#[path = "behavior/answers.rs"]
mod answers;
#[path = "behavior/conversations.rs"]
mod conversations;
#[path = "behavior/headers.rs"]
mod headers;
#[path = "behavior/hurrying.rs"]
mod hurrying;
#[path = "behavior/odd.rs"]
mod odd;
#[path = "behavior/recipients.rs"]
mod recipients;
#[path = "behavior/script.rs"]
mod script;
#[path = "behavior/words.rs"]
mod words;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use smswatch_plugin::sink::{ConfiguredSink as _, InvalidConfig, Retry, Sink, SinkContext};
use smswatch_sink_email::EmailSink;
use smswatch_testkit::sample;
use smswatch_testkit::sink_suite::{Fixture, Mood, careless};
use smswatch_testkit::smtp_server::{SmtpServer, Stage};

const PASSWORD: &str = "pw_7f3Q9xLm2Vb8RzWn";

fn configured(config: Value) -> Result<EmailSink, InvalidConfig> {
    smswatch_testkit::install_tls_provider();
    let config = serde_json::from_value(config).expect("the configuration reads well");
    EmailSink::configure(config, &SinkContext::new("oncall-mail"))
}

fn sink_at(port: u16) -> Arc<dyn Sink> {
    let sink = configured(json!({
        "smtp": format!("smtp://127.0.0.1:{port}"),
        "username": "alerts",
        "password": PASSWORD,
        "from": "SMS alerts <alerts@example.com>",
        "to": ["oncall@example.com"],
    }));
    Arc::new(sink.expect("it is valid"))
}

struct Relay(SmtpServer);

#[async_trait]
impl Fixture for Relay {
    async fn start() -> Self {
        Self(SmtpServer::start_with_login("alerts", PASSWORD).await)
    }

    fn sink(&self) -> Arc<dyn Sink> {
        sink_at(self.0.port())
    }

    fn unreachable_sink(&self, port: u16) -> Arc<dyn Sink> {
        sink_at(port)
    }

    async fn turn(&self, mood: Mood) {
        // A reply is one line of bounded length.
        let said: String = careless(&self.secrets()).chars().take(450).collect();
        match mood {
            Mood::Accepts => self.0.accept(),
            Mood::Fails => self.0.reply_at(&Stage::Data, &format!("451 4.3.0 {said}")),
            Mood::Refuses => self.0.reply_at(&Stage::Data, &format!("554 5.6.0 {said}")),
            Mood::Hangs => self.0.hang_at(&Stage::Data),
            Mood::Rambles => self.0.ramble_at(&Stage::Data),
        }
    }

    async fn spoken_to(&self) {
        self.0.wait_until_hanging().await;
    }

    async fn arrived(&self, n: usize) -> Vec<String> {
        let mails = self.0.wait_for(n).await;
        let told = mails.into_iter().map(|mail| {
            let id = mail
                .header("x-smswatch-delivery")
                .unwrap_or_default()
                .to_owned();
            format!(
                "{id}\n{}\n{}",
                mail.header("subject").unwrap_or_default(),
                mail.text
            )
        });
        told.collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![PASSWORD.to_owned()]
    }
}

smswatch_testkit::sink_suite!(Relay);

#[tokio::test]
async fn one_mail_goes_to_all_with_text_html_and_the_deliverys_id() {
    let relay = SmtpServer::start().await;
    let sink = configured(json!({
        "smtp": relay.url(),
        "from": "SMS alerts <alerts@example.com>",
        "to": ["a@example.com", "B <b@example.com>"],
        "cc": ["c@example.com"],
        "reply_to": "team@example.com",
    }));
    let notification = sample::notification();
    sink.expect("it is valid")
        .deliver(&notification)
        .await
        .expect("delivered");
    let mail = relay.wait_for(1).await.remove(0);
    assert_eq!(
        mail.envelope_to,
        ["a@example.com", "b@example.com", "c@example.com"]
    );
    let id = notification.delivery_id.as_str();
    assert_eq!(
        mail.header("message-id"),
        Some(&*format!("<{id}@example.com>"))
    );
    assert_eq!(mail.header("auto-submitted"), Some("auto-generated"));
    assert!(
        mail.header("subject")
            .is_some_and(|subject| subject.starts_with("[critical] "))
    );
    assert!(mail.text.contains(&notification.title) && mail.html.contains("<h2"));
}

#[tokio::test]
async fn a_rule_may_name_other_recipients() {
    let relay = SmtpServer::start().await;
    let sink = configured(json!({
        "smtp": relay.url(), "from": "alerts@example.com", "to": ["a@example.com"],
        "cc": ["c@example.com"],
    }));
    let mut notification = sample::notification();
    notification
        .overrides
        .insert("to".to_owned(), json!(["cto@example.com"]));
    sink.expect("it is valid")
        .deliver(&notification)
        .await
        .expect("delivered");
    assert_eq!(relay.wait_for(1).await[0].envelope_to, ["cto@example.com"]);
}

#[tokio::test]
async fn a_wrong_password_can_be_mended() {
    let relay = SmtpServer::start_with_login("alerts", PASSWORD).await;
    relay.reply_at(&Stage::Auth, "535 5.7.8 wrong user or password");
    let error = sink_at(relay.port())
        .deliver(&sample::notification())
        .await
        .expect_err("refused");
    assert_eq!(error.retry(), Retry::Later, "{}", error.detail());
}

#[tokio::test]
async fn a_relay_that_repeats_the_login_or_an_address_is_not_quoted() {
    let relay = SmtpServer::start_with_login("us@er", "p ssword").await;
    let url = relay.url().replace("://", "://us%40er:p%20ssword@");
    let sink = configured(json!({
        "smtp": url, "from": "alerts@example.com", "to": ["a@example.com"],
    }));
    let sink = sink.expect("it is valid");
    // The login as `AUTH PLAIN` and `AUTH LOGIN` send it, and as it is meant.
    let echo = "AHVzQGVyAHAgc3N3b3Jk cCBzc3dvcmQ= p ssword p%20ssword of <us@er>";
    for (stage, code) in [(Stage::Auth, 535), (Stage::Data, 554), (Stage::Data, 250)] {
        relay.accept();
        relay.reply_at(&stage, &format!("{code} {echo}"));
        let said = match sink.deliver(&sample::notification()).await {
            Ok(receipt) => receipt.detail().to_owned(),
            Err(error) => error.detail(),
        };
        assert!(said.contains(&code.to_string()), "{said}");
        assert!(said.contains("[hidden]"), "{said}");
        for secret in ["AHVz", "cCBz", "ssword", "us@er"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_told_with_its_key() {
    let whole = json!({
        "smtp": "smtp://127.0.0.1:25", "from": "a@example.com", "to": ["b@example.com"],
    });
    for (key, value) in [
        ("smtp", json!("http://127.0.0.1")),
        ("smtp", json!("nonsense")),
        ("smtp", json!("smtp://127.0.0.1:25?tls=require")),
        ("from", json!("nobody")),
        ("to", json!([])),
        ("to", json!([""])),
        ("to", json!(["b@"])),
        ("to", json!(["b@example.com; c@example.com"])),
        ("to", json!(["b@example.com, c@example.com"])),
        ("cc", json!(["c"])),
        ("reply_to", json!("r@")),
        ("username", json!("alerts")),
        ("password", json!("p")),
        ("ehlo", json!("two words")),
    ] {
        let mut config = whole.clone();
        config[key] = value;
        let error = configured(config).expect_err(key);
        assert_eq!(error.key(), Some(key), "{error}");
    }
}

#[test]
fn what_a_rule_asks_is_checked_as_strictly_as_the_sinks_own_options() {
    let sink = configured(json!({
        "smtp": "smtp://127.0.0.1:25", "from": "a@example.com", "to": ["b@example.com"],
    }));
    let sink = sink.expect("it is valid");
    let check = |to: Value| {
        let overrides = serde_json::from_value(json!({"to": to})).expect("it reads well");
        sink.check_overrides(&overrides)
    };
    for to in [
        json!(["c@example.com"]),
        json!(["C <c@example.com>", "d@example.com"]),
    ] {
        check(to.clone()).unwrap_or_else(|error| panic!("{to}: {error}"));
    }
    for to in [
        json!([]),
        json!([""]),
        json!(["  "]),
        json!(["cto"]),
        json!(["a@b; c@d"]),
        json!(["a@example.com, c@example.com"]),
        json!(["c@example.com", "d@"]),
    ] {
        let error = check(to.clone()).expect_err("it makes no sense");
        assert_eq!(error.key(), Some("to"), "{to}");
    }
}
