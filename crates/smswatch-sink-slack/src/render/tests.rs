//! Messages as Slack gets them.

use serde_json::Value;
use smswatch_model::EventKind;
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
    insta::assert_json_snapshot!(rendered(&sample::worded()));
}

#[test]
fn a_group_is_told_as_a_list_with_its_values() {
    insta::assert_json_snapshot!(rendered(&sample::worded_group()));
}

#[test]
fn what_is_about_no_message_is_told_in_fields() {
    let message = rendered(&sample::sink_down());
    insta::assert_json_snapshot!(texts(&message["attachments"]));
}

#[test]
fn the_default_words_and_the_fields_say_everything_once() {
    let message = rendered(&sample::worded());
    let blocks = &message["attachments"][0]["blocks"];
    let all = texts(blocks).join("\n");
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
    let message = serde_json::to_value(content).expect("JSON");
    assert_eq!(
        message["blocks"][1]["text"]["text"],
        "<!here> <@U024BE7LH> <!subteam^S0614TZR7>"
    );
    let details = message["attachments"][0]["blocks"].as_array();
    let foot = texts(details.and_then(|blocks| blocks.last()).expect("a foot"));
    assert!(
        foot.iter()
            .any(|text| text.ends_with("a remark &amp; more")),
        "{foot:?}"
    );
}

#[test]
fn what_is_well_again_is_green_and_says_so_with_a_sign() {
    let mut notification = sample::sink_down();
    assert_eq!(
        rendered(&notification)["attachments"][0]["color"],
        "#d0312d"
    );
    notification.kind = EventKind::SinkRecovered;
    let message = rendered(&notification);
    assert_eq!(message["attachments"][0]["color"], "#2e9e5b");
    let headline = message["text"].as_str().expect("a text");
    assert!(headline.starts_with("✅ [critical] "), "{headline}");
}

#[test]
fn a_resolved_alert_is_told_in_green() {
    insta::assert_json_snapshot!(rendered(&sample::resolved()));
}

#[test]
fn links_are_buttons_if_slack_takes_them_for_some() {
    let mut notification = sample::grouped();
    let link = |title: &str, url: &str| smswatch_model::Link {
        title: title.to_owned(),
        url: url.to_owned(),
    };
    notification.links = vec![
        link("Runbook", "https://runbooks.example.com/a?b=1&c=<2>"),
        link(&"A title that is long ".repeat(10), "https://example.com/"),
        link("No page", "runbooks/carrier.md"),
        link("Obeyed?", "javascript:alert(1)"),
        link(
            "Too long",
            &format!("https://example.com/{}", "x".repeat(3000)),
        ),
    ];
    let message = rendered(&notification);
    let blocks = message["attachments"][0]["blocks"]
        .as_array()
        .expect("blocks");
    let buttons = blocks.iter().find(|block| block["type"] == "actions");
    let others = blocks.iter().position(|block| block["type"] == "actions");
    let others = &blocks[others.expect("buttons") + 1];
    insta::assert_json_snapshot!((buttons, others));
}

#[test]
fn data_mentions_nobody() {
    let message = rendered(&sample::odd());
    for text in texts(&message["attachments"])
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
        "and 21 more",
        "and 20 more links",
    ] {
        let told = all.iter().any(|text| text.ends_with(expected));
        assert!(told, "`{expected}` is missing");
    }
    let list = all.iter().find(|text| text.starts_with("• "));
    let list = list.expect("a list");
    let shown = list.lines().filter(|line| line.starts_with("• ")).count();
    assert!(shown >= 5, "{list}");
    let more = format!("and {} more", 1_005 - shown);
    assert!(list.ends_with(&more), "{list}");
}
