//! What happened to a message, in the order in which it did, and which rules made what of it.

use std::fmt::Write as _;

use smswatch_api::events::{EventView, StatusView};
use smswatch_api::watches::{RuleVerdictReply, TriedEventReply};
use smswatch_plugin::model::EventKind;
use smswatch_rules::short_words;

use crate::commands::or_dash;
use crate::plain::plain;

/// Appends the events with the rules tried on them. Rules that made the same of several events in a row
/// are shown once, below the last of them; rules about other kinds of events only with `all`.
pub(super) fn write(text: &mut String, events: &[TriedEventReply<EventView>], all: bool) {
    text.push_str("\nWhat happened, and what today's rules make of it\n");
    if events.is_empty() {
        text.push_str("  nothing yet\n");
    }
    let mut told = events
        .iter()
        .map(|tried| verdict_lines(&tried.rules, all))
        .peekable();
    for tried in events {
        let event = &tried.event;
        let _written = writeln!(
            text,
            "  {}  {}",
            or_dash(Some(&event.time)),
            plain(&summary(event))
        );
        let verdicts = told.next().unwrap_or_default();
        if told.peek() == Some(&verdicts) {
            continue;
        }
        for verdict in verdicts {
            let _written = writeln!(text, "    {}", plain(&verdict));
        }
    }
}

/// What each rule made of an event, a line each.
pub(crate) fn verdict_lines(rules: &[RuleVerdictReply], all: bool) -> Vec<String> {
    let shown = rules.iter().filter(|verdict| all || !verdict.other_kind);
    let line = |verdict: &RuleVerdictReply| {
        let mark = match verdict.fired {
            true => "fired",
            false => "not",
        };
        format!("{mark:<5}  {}: {}", verdict.rule, verdict.because)
    };
    shown.map(line).collect()
}

/// An event in one line: what was, and what is.
pub(crate) fn summary(event: &EventView) -> String {
    let is_change = event.kind == EventKind::StatusChanged.as_str();
    let what = match (&event.previous, &event.current) {
        (_, Some(current)) if !is_change => {
            format!("{}: {}", without_status(event), said(current))
        }
        (Some(previous), Some(current)) => match &current.detailed_status {
            Some(detail) if event.refined => format!("{} turns out to be {detail}", said(previous)),
            _ => format!("{} → {}", said(previous), said(current)),
        },
        (None, Some(current)) => format!("first seen as {}", said(current)),
        (_, None) => return without_status(event),
    };
    let ended_before = match event.regression {
        true => " (it was final before)",
        false => "",
    };
    format!("{}{what}{ended_before}", part(event))
}

/// `Undelivered (Carrier Violation)`.
fn said(known: &StatusView) -> String {
    match &known.detailed_status {
        Some(detail) => format!("{} ({detail})", known.status),
        None => known.status.clone(),
    }
}

/// `part 2 of 3: `, where there are several.
fn part(event: &EventView) -> String {
    match (event.part.number, event.message.part_count) {
        (Some(number), Some(count)) if count > 1 => format!("part {number} of {count}: "),
        _ => String::new(),
    }
}

/// What an event about no status says; the type itself where a newer service knows more of them.
fn without_status(event: &EventView) -> String {
    let name = or_dash(Some(&event.kind));
    let about = event.about.as_ref().map(|about| about.name.as_str());
    match EventKind::named(name) {
        Some(kind) => short_words(kind, about, or_dash(Some(&event.message.provider))),
        None => about.map_or(name.to_owned(), |about| format!("{name} ({about})")),
    }
}
