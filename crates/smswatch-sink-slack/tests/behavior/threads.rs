//! What a bot tells of one alert stands in one thread, whose first message says what is the case now.

use serde_json::{Value, json};
use smswatch_model::{EventKind, Notification};
use smswatch_plugin::sink::{Receipt, Retry, Sink as _};
use smswatch_sink_slack::SlackSink;
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::sample;

use crate::configured;

fn sink_for(receiver: &Receiver) -> SlackSink {
    let sink = configured(json!({
        "bot_token": "xoxb-1", "channel": "#sms", "api_url": receiver.url("/api"),
    }));
    sink.expect("it is valid")
}

fn answer(body: &Value) -> Answer {
    Answer::status(200)
        .header("content-type", "application/json")
        .body(body.to_string())
}

fn posted(ts: &str) -> Answer {
    answer(&json!({"ok": true, "channel": "C123", "ts": ts}))
}

fn refused(word: &str) -> Answer {
    answer(&json!({"ok": false, "error": word}))
}

fn resolved() -> Notification {
    Notification {
        kind: EventKind::SinkRecovered,
        title: "Sink crm works again".to_owned(),
        ..sample::sink_down()
    }
}

/// What the sink is to remember of its first message.
async fn begun(receiver: &Receiver, sink: &SlackSink) -> String {
    receiver.answer_next(posted("1.1"));
    let receipt = sink.deliver(&sample::sink_down()).await.expect("taken");
    let remembered = receipt.remembered().expect("a thread");
    remembered.to_owned()
}

/// The methods that were called, each with where it wrote.
fn calls(receiver: &Receiver) -> Vec<(String, Value)> {
    let requests = receiver.requests().into_iter();
    let called = requests.map(|request| {
        let body = request.json();
        let place = json!([
            body["channel"],
            body["ts"],
            body["thread_ts"],
            body["reply_broadcast"]
        ]);
        (request.path.replace("/api/chat.", ""), place)
    });
    called.collect()
}

fn call(method: &str, place: Value) -> (String, Value) {
    (method.to_owned(), place)
}

#[tokio::test]
async fn an_alert_that_goes_on_is_told_in_its_thread_and_in_the_channel() {
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    let thread = begun(&receiver, &sink).await;
    receiver.answer_next(posted("2.2"));
    let receipt = sink.deliver_again(&sample::sink_down(), &thread).await;
    let receipt = receipt.expect("taken");
    assert_eq!(receipt.detail(), "posted as 2.2 in the thread of 1.1");
    assert_eq!(receipt.remembered(), None, "the thread stays the same");
    let expected = [
        call("postMessage", json!(["#sms", null, null, null])),
        call("postMessage", json!(["C123", null, "1.1", true])),
    ];
    assert_eq!(calls(&receiver), expected);
}

#[tokio::test]
async fn a_resolved_alert_changes_its_first_message_and_is_told_in_the_thread() {
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    let thread = begun(&receiver, &sink).await;
    receiver.answer_next(posted("1.1"));
    receiver.answer_next(posted("3.3"));
    let receipt = sink
        .deliver_again(&resolved(), &thread)
        .await
        .expect("taken");
    assert_eq!(receipt.detail(), "posted as 3.3 in the thread of 1.1");
    let expected = [
        call("update", json!(["C123", "1.1", null, null])),
        call("postMessage", json!(["C123", null, "1.1", false])),
    ];
    assert_eq!(calls(&receiver)[1..], expected);
    for request in &receiver.requests()[1..] {
        let message = request.json();
        assert_eq!(message["attachments"][0]["color"], "#2e9e5b");
        assert!(
            message["text"]
                .as_str()
                .is_some_and(|text| text.starts_with('✅'))
        );
    }
}

#[tokio::test]
async fn an_alert_that_fires_again_after_it_was_resolved_begins_another_thread() {
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    let first = begun(&receiver, &sink).await;
    receiver.answer_next(posted("1.1"));
    receiver.answer_next(posted("3.3"));
    let receipt = sink
        .deliver_again(&resolved(), &first)
        .await
        .expect("taken");
    let over = receipt.remembered().expect("the thread is over");
    receiver.answer_next(posted("7.7"));
    let receipt = sink.deliver_again(&sample::sink_down(), over).await;
    let receipt = receipt.expect("taken");
    assert_eq!(receipt.detail(), "posted as 7.7");
    assert!(
        receipt
            .remembered()
            .is_some_and(|thread| thread.contains("7.7"))
    );
    let last = calls(&receiver).pop().expect("a call");
    assert_eq!(last, call("postMessage", json!(["#sms", null, null, null])));
    // That it is resolved may be told twice.
    receiver.answer_next(posted("1.1"));
    receiver.answer_next(posted("8.8"));
    let receipt = sink.deliver_again(&resolved(), over).await.expect("taken");
    assert_eq!(receipt.detail(), "posted as 8.8 in the thread of 1.1");
}

