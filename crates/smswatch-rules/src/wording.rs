//! The titles and texts of notifications that have no template of their own: what a tired person
//! understands at once.

mod meaning;
mod own;
mod parts;
mod short;

use std::collections::BTreeSet;
use std::time::Duration;

pub use self::short::short_words;

use smswatch_model::{CurrentStatus, Event, EventKind, Message, Outcome, Timestamp};

/// How many events or messages a text tells of by themselves.
const MAX_LINES: usize = 10;

/// How long a word from outside may get, in characters.
const MAX_WORD: usize = 200;

/// What happened, in one line: `Carrier Violation: 1 message from MyShop to GR`.
///
/// The events are of one kind; of none, the title is empty.
#[must_use]
pub fn default_title(events: &[&Event]) -> String {
    let Some(first) = events.first() else {
        return String::new();
    };
    if let Some(title) = own::title(events) {
        return title;
    }
    let what = match first.kind {
        EventKind::NotFound => format!("Not known to {}", provider(&first.message)),
        EventKind::GaveUp => "No final status".to_owned(),
        _ => statuses(events),
    };
    let mut title = format!("{what}: {}", how_many(events));
    if let [Some(from)] = distinct(events, |event| event.message.from.as_deref())[..] {
        title.push_str(&format!(" from {}", word(from)));
    }
    match distinct(events, |event| event.message.country.as_deref())[..] {
        [Some(country)] => title.push_str(&format!(" to {}", word(country))),
        [_] | [] => {}
        ref countries => title.push_str(&format!(" to {} countries", countries.len())),
    }
    if let Some(delay) = lateness(events) {
        title.push_str(&format!(" (noticed {} late)", plain_duration(delay)));
    }
    title
}

/// What happened, in a few lines: who, what, what it means and who can act.
#[must_use]
pub fn default_text(events: &[&Event]) -> String {
    let Some(first) = events.first() else {
        return String::new();
    };
    if let Some(text) = own::text(events) {
        return text;
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
        if first.message.part_count > 1 && first.kind == EventKind::StatusChanged {
            lines.push(outcome(&first.message));
        }
        lines.push(format!("Message {id}"));
    }
    lines.join("\n")
}

