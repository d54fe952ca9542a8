//! The words behind `event:` in rules.

use smswatch_model::EventKind;

/// The word for every kind of event.
pub(crate) const ANY: &str = "any";

/// The kinds of events that a rule can be about: all but tests.
pub(crate) const KINDS: [EventKind; 15] = [
    EventKind::StatusChanged,
    EventKind::Stuck,
    EventKind::NotFound,
    EventKind::GaveUp,
    EventKind::UnknownStatus,
    EventKind::CampaignFinished,
    EventKind::AlertFiring,
    EventKind::AlertResolved,
    EventKind::SinkDown,
    EventKind::SinkRecovered,
    EventKind::DeadLetter,
    EventKind::ProviderDown,
    EventKind::ProviderAuthFailed,
    EventKind::PollingBehind,
    EventKind::CallbacksSilent,
];

/// The word for the alerts of a rate.
pub(crate) const RATE: &str = "rate";

/// The word that stands for a kind behind `event:`.
pub(crate) fn rule_word(kind: EventKind) -> &'static str {
    if kind.is_of_rate() { RATE } else { kind.word() }
}

/// The kinds of a rule as a person reads them.
pub(crate) fn event_words(kinds: &[EventKind]) -> String {
    let mut words: Vec<&str> = kinds.iter().map(|kind| rule_word(*kind)).collect();
    words.dedup();
    match words.as_slice() {
        _ if kinds.len() == KINDS.len() => "any event".to_owned(),
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