#[tokio::test]
async fn a_thread_that_is_gone_is_begun_anew_and_loses_no_alert() {
    for word in [
        "message_not_found",
        "thread_not_found",
        "channel_not_found",
        "is_archived",
        "channel_is_archived",
        "not_in_channel",
        "restricted_action",
        "restricted_action_read_only_channel",
    ] {
        for notification in [sample::sink_down(), resolved()] {
            let receiver = Receiver::start().await;
            let sink = sink_for(&receiver);
            let thread = begun(&receiver, &sink).await;
            receiver.answer_next(refused(word));
            receiver.answer_next(posted("4.4"));
            let receipt = sink.deliver_again(&notification, &thread).await;
            let receipt = receipt.expect("taken");
            assert_eq!(receipt.detail(), "posted as 4.4");
            let remembered = receipt.remembered().expect("the new thread");
            assert!(remembered.contains("4.4"), "{remembered}");
        }
    }
}

#[tokio::test]
async fn an_alert_goes_to_the_channel_that_is_configured_now() {
    let receiver = Receiver::start().await;
    let thread = begun(&receiver, &sink_for(&receiver)).await;
    let moved = configured(json!({
        "bot_token": "xoxb-1", "channel": "#oncall", "api_url": receiver.url("/api"),
    }));
    let moved = moved.expect("it is valid");
    for notification in [sample::sink_down(), resolved()] {
        receiver.answer_next(posted("4.4"));
        let receipt = moved.deliver_again(&notification, &thread).await;
        assert_eq!(receipt.expect("taken").detail(), "posted as 4.4");
        let last = calls(&receiver).pop().expect("a call");
        let place = json!(["#oncall", null, null, null]);
        assert_eq!(last, call("postMessage", place));
    }
    // What an earlier version remembered does not say which channel was configured.
    receiver.answer_next(posted("5.5"));
    let earlier = r#"{"channel":"C123","ts":"1.1"}"#;
    let receipt = moved.deliver_again(&sample::sink_down(), earlier).await;
    let told = receipt.expect("taken");
    assert_eq!(told.detail(), "posted as 5.5 in the thread of 1.1");
}

#[tokio::test]
async fn words_that_are_none_of_slacks_are_not_repeated() {
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    let thread = begun(&receiver, &sink).await;
    for words in ["xoxb-1", "<b>no</b>", "No, never"] {
        receiver.answer_next(refused(words));
        receiver.answer_next(posted("5.5"));
        let receipt = sink.deliver_again(&resolved(), &thread).await;
        let receipt = receipt.expect("taken");
        let told = receipt.detail();
        assert!(told.ends_with("stays as it is: unknown_error"), "{told}");
    }
}

#[tokio::test]
async fn a_first_message_that_cannot_be_changed_keeps_no_news_back() {
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    let thread = begun(&receiver, &sink).await;
    for word in [
        "cant_update_message",
        "edit_window_closed",
        "block_mismatch",
        "update_failed",
    ] {
        receiver.answer_next(refused(word));
        receiver.answer_next(posted("5.5"));
        let receipt = sink
            .deliver_again(&resolved(), &thread)
            .await
            .expect("taken");
        let expected =
            format!("posted as 5.5 in the thread of 1.1; the first message stays as it is: {word}");
        assert_eq!(receipt.detail(), expected);
    }
}

#[tokio::test]
async fn what_fails_for_now_is_tried_again_as_a_whole() {
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    let thread = begun(&receiver, &sink).await;
    let failed = async |answers: Vec<Answer>| {
        for answer in answers {
            receiver.answer_next(answer);
        }
        let failed: Result<Receipt, _> = sink.deliver_again(&resolved(), &thread).await;
        failed.expect_err("it fails").retry()
    };
    let slow_down = || Answer::status(429).header("retry-after", "30");
    let wait = Retry::After(std::time::Duration::from_secs(30));
    assert_eq!(failed(vec![slow_down()]).await, wait);
    assert_eq!(failed(vec![Answer::status(502)]).await, Retry::Later);
    assert_eq!(failed(vec![posted("1.1"), slow_down()]).await, wait);
    assert_eq!(
        failed(vec![posted("1.1"), refused("invalid_blocks")]).await,
        Retry::Never
    );
}

#[tokio::test]
async fn what_cannot_be_read_of_what_was_remembered_begins_a_thread() {
    let receiver = Receiver::start().await;
    let sink = sink_for(&receiver);
    for remembered in ["", "1.1", "{\"channel\":1}"] {
        receiver.answer_next(posted("6.6"));
        let receipt = sink
            .deliver_again(&resolved(), remembered)
            .await
            .expect("taken");
        assert_eq!(receipt.detail(), "posted as 6.6");
    }
}

#[test]
fn only_a_bot_remembers() {
    let webhook = configured(json!({"webhook_url": "http://127.0.0.1:9/x"}));
    assert!(!webhook.expect("it is valid").remembers());
    let bot = configured(json!({
        "bot_token": "xoxb-1", "channel": "C1", "api_url": "http://127.0.0.1:9/api",
    }));
    assert!(bot.expect("it is valid").remembers());
}
