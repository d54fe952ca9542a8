//! Messages of any size are within the limits that Slack documents.

use serde_json::{Value, json};
use smswatch_model::{Link, Notification};
use smswatch_plugin::sink::Sink as _;
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::sample;

use crate::configured;

/// How much longer than Slack's limit each text is without a cut.
const LONG: usize = 5_000;

/// The size of a text as Slack counts it.
fn size(text: &Value) -> usize {
    let text = text.as_str().expect("a text");
    text.encode_utf16().count()
}

fn all(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Checks that a message is one that Slack takes.
fn check(message: &Value) {
    assert!((1..=40_000).contains(&size(&message["text"])));
    assert!(all(&message["attachments"]).count() <= 100);
    check_blocks(&message["blocks"]);
    for attachment in all(&message["attachments"]) {
        check_blocks(&attachment["blocks"]);
    }
    // No page documents this one: see `WHOLE` in the sink.
    let attached = all(&message["attachments"]).map(|attachment| &attachment["blocks"]);
    let whole: usize = attached.chain([&message["blocks"]]).map(shown).sum();
    assert!(whole <= 11_000, "{whole} in all blocks");
    let metadata = message
        .get("metadata")
        .map_or(0, |data| data.to_string().len());
    assert!(metadata <= 8_000);
}

/// The size of all texts and addresses in some blocks.
fn shown(blocks: &Value) -> usize {
    match blocks {
        Value::Array(items) => items.iter().map(shown).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match value {
                Value::String(_) if key == "text" || key == "url" => size(value),
                Value::String(_) => 0,
                value => shown(value),
            })
            .sum(),
        _ => 0,
    }
}

fn check_blocks(blocks: &Value) {
    let count = all(blocks).count();
    assert!((1..=50).contains(&count), "{count} blocks");
    for block in all(blocks) {
        match block["type"].as_str().expect("a type") {
            "header" => check_text(&block["text"], "plain_text", 150),
            "section" => check_section(block),
            "context" => {
                assert!((1..=10).contains(&all(&block["elements"]).count()));
                all(&block["elements"]).for_each(|text| check_text(text, "mrkdwn", 3_000));
            }
            "actions" => {
                assert!((1..=25).contains(&all(&block["elements"]).count()));
                all(&block["elements"]).for_each(check_button);
            }
            other => panic!("nothing is known of `{other}`"),
        }
    }
}

fn check_section(block: &Value) {
    let has_text = block.get("text").is_some();
    let fields = all(&block["fields"]).count();
    assert!(has_text || fields > 0, "an empty section");
    assert!(fields <= 10, "{fields} fields");
    if has_text {
        check_text(&block["text"], "mrkdwn", 3_000);
    }
    all(&block["fields"]).for_each(|text| check_text(text, "mrkdwn", 2_000));
}

fn check_button(button: &Value) {
    assert_eq!(button["type"], "button");
    check_text(&button["text"], "plain_text", 75);
    assert!((1..=3_000).contains(&size(&button["url"])));
    assert!((1..=255).contains(&size(&button["action_id"])));
}

fn check_text(text: &Value, kind: &str, most: usize) {
    assert_eq!(text["type"], kind);
    let size = size(&text["text"]);
    assert!((1..=most).contains(&size), "{size} of {most}: {text}");
}

/// A notification of `n` events in which everything is as long as it can be.
fn long(n: usize) -> Notification {
    let mut notification = sample::notification_of(n);
    let odd = sample::ODD_TEXT.repeat(LONG / 50);
    notification.title.clone_from(&odd);
    notification.text = format!("{odd}\n").repeat(5);
    notification.rule = "r".repeat(LONG);
    notification.omitted = 7;
    notification.group = (0..40)
        .map(|n| (format!("{n}{odd}"), odd.clone()))
        .collect();
    notification.links = (0..40)
        .map(|n| Link {
            title: format!("{n}{odd}"),
            url: format!("https://example.com/{}", "x".repeat(100 * n)),
        })
        .collect();
    for event in &mut notification.events {
        let message = &mut event.message;
        for text in [&mut message.from, &mut message.label, &mut message.campaign] {
            *text = Some(odd.clone());
        }
        message.tags = (0..9).map(|n| (format!("{n}{odd}"), odd.clone())).collect();
        message.groups = vec![odd.clone(); 9];
    }
    notification
}

#[tokio::test]
async fn a_message_of_one_ten_or_a_thousand_events_is_within_slacks_limits() {
    let receiver = Receiver::start().await;
    receiver.answer_always(Answer::status(200).body("ok"));
    let sink = configured(json!({"webhook_url": receiver.url("/services/x")}));
    let sink = sink.expect("it is valid");
    let mention: Vec<&str> = vec!["U024BE7LH"; 200];
    for n in [1, 10, 1_000] {
        for mut notification in [sample::notification_of(n), long(n)] {
            sink.deliver(&notification).await.expect("taken");
            let overrides = json!({ "mention": mention });
            notification.overrides = overrides.as_object().cloned().expect("an object");
            sink.deliver(&notification).await.expect("taken");
        }
    }
    let requests = receiver.wait_for(12).await;
    for request in &requests {
        check(&request.json());
        let size = request.body.len();
        assert!(size < 100_000, "{size} bytes");
    }
}