/// The statuses that were taken, the finer ones where they are known.
fn statuses(events: &[&Event]) -> String {
    let mut words: Vec<String> = Vec::new();
    for event in events {
        let Some(current) = &event.current else {
            continue;
        };
        let mut status = word(finest(current));
        if let Some(previous) = event.previous.as_ref().filter(|_| event.regression) {
            status = format!("{status} after {}", word(&previous.status));
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
        .map(|event| event.message.part_count)
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

/// What happened to a part or a message, in one line that does not say to which.
fn what_happened(event: &Event) -> String {
    let time = instant(event.time);
    let Some(current) = &event.current else {
        return match event.kind {
            EventKind::NotFound => {
                let provider = provider(&event.message);
                format!("{provider} still did not know this message at {time}")
            }
            _ => format!("No final status by {time}; it is no longer watched"),
        };
    };
    let mut line = String::new();
    let date = instant(current.date);
    match &event.previous {
        Some(previous) if event.refined => {
            let detail = current.detailed_status.as_deref().unwrap_or_default();
            let status = word(&previous.status);
            line.push_str(&format!(
                "{status} at {date} turns out to be {}",
                word(detail)
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
        line.push_str(" (it had ended before)");
    }
    line
}

/// `From MyShop to +3069******01 (GR, Example Mobile)`.
fn people(message: &Message) -> Option<String> {
    let from = message
        .from
        .as_deref()
        .map(|from| format!("From {}", word(from)));
    let to = message.to.as_deref().map(word);
    let whereabouts = [message.country.as_deref(), message.operator.as_deref()];
    let whereabouts: Vec<String> = whereabouts.into_iter().flatten().map(word).collect();
    let whereabouts = whereabouts.join(", ");
    let to = match (to, whereabouts.is_empty()) {
        (Some(to), true) => Some(format!("to {to}")),
        (Some(to), false) => Some(format!("to {to} ({whereabouts})")),
        (None, false) => Some(format!("to {whereabouts}")),
        (None, true) => None,
    };
    match (from, to) {
        (Some(from), Some(to)) => Some(format!("{from} {to}")),
        (None, Some(to)) => Some(format!("T{}", &to[1..])),
        (from, None) => from,
    }
}

/// `Label order-17 · campaign Spring · tags team=crm`.
fn labels(message: &Message) -> Option<String> {
    let mut labels = Vec::new();
    if let Some(label) = &message.label {
        labels.push(format!("label {}", word(label)));
    }
    if let Some(campaign) = &message.campaign {
        labels.push(format!("campaign {}", word(campaign)));
    }
    if !message.groups.is_empty() {
        labels.push(format!("groups {}", word(&message.groups.join(", "))));
    }
    if !message.tags.is_empty() {
        let tags = message
            .tags
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        labels.push(format!(
            "tags {}",
            word(&tags.collect::<Vec<_>>().join(", "))
        ));
    }
    let labels = labels.join(" · ");
    let first = labels.get(..1)?.to_uppercase();
    Some(format!("{first}{}", &labels[1..]))
}

/// A message in few words, among others.
fn who(message: &Message) -> String {
    let id = message
        .message_id
        .as_ref()
        .map_or_else(String::new, |id| format!("message {id}"));
    match (&message.to, &message.country) {
        (Some(to), Some(country)) => format!("{} in {}, {id}", word(to), word(country)),
        (Some(to), None) => format!("{}, {id}", word(to)),
        _ => id,
    }
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
        .map(|text| format!("{first} says: {}", word(text)))
        .collect()
}

fn outcome(message: &Message) -> String {
    let text = match message.outcome {
        Outcome::Pending => "Other parts of this message are still on their way.",
        Outcome::Delivered => "All parts of this message are delivered.",
        Outcome::Failed => "All parts of this message have ended, and not all were delivered.",
    };
    text.to_owned()
}

fn finest(current: &CurrentStatus) -> &str {
    current
        .detailed_status
        .as_deref()
        .unwrap_or(&current.status)
}

fn full_status(status: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{} ({})", word(status), word(detail)),
        None => word(status),
    }
}

fn provider(message: &Message) -> String {
    capitalized(&message.provider)
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// The greatest delay, when every event was noticed late.
fn lateness(events: &[&Event]) -> Option<Duration> {
    let all_late = events.iter().all(|event| event.late);
    let delays = events
        .iter()
        .map(|event| event.detected_at.since(event.time));
    delays.max().filter(|_| all_late)
}

/// The different values, in the order in which they come, `None` included.
fn distinct<'a, T: PartialEq>(
    events: &[&'a Event],
    value: impl Fn(&'a Event) -> Option<T>,
) -> Vec<Option<T>> {
    let mut values = Vec::new();
    for event in events {
        let value = value(event);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

/// A text from outside as one line of bounded length.
fn word(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line: String = line.chars().filter(|letter| !letter.is_control()).collect();
    if let Some((end, _)) = line.char_indices().nth(MAX_WORD) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// `2026-05-01 10:28:49 UTC`.
fn instant(time: Timestamp) -> String {
    Timestamp::from_seconds(time.as_seconds())
        .to_string()
        .replace('T', " ")
        .replace('Z', " UTC")
}

/// A duration in its two greatest units: `3 s`, `4 min 5 s`, `2 h`.
fn plain_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (great, unit, rest, smaller) = match seconds {
        0..60 => return format!("{seconds} s"),
        60..3_600 => (seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => (seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => (seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    };
    if rest == 0 {
        format!("{great} {unit}")
    } else {
        format!("{great} {unit} {rest} {smaller}")
    }
}

/// The different finest words of the events, in order.
fn finest_words(events: &[&Event]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let words = events
        .iter()
        .filter_map(|event| event.current.as_ref().map(finest));
    words
        .filter(|word| seen.insert(word.to_lowercase()))
        .map(str::to_owned)
        .collect()
}
