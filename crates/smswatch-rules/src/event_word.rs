//! The words behind `event:` in rules.

use smswatch_model::EventKind;

/// The word for every kind of event.
pub(crate) const ANY: &str = "any";

/// Words for events that are not supported yet.
pub(crate) const LATER_EVENTS: [&str; 3] = ["rate", "callbacks_silent", "campaign_finished"];

/// The kinds of events that a rule can be about: all but tests.
pub(crate) const KINDS: [EventKind; 11] = [
    EventKind::StatusChanged,
    EventKind::Stuck,
    EventKind::NotFound,
    EventKind::GaveUp,
    EventKind::UnknownStatus,
    EventKind::SinkDown,
    EventKind::SinkRecovered,
    EventKind::DeadLetter,
    EventKind::ProviderDown,
    EventKind::ProviderAuthFailed,
    EventKind::PollingBehind,
];

/// The kinds of a rule as a person reads them.
pub(crate) fn event_words(kinds: &[EventKind]) -> String {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
    match words.as_slice() {
        all if all.len() == KINDS.len() => "any event".to_owned(),
        [one] => (*one).to_owned(),
        several => format!("one of {}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_but_tests_has_a_word_for_rules() {
        for kind in EventKind::ALL {
            assert_eq!(KINDS.contains(&kind), kind != EventKind::Test, "{kind}");
            assert_eq!(EventKind::named(kind.word()), Some(kind));
            assert_eq!(EventKind::named(kind.as_str()), Some(kind));
        }
        assert_eq!(EventKind::named("nothing"), None);
    }
}
