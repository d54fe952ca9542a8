//! The default title: what happened to how many messages, in one line.

use smswatch_model::{Event, EventKind, plain_word};

use super::change::{finest, stuck_for};
use super::people::provider;
use super::plain::{distinct, lateness};
use super::trouble;
use crate::duration::plain_duration;

/// What happened, in one line: `Carrier Violation: 1 message from MyShop to GR`.
///
/// The events are of one kind; of none, the title is empty.
#[must_use]
pub fn default_title(events: &[&Event]) -> String {
    let Some(first) = events.first() else {
        return String::new();
    };
    if let Some(title) = trouble::title(events) {
        return title;
    }
    let what = match first.kind {
        EventKind::NotFound => format!("Not known to {}", provider(&first.message)),
        EventKind::Stuck => match distinct(events, stuck_for)[..] {
            [Some(after)] => {
                let after = plain_duration(after);
                match first.repeated {
                    None => format!("No final status after {after}"),
                    Some(_) => format!("Still no final status after {after}"),
                }
            }
            _ => "No final status yet".to_owned(),
        },
        EventKind::UnknownStatus => format!("Unknown status {}", statuses(events)),
        EventKind::GaveUp => "Gave up without a final status".to_owned(),
        _ => statuses(events),
    };
    let mut title = format!("{what}: {}", how_many(events));
    if let [Some(from)] = distinct(events, |event| event.message.from.as_deref())[..] {
        title.push_str(&format!(" from {}", plain_word(from)));
    }
    match distinct(events, |event| event.message.country.as_deref())[..] {
        [Some(country)] => title.push_str(&format!(" to {}", plain_word(country))),
        [_] | [] => {}
        ref countries => title.push_str(&format!(" to {} countries", countries.len())),
    }
    if let Some(delay) = lateness(events) {
        title.push_str(&format!(" (noticed {} late)", plain_duration(delay)));
    }
    title
}

/// The title of events beside which there are `omitted` others.
pub(super) fn with_omitted(title: String, omitted: u64) -> String {
    match omitted {
        0 => title,
        1 => format!("{title}, and 1 more event"),
        more => format!("{title}, and {more} more events"),
    }
}

/// The statuses that were taken, the finer ones where they are known.
fn statuses(events: &[&Event]) -> String {
    let mut words: Vec<String> = Vec::new();
    for event in events {
        let Some(current) = &event.current else {
            continue;
        };
        let mut status = plain_word(finest(current));
        if let Some(previous) = event.previous.as_ref().filter(|_| event.regression) {
            status = format!("{status} after {}", plain_word(&previous.status));
        }
        if !words
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&status))
        {
            words.push(status);
        }
    }
    match &words[..] {
        [] => "Status changed".to_owned(),
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        several => format!("{} different statuses", several.len()),
    }
}

/// `1 message`, `2 of 3 parts of 1 message`, `5 messages`.
fn how_many(events: &[&Event]) -> String {
    let n_messages = distinct(events, |event| Some(event.message.message_id.as_ref())).len();
    if n_messages > 1 {
        return format!("{n_messages} messages");
    }
    let n_told = distinct(events, |event| event.part.sms_id.as_ref().map(Some)).len();
    let n_parts = events
        .iter()
        .filter_map(|event| event.message.part_count)
        .max()
        .unwrap_or(0);
    match usize::try_from(n_parts) {
        Ok(n_parts) if n_parts > 1 && n_told >= n_parts => {
            format!("all {n_parts} parts of 1 message")
        }
        Ok(n_parts) if n_parts > 1 && n_told > 0 => {
            format!("{n_told} of {n_parts} parts of 1 message")
        }
        _ => "1 message".to_owned(),
    }
}
