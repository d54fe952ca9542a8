//! Values as people read them: each value once, and how late something is.

use std::time::Duration;

use smswatch_model::Event;

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
