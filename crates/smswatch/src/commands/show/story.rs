//! What happened to a message, in the order in which it did, and which rules made what of it.

use std::fmt::Write as _;

use serde_json::Value;
use smswatch_plugin::model::EventKind;
use smswatch_rules::short_words;

use crate::commands::field;
use crate::plain::plain;

/// Appends the events with the rules tried on them. Rules that made the same of several events in a row
/// are shown once, below the last of them; rules about other kinds of events only with `all`.
pub(super) fn tell(text: &mut String, timeline: &Value, all: bool) {
    text.push_str("\nWhat happened, and what today's rules make of it\n");
    let events = timeline["events"].as_array().map(Vec::as_slice);
    let events = events.unwrap_or_default();
    if events.is_empty() {
        text.push_str("  nothing yet\n");
    }
    let mut told = events.iter().map(|tried| trials(tried, all)).peekable();
    for tried in events {
        let event = &tried["event"];
        let _written = writeln!(
            text,
            "  {}  {}",
            field(event, "/time"),
            plain(&summary(event))
        );
        let trials = told.next().unwrap_or_default();
        if told.peek() == Some(&trials) {
            continue;
        }
        for trial in trials {
            let _written = writeln!(text, "    {}", plain(&trial));
        }
    }
}

/// What each rule made of an event, a line each.
fn trials(tried: &Value, all: bool) -> Vec<String> {
    let rules = tried["rules"].as_array().into_iter().flatten();
    let shown = rules.filter(|trial| all || trial["other_kind"] != true);
    let line = |trial: &Value| {
        let mark = match trial["fired"] == true {
            true => "fired",
            false => "not",
        };
        let (rule, because) = (field(trial, "/rule"), field(trial, "/because"));
        format!("{mark:<5}  {rule}: {because}")
    };
    shown.map(line).collect()
}

/// An event in one line: what was, and what is.
pub(in crate::commands) fn summary(event: &Value) -> String {
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let detail = |side: &str| word(&format!("/{side}/detailed_status"));
    let status = |side: &str| {
        let status = word(&format!("/{side}/status"))?;
        Some(detail(side).map_or(status.to_owned(), |detail| format!("{status} ({detail})")))
    };
    let what = match (status("previous"), status("current")) {
        (Some(previous), Some(current)) => match detail("current") {
            Some(detail) if event["refined"] == true => {
                format!("{previous} turns out to be {detail}")
            }
            _ => format!("{previous} → {current}"),
        },
        (None, Some(current)) => format!("first seen as {current}"),
        _ => return without_status(event),
    };
    let ended_before = match event["regression"] == true {
        true => " (it was final before)",
        false => "",
    };
    format!("{}{what}{ended_before}", part(event))
}

/// `part 2 of 3: `, where there are several.
fn part(event: &Value) -> String {
    let number = |pointer: &str| event.pointer(pointer).and_then(Value::as_u64);
    match (number("/part/number"), number("/message/part_count")) {
        (Some(number), Some(count)) if count > 1 => format!("part {number} of {count}: "),
        _ => String::new(),
    }
}

/// What an event about no status says; the type itself where a newer service knows more of them.
fn without_status(event: &Value) -> String {
    let name = field(event, "/type");
    let about = event.pointer("/about/name").and_then(Value::as_str);
    match EventKind::named(name) {
        Some(kind) => short_words(kind, about, field(event, "/message/provider")),
        None => about.map_or(name.to_owned(), |about| format!("{name} ({about})")),
    }
}
