//! Messages as a bot.

use std::io::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use smswatch_plugin::sink::{Probe, Retry, Sink};
use smswatch_sink_slack::SlackSink;
use smswatch_testkit::receiver::{Answer, Receiver, Request};
use smswatch_testkit::sample;
use smswatch_testkit::sink_suite::{Fixture, HttpFixture, Mood, careless};

use crate::{configured, readable, wishing};

const TOKEN: &str = "xoxb-7f3Q9xLm2Vb8RzWn";

fn sink_at(port: u16) -> SlackSink {
    let sink = configured(json!({
        "bot_token": TOKEN,
        "channel": "#sms-alerts",
        "api_url": format!("http://127.0.0.1:{port}/api/"),
    }));
    sink.expect("it is valid")
}

fn sink_for(receiver: &Receiver) -> SlackSink {
    sink_at(receiver.address().port())
}

fn answer(body: &serde_json::Value) -> Answer {
    Answer::status(200)
        .header("content-type", "application/json; charset=utf-8")
        .body(body.to_string())
}

fn accepting() -> Answer {
    answer(&json!({"ok": true, "channel": "C123", "ts": "1503435956.000247", "message": {}}))
}

struct Bot(Receiver);

#[async_trait]
impl Fixture for Bot {
    async fn start() -> Self {
        let receiver = Receiver::start().await;
        receiver.answer_always(accepting());
        Self(receiver)
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(sink_for(&self.0))
    }

    fn unreachable_sink(&self, port: u16) -> Arc<dyn Sink> {
        Arc::new(sink_at(port))
    }

    async fn turn(&self, mood: Mood) {
        let said = careless(&[TOKEN.to_owned()]);
        self.0.answer_always(match mood {
            Mood::Accepts => answer(&json!({"ok": true, "channel": "C123", "ts": said})),
            Mood::Fails => Answer::status(502).body(said),
            Mood::Refuses => answer(&json!({
                "ok": false, "error": "invalid_blocks",
                "response_metadata": {"messages": [said]},
            })),
            Mood::Hangs => Answer::hang(),
            Mood::Rambles => accepting().endless_body(),
        });
    }

