//! The default text: who, what, what it means and who can act, in a few lines.

use smswatch_model::{Event, EventKind, Message, Outcome, plain_word};

use super::change::what_happened;
use super::people::{labels, people, provider, who};
use super::plain::{distinct, lateness};
use super::{meaning, parts, trouble};
use crate::duration::plain_duration;

/// How many events or messages a text tells of by themselves.
const MAX_LINES: usize = 10;

/// What happened, in a few lines: who, what, what it means and who can act.
#[must_use]
pub fn default_text(events: &[&Event]) -> String {
    of(events, 0)
}

/// The text of events beside which there are `omitted` others.
pub(super) fn of(events: &[&Event], omitted: u64) -> String {
    let Some(first) = events.first() else {
        return String::new();
    };
    if let Some(text) = trouble::text(events) {
        return match omitted {
            0 => text,
            more => format!("{text}\nand {more} more"),
        };
    }
    let messages = distinct(events, |event| Some(event.message.message_id.as_ref()));
    let mut lines = Vec::new();
    if messages.len() == 1 {
        lines.extend(people(&first.message));
        lines.extend(labels(&first.message));
    }
    let mut happened = if messages.len() > 1 {
        let of_each = events.iter().map(|event| {
            let line = format!("{} ({})", who(&event.message), what_happened(event));
            (line, 1)
        });
        of_each.collect()
    } else {
        parts::lines(events)
    };
    let kept = if happened.len() > MAX_LINES + 1 {
        MAX_LINES
    } else {
        happened.len()
    };
    let left_out: usize = happened.drain(kept..).map(|(_, events)| events).sum();
    let left_out = omitted.saturating_add(u64::try_from(left_out).unwrap_or(u64::MAX));
    lines.extend(happened.into_iter().map(|(line, _)| line));
    if left_out > 0 {
        lines.push(format!("and {left_out} more"));
    }
    lines.extend(descriptions(events));
    lines.extend(meaning::explanations(events));
    if let Some(delay) = lateness(events) {
        lines.push(format!(
            "It was noticed {} after it happened.",
            plain_duration(delay)
        ));
    }
    if let ([_], Some(id)) = (&messages[..], &first.message.message_id) {
        let has_parts = first.message.part_count.is_some_and(|count| count > 1);
        if has_parts && first.kind == EventKind::StatusChanged {
            lines.extend(outcome(&first.message));
        }
        lines.push(format!("Message {id}"));
    }
    lines.join("\n")
}

/// What the provider says beside the statuses, each text once.
fn descriptions(events: &[&Event]) -> Vec<String> {
    let texts = distinct(events, |event| {
        event
            .current
            .as_ref()
            .and_then(|current| current.description.as_deref())
    });
    let texts = texts
        .into_iter()
        .flatten()
        .filter(|text| !text.trim().is_empty());
    let first = events
        .first()
        .map_or_else(String::new, |event| provider(&event.message));
    texts
        .take(3)
        .map(|text| format!("{first} says: {}", plain_word(text)))
        .collect()
}

fn outcome(message: &Message) -> Option<String> {
    let text = match message.outcome? {
        Outcome::Pending => "Other parts of this message are still on their way.",
        Outcome::Delivered => "All parts of this message are delivered.",
        Outcome::Failed => {
            "The whole message counts as failed: at least one of its parts was not delivered."
        }
    };
    Some(text.to_owned())
}
