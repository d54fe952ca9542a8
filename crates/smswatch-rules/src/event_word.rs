//! The words behind `event:` in rules.

use smswatch_model::EventKind;

/// Words that rules of a later version understand.
pub(crate) const LATER_EVENTS: [&str; 5] = [
    "stuck",
    "rate",
    "unknown_status",
    "callbacks_silent",
    "campaign_finished",
];

/// The kinds of events that a rule can be about.
pub(crate) const KINDS: [EventKind; 9] = [
    EventKind::StatusChanged,
    EventKind::NotFound,
    EventKind::GaveUp,
    EventKind::SinkDown,
    EventKind::SinkRecovered,
    EventKind::DeadLetter,
    EventKind::ProviderDown,
    EventKind::ProviderAuthFailed,
    EventKind::PollingBehind,
];

/// The word behind `event:` that stands for a kind of event; `test` stands in no rule.
#[must_use]
pub fn event_word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::StatusChanged => "status_changed",
        EventKind::NotFound => "not_found",
        EventKind::GaveUp => "gave_up",
        EventKind::SinkDown => "sink_down",
        EventKind::SinkRecovered => "sink_recovered",
        EventKind::DeadLetter => "dead_letter",
        EventKind::ProviderDown => "provider_down",
        EventKind::ProviderAuthFailed => "provider_auth_failed",
        EventKind::PollingBehind => "polling_behind",
        EventKind::Test => "test",
    }
}
