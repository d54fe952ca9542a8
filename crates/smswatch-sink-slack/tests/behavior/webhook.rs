//! Messages through an incoming webhook.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use smswatch_plugin::sink::Sink;
use smswatch_sink_slack::SlackSink;
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::sample;
use smswatch_testkit::sink_suite::{Fixture, HttpFixture, Mood, careless};

use crate::{configured, readable, wishing};

const TOKEN: &str = "7f3Q9xLm2Vb8RzWnK4hT0sKd";

fn sink_at(port: u16) -> SlackSink {
    let url = format!("http://127.0.0.1:{port}/services/T000/B000/{TOKEN}");
    configured(json!({ "webhook_url": url })).expect("it is valid")
}

fn sink_for(receiver: &Receiver) -> SlackSink {
    sink_at(receiver.address().port())
}

struct IncomingWebhook(Receiver);

#[async_trait]
impl Fixture for IncomingWebhook {
    async fn start() -> Self {
        let receiver = Receiver::start().await;
        receiver.answer_always(Answer::status(200).body("ok"));
        Self(receiver)
    }

    fn sink(&self) -> Arc<dyn Sink> {
        Arc::new(sink_for(&self.0))
    }

    fn unreachable_sink(&self, port: u16) -> Arc<dyn Sink> {
        Arc::new(sink_at(port))
    }

    async fn turn(&self, mood: Mood) {
        let text = |status| Answer::status(status).header("content-type", "text/html");
        let said = careless(&[TOKEN.to_owned()]);
        self.0.answer_always(match mood {
            Mood::Accepts => text(200).body(said),
            Mood::Fails => text(500).body(said),
            // Slack's webhooks say nothing but their word.
            Mood::Refuses => text(400).body("invalid_payload"),
            Mood::Hangs => Answer::hang(),
            Mood::Rambles => text(200).endless_body(),
        });
    }

    async fn arrived(&self, n: usize) -> Vec<String> {
        let posts = self.0.wait_for_some(n, |request| request.method == "POST");
        posts.await.iter().map(readable).collect()
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }
}

impl HttpFixture for IncomingWebhook {
    fn receiver(&self) -> &Receiver {
        &self.0
    }
}

smswatch_testkit::http_sink_suite!(IncomingWebhook);

#[tokio::test]
async fn the_message_is_posted_as_json() {
    let receiver = Receiver::start().await;
    receiver.answer_always(Answer::status(200).body("ok"));
    let sink = sink_for(&receiver);
    sink.deliver(&sample::notification())
        .await
        .expect("it is accepted");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, format!("/services/T000/B000/{TOKEN}"));
    assert_eq!(
        request.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(request.header("authorization"), None);
    assert!(request.json()["blocks"].is_array());
}

#[tokio::test]
async fn a_wish_for_another_channel_is_told_rather_than_lost() {
    let receiver = Receiver::start().await;
    receiver.answer_always(Answer::status(200).body("ok"));
    let sink = sink_for(&receiver);
    sink.deliver(&wishing(json!({"channel": "#sms-critical"})))
        .await
        .expect("it is accepted");
    let text = readable(&receiver.wait_for(1).await[0]);
    assert!(text.contains("meant for #sms-critical"), "{text}");
}

#[tokio::test]
async fn every_good_status_is_a_delivery() {
    let receiver = Receiver::start().await;
    for status in 200..300 {
        receiver.answer_always(Answer::status(status));
        let delivery = sink_for(&receiver).deliver(&sample::notification()).await;
        assert!(delivery.is_ok(), "{status}: {delivery:?}");
    }
}
