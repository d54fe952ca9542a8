//! Messages as Slack gets them.

use serde_json::Value;
use smswatch_testkit::sample;

use super::*;

fn rendered(notification: &Notification) -> Value {
    serde_json::to_value(content(notification, &[], None)).expect("JSON")
}

/// All texts in `value`.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn one_event_is_told_in_fields() {
    insta::assert_json_snapshot!(rendered(&sample::notification()));
}

#[test]
fn a_group_is_told_as_a_list_with_its_values() {
    insta::assert_json_snapshot!(rendered(&sample::grouped()));
}

#[test]
fn what_is_about_no_message_is_told_in_fields() {
    let message = rendered(&sample::sink_down());
    insta::assert_json_snapshot!(texts(&message["blocks"]));
}

#[test]
fn the_default_words_and_the_fields_say_everything_once() {
    let mut notification = sample::notification();
    notification.text = "From MyShop to +3069******01 (GR, Example Mobile)\n\
        Label order-17 · tags team=crm\n\
        Sent → Undelivered (Carrier Violation) at 2026-05-01 10:28:49 UTC, 3 s later\n\
        Routee says: The message was blocked by the carrier\n\
        The sender can act: change the text or the sender name.\n\
        Message message-0001"
        .to_owned();
    let message = rendered(&notification);
    let all = texts(&message["blocks"]).join("\n");
    for fact in [
        "+3069******01",
        "order-17",
        "team=crm",
        "blocked by",
        "message-0001",
        "Sent →",
    ] {
        assert_eq!(all.matches(fact).count(), 1, "{fact}:\n{all}");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn mentions_and_remarks_have_their_place() {
    let mentions = ["@here", "U024BE7LH", "S0614TZR7"]
        .map(|text| Mention::try_from(text.to_owned()).expect("a mention"));
    let content = content(&sample::notification(), &mentions, Some("a remark & more"));
    let blocks = serde_json::to_value(content.blocks).expect("JSON");
    assert_eq!(
        blocks[1]["text"]["text"],
        "<!here> <@U024BE7LH> <!subteam^S0614TZR7>"
    );
    let foot = texts(
        blocks
            .as_array()
            .and_then(|blocks| blocks.last())
            .expect("a foot"),
    );
    assert!(
        foot.iter()
            .any(|text| text.ends_with("a remark &amp; more")),
        "{foot:?}"
    );
}

#[test]
fn data_mentions_nobody() {
    let message = rendered(&sample::odd());
    for text in texts(&message["blocks"][1])
        .iter()
        .chain(&texts(&message["text"]))
    {
        assert!(!text.contains("<!channel>"), "{text}");
    }
    let header = &message["blocks"][0]["text"];
    assert_eq!(header["type"], "plain_text", "plain text obeys nothing");
}

#[test]
fn what_has_no_room_is_counted() {
    let mut notification = sample::notification_of(1000);
    notification.omitted = 5;
    notification.text = "<".repeat(10_000);
    notification.title = "🚨".repeat(500);
    notification.group = (0..30)
        .map(|n| (format!("key{n}"), "x".repeat(5000)))
        .collect();
    notification.links = vec![sample::grouped().links[0].clone(); 30];
    let message = rendered(&notification);
    let all = texts(&message);
    for expected in [
        "(and 9266 more characters)",
        "and 985 more",
        "and 21 more",
        "and 20 more links",
    ] {
        let told = all.iter().any(|text| text.ends_with(expected));
        assert!(told, "`{expected}` is missing");
    }
    let blocks = message["blocks"].as_array().expect("blocks");
    assert!(blocks.len() <= 50);
    assert!(length(blocks[0]["text"]["text"].as_str().expect("a header")) <= HEADER);
    for block in blocks {
        let text = block["text"]["text"].as_str().unwrap_or_default();
        assert!(length(text) <= SECTION, "{text}");
        let fields = block["fields"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(fields.len() <= 10);
    }
}
