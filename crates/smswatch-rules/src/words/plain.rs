//! Values as people read them: words from outside, instants, and each value once.

use std::time::Duration;

use smswatch_model::{Event, Timestamp, turns_direction};

/// How long a word from outside may get, in characters.
const MAX_WORD: usize = 200;

/// A text from outside as one line of bounded length.
pub(super) fn word(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_shown = |letter: &char| !letter.is_control() && !turns_direction(*letter);
    let mut line: String = line.chars().filter(is_shown).collect();
    if let Some((end, _)) = line.char_indices().nth(MAX_WORD) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// `2026-05-01 10:28:49 UTC`.
pub(super) fn instant(time: Timestamp) -> String {
    Timestamp::from_seconds(time.as_seconds())
        .to_string()
        .replace('T', " ")
        .replace('Z', " UTC")
}

/// The different values, in the order in which they come, `None` included.
pub(super) fn distinct<'a, T: PartialEq>(
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

/// The greatest delay, when every event was noticed late.
pub(super) fn lateness(events: &[&Event]) -> Option<Duration> {
    let all_late = events.iter().all(|event| event.late);
    let delays = events
        .iter()
        .map(|event| event.detected_at.since(event.time));
    delays.max().filter(|_| all_late)
}
