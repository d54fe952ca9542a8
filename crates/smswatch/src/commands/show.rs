//! `smswatch show`: one message, what happened to it, and why who heard of it.

use std::fmt::Write as _;

use anyhow::bail;
use serde_json::Value;

use super::table::Table;
use super::{attempts_made, field, print, print_json};
use crate::cli::ShowArgs;
use crate::client::Client;
use crate::plain::plain;

pub(crate) async fn show(args: ShowArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.service)?;
    let found = client
        .find(&["v1", "watches", &args.id, "timeline"])
        .await?;
    let Some(timeline) = found else {
        bail!("{} is not watched", args.id)
    };
    if args.output.json {
        return print_json(&timeline);
    }
    print(&render(&timeline))
}

fn render(timeline: &Value) -> String {
    let watch = &timeline["watch"];
    let mut text = format!(
        "{}: {}, outcome {}, registered {}, next look {}\n",
        field(watch, "/message_id"),
        field(watch, "/state"),
        field(watch, "/outcome"),
        field(watch, "/registered_at"),
        field(watch, "/next_poll_at"),
    );
    if watch["trouble"].is_object() {
        let _written = writeln!(
            text,
            "trouble since {}: {} ({} polls)",
            field(watch, "/trouble/since"),
            plain(field(watch, "/trouble/message")),
            watch["trouble"]["polls"].as_u64().unwrap_or(1),
        );
    }
    let tags = watch["tags"].as_object().into_iter().flatten();
    let tags: Vec<_> = tags
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or("-")))
        .collect();
    if !tags.is_empty() {
        let _written = writeln!(text, "tags: {}", plain(&tags.join(", ")));
    }
    section(&mut text, "Parts", &parts(watch));
    text.push_str("\nWhat happened\n");
    let events = timeline["events"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if events.is_empty() {
        text.push_str("  nothing yet\n");
    }
    for tried in events {
        let event = &tried["event"];
        let _written = writeln!(
            text,
            "  {}  {}",
            field(event, "/time"),
            plain(&summary(event))
        );
        for trial in tried["rules"].as_array().into_iter().flatten() {
            let mark = if trial["fired"] == true {
                "fired"
            } else {
                "not"
            };
            let (rule, because) = (field(trial, "/rule"), field(trial, "/because"));
            let _written = writeln!(text, "    {mark:<5}  {rule}: {}", plain(because));
        }
    }
    section(&mut text, "Deliveries", &deliveries(timeline));
    text
}

fn section(text: &mut String, heading: &str, table: &Table) {
    let _written = writeln!(text, "\n{heading}");
    if table.is_empty() {
        text.push_str("  none\n");
    } else {
        for line in table.render().lines() {
            let _written = writeln!(text, "  {line}");
        }
    }
}

fn parts(watch: &Value) -> Table {
    let mut table = Table::new(&["PART", "STATUS", "DETAIL", "SINCE", "SMS ID"]);
    for part in watch["parts"].as_array().into_iter().flatten() {
        table.row([
            part["number"]
                .as_u64()
                .map_or("-".to_owned(), |number| number.to_string()),
            field(part, "/status").to_owned(),
            field(part, "/detailed_status").to_owned(),
            field(part, "/date").to_owned(),
            field(part, "/sms_id").to_owned(),
        ]);
    }
    table
}

fn deliveries(timeline: &Value) -> Table {
    let mut table = Table::new(&["SINK", "RULE", "STATE", "ATTEMPTS", "LAST ANSWER", "ID"]);
    for delivery in timeline["deliveries"].as_array().into_iter().flatten() {
        let attempts = delivery["attempts"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let last = attempts
            .last()
            .map_or("-", |attempt| field(attempt, "/detail"));
        table.row([
            field(delivery, "/sink"),
            field(delivery, "/rule"),
            field(delivery, "/state"),
            &attempts_made(delivery),
            last,
            field(delivery, "/id"),
        ]);
    }
    table
}

/// An event in one line: what was, and what is.
pub(super) fn summary(event: &Value) -> String {
    let status = |side: &str| {
        let status = event
            .pointer(&format!("/{side}/status"))
            .and_then(Value::as_str)?;
        let detail = event
            .pointer(&format!("/{side}/detailed_status"))
            .and_then(Value::as_str);
        Some(detail.map_or(status.to_owned(), |detail| format!("{status} ({detail})")))
    };
    match (status("previous"), status("current")) {
        (Some(previous), Some(current)) => format!("{previous} → {current}"),
        (None, Some(current)) => format!("first seen as {current}"),
        _ => match event.pointer("/about/name").and_then(Value::as_str) {
            Some(name) => format!("{} ({name})", field(event, "/type")),
            None => field(event, "/type").to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_is_told_as_a_story() {
        let timeline = json!({
            "watch": {
                "message_id": "m1", "state": "final", "outcome": "failed",
                "registered_at": "2026-05-01T10:28:40Z", "next_poll_at": null,
                "tags": {"team": "crm\n\u{1b}[2J"},
                "parts": [{"sms_id": "p1", "number": 1, "status": "Undelivered",
                    "detailed_status": "Carrier Violation", "date": "2026-05-01T10:28:49Z"}],
            },
            "events": [{
                "event": {"time": "2026-05-01T10:28:49Z", "type": "sms.status_changed",
                    "previous": {"status": "Sent"},
                    "current": {"status": "Undelivered", "detailed_status": "Carrier Violation"}},
                "rules": [
                    {"rule": "carrier-violation", "fired": true, "because": "told ops-slack"},
                    {"rule": "greece", "fired": false, "because": "country is GR"},
                ],
            }],
            "deliveries": [{"sink": "ops-slack", "rule": "carrier-violation", "state": "delivered",
                "id": "dlv_1", "attempts_made": 47, "attempts": [{"detail": "200 OK"}]}],
        });
        insta::assert_snapshot!(render(&timeline));
    }

    #[test]
    fn why_nothing_is_known_of_a_message_is_said() {
        let timeline = json!({
            "watch": {
                "message_id": "m1", "state": "watching", "outcome": "pending",
                "registered_at": "2026-05-01T10:28:40Z", "next_poll_at": "2026-05-01T10:29:40Z",
                "tags": {}, "parts": [],
                "trouble": {"kind": "unreadable", "since": "2026-05-01T10:28:41Z", "polls": 3,
                    "message": "Routee's answers about this message cannot be read"},
            },
            "events": [], "deliveries": [],
        });
        insta::assert_snapshot!(render(&timeline));
    }
}
