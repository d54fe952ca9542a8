//! What happened to one part or message, in one line.

use std::collections::BTreeSet;
use std::time::Duration;

use smswatch_model::{CurrentStatus, Event, EventKind, Repeated, plain_instant, plain_word};

use super::people::provider;
use crate::duration::plain_duration;

/// What happened to a part or a message, in one line that does not say to which.
pub(super) fn what_happened(event: &Event) -> String {
    let time = plain_instant(event.time);
    let Some(current) = &event.current else {
        return match event.kind {
            EventKind::NotFound => {
                let provider = provider(&event.message);
                format!("{provider} still did not know this message at {time}")
            }
            EventKind::Stuck => format!("Parts of it are still missing{}", by_then(event)),
            _ => format!("No final status by {time}; smswatch no longer watches it"),
        };
    };
    if event.kind == EventKind::Stuck {
        return still(event, current);
    }
    let mut line = String::new();
    let date = plain_instant(current.date);
    if event.kind == EventKind::UnknownStatus {
        let (status, provider) = (plain_word(&current.status), provider(&event.message));
        return format!("{status} at {date}, a status that {provider} does not document");
    }
    match &event.previous {
        Some(previous) if event.refined => {
            let detail = current.detailed_status.as_deref().unwrap_or_default();
            let status = plain_word(&previous.status);
            line.push_str(&format!(
                "{status} at {date} turns out to be {}",
                plain_word(detail)
            ));
        }
        Some(previous) => {
            let before = full_status(&previous.status, previous.detailed_status.as_deref());
            let after = full_status(&current.status, current.detailed_status.as_deref());
            line.push_str(&format!("{before} → {after} at {date}"));
            let after = current.date.since(previous.date);
            if !after.is_zero() {
                line.push_str(&format!(", {} later", plain_duration(after)));
            }
        }
        None => {
            let status = full_status(&current.status, current.detailed_status.as_deref());
            line.push_str(&format!("{status} at {date}, seen for the first time"));
        }
    }
    if event.regression {
        line.push_str(" (it was final before)");
    }
    line
}

/// `Sent since 10:28:46 UTC, and not final 2 min after it was registered`.
fn still(event: &Event, current: &CurrentStatus) -> String {
    let status = full_status(&current.status, current.detailed_status.as_deref());
    let (since, then) = (plain_instant(current.date), by_then(event));
    format!("{status} since {since}, and not final{then}")
}

/// When a message that is stuck had no final status: ` 2 min after it was registered`.
fn by_then(event: &Event) -> String {
    match stuck_for(event) {
        Some(after) => format!(" {} after it was registered", plain_duration(after)),
        None => format!(" at {}", plain_instant(event.time)),
    }
}

/// How long after its registration a message that is stuck had no final status.
pub(super) fn stuck_for(event: &Event) -> Option<Duration> {
    let since = event.repeated.map_or(0, Repeated::seconds);
    Some(Duration::from_secs(event.after?.saturating_add(since)))
}

pub(super) fn finest(current: &CurrentStatus) -> &str {
    current
        .detailed_status
        .as_deref()
        .unwrap_or(&current.status)
}

fn full_status(status: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{} ({})", plain_word(status), plain_word(detail)),
        None => plain_word(status),
    }
}

/// The different finest words of the events, in order.
pub(super) fn finest_words(events: &[&Event]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let words = events
        .iter()
        .filter_map(|event| event.current.as_ref().map(finest));
    words
        .filter(|word| seen.insert(word.to_lowercase()))
        .map(str::to_owned)
        .collect()
}