    async fn arrived(&self, n: usize) -> Vec<String> {
        let is_message = |request: &Request| request.path.ends_with("/chat.postMessage");
        let messages = self.0.wait_for_some(n, is_message);
        messages.await.iter().map(readable).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}

impl HttpFixture for Bot {
    fn receiver(&self) -> &Receiver {
        &self.0
    }
}

smswatch_testkit::http_sink_suite!(Bot);

#[tokio::test]
async fn what_slack_took_is_delivered_however_its_answer_is_written() {
    let receiver = Receiver::start().await;
    for (told, expected) in [
        (json!({"ok": true, "ts": 1.5}), "posted as 1.5"),
        (json!({"ok": true, "ts": null, "warning": "x"}), "posted"),
        (
            json!({"ok": true, "ts": {"at": 1}, "message": []}),
            "posted",
        ),
        (json!({"ok": true}), "posted"),
    ] {
        receiver.answer_always(answer(&told));
        let receipt = sink_for(&receiver).deliver(&sample::notification()).await;
        let receipt = receipt.unwrap_or_else(|error| panic!("{told}: {}", error.detail()));
        assert_eq!(receipt.detail(), expected);
    }
}

#[tokio::test]
async fn the_method_the_token_and_the_metadata_are_sent() {
    let receiver = Receiver::start().await;
    receiver.answer_always(accepting());
    let notification = sample::notification();
    let receipt = sink_for(&receiver)
        .deliver(&notification)
        .await
        .expect("it is accepted");
    assert_eq!(receipt.detail(), "posted as 1503435956.000247");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(request.path, "/api/chat.postMessage");
    assert_eq!(
        request.header("authorization"),
        Some(&*format!("Bearer {TOKEN}"))
    );
    let message = request.json();
    assert_eq!(message["channel"], "#sms-alerts");
    assert_eq!(message["unfurl_links"], false);
    let metadata = &message["metadata"];
    assert_eq!(metadata["event_type"], "smswatch_notification");
    assert_eq!(
        metadata["event_payload"]["delivery_id"],
        notification.delivery_id.as_str()
    );
}

#[tokio::test]
async fn a_rule_chooses_the_channel_and_who_is_mentioned() {
    let receiver = Receiver::start().await;
    receiver.answer_always(accepting());
    let overrides = json!({"channel": "C0CRITICAL", "mention": ["@channel", "U024BE7LH"]});
    sink_for(&receiver)
        .deliver(&wishing(overrides))
        .await
        .expect("it is accepted");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(request.json()["channel"], "C0CRITICAL");
    assert!(readable(request).contains("<!channel> <@U024BE7LH>"));
}

#[tokio::test]
async fn overrides_that_make_no_sense_are_refused_for_good() {
    let receiver = Receiver::start().await;
    let error = sink_for(&receiver)
        .deliver(&wishing(json!({"mention": ["@alice"]})))
        .await
        .expect_err("nobody is called so");
    assert_eq!(error.retry(), Retry::Never);
    insta::assert_snapshot!(
        error.detail(),
        @"the rule's overrides make no sense: expected `@here`, `@channel`, `@everyone`, or the id of a user or user group, such as U012AB3CD (Slack does not find people by name)"
    );
}

#[tokio::test]
async fn a_good_answer_that_is_not_slacks_is_no_delivery() {
    let receiver = Receiver::start().await;
    let page = || Answer::status(200).body("<html>Please log in</html>");
    for answer in [
        page(),
        page().header("content-type", "text/html"),
        Answer::status(200),
        Answer::status(204),
    ] {
        receiver.answer_always(answer);
        let error = sink_for(&receiver)
            .deliver(&sample::notification())
            .await
            .expect_err("a proxy answered, and nothing was posted");
        assert_eq!(error.retry(), Retry::Later, "{}", error.detail());
    }
}

#[tokio::test]
async fn a_probe_asks_who_the_token_belongs_to_and_posts_nothing() {
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    receiver.answer_next(answer(
        &json!({"ok": true, "team": "T", "user": "smswatch"}),
    ));
    let probed = sink.probe().await.expect("the token is good");
    assert_eq!(
        probed,
        Probe::Answered("Slack accepts the token".to_owned())
    );
    receiver.answer_next(answer(&json!({"ok": false, "error": "invalid_auth"})));
    let error = sink.probe().await.expect_err("the token is wrong");
    assert!(
        error.detail().contains("invalid_auth"),
        "{}",
        error.detail()
    );
    let requests = receiver.wait_for(2).await;
    assert!(
        requests
            .iter()
            .all(|request| request.path == "/api/auth.test")
    );
}

#[tokio::test]
async fn an_answer_that_a_gateway_has_compressed_is_read() {
    let packed = |body: &serde_json::Value| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed
            .write_all(body.to_string().as_bytes())
            .expect("memory");
        answer(&json!({}))
            .header("content-encoding", "gzip")
            .body(packed.finish().expect("memory"))
    };
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    receiver.answer_next(packed(
        &json!({"ok": true, "channel": "C1", "ts": "1.2", "message": {}}),
    ));
    let receipt = sink.deliver(&sample::notification()).await;
    assert_eq!(receipt.expect("it is accepted").detail(), "posted as 1.2");
    receiver.answer_next(packed(&json!({"ok": false, "error": "invalid_blocks"})));
    let refused = sink.deliver(&sample::notification()).await;
    let refused = refused.expect_err("it is refused");
    assert_eq!(refused.retry(), Retry::Never, "{}", refused.detail());
    assert!(
        refused.detail().contains("invalid_blocks"),
        "{}",
        refused.detail()
    );
}
