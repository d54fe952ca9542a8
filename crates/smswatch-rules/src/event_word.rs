//! The words behind `event:` in rules.

use smswatch_model::EventKind;

/// Words that rules of a later version understand.
pub(crate) const LATER_EVENTS: [&str; 10] = [
    "stuck",
    "rate",
    "unknown_status",
    "sink_down",
    "sink_recovered",
    "provider_down",
    "provider_auth_failed",
    "polling_behind",
    "callbacks_silent",
    "campaign_finished",
];

/// The kinds of events that a rule can be about.
pub(crate) const KINDS: [EventKind; 3] = [
    EventKind::StatusChanged,
    EventKind::NotFound,
    EventKind::GaveUp,
];

/// The word behind `event:` that stands for a kind of event; `test` stands in no rule.
#[must_use]
pub fn event_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::StatusChanged => "status_changed",
        EventKind::NotFound => "not_found",
        EventKind::GaveUp => "gave_up",
        EventKind::Test => "test",
    }
}
