//! What silences and maintenance windows hold back.

use smswatch_model::Event;
use smswatch_plugin::rules::{HoldBack, Telling};

use crate::condition::Condition;
use crate::event_word::RATE;
use crate::field::View;
use crate::pattern::{NumberKey, Patterns, Subject};

/// What must hold of an event, and of the rule and sink of its notification, for it to be held back.
#[derive(Debug, Default)]
pub(crate) struct Matching {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) telling: Vec<(TellingKey, Patterns)>,
}

/// What the `match` of silences is compiled against.
pub(crate) struct Silencing {
    pub(crate) number_key: NumberKey,
    pub(crate) texts_are_kept: bool,
    pub(crate) numbers_are_masked: bool,
    /// The names of the tags that the rules use.
    pub(crate) tags: Vec<String>,
}

/// A key that `match` has beside those of a rule's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TellingKey {
    Event,
    Rule,
    Severity,
    Sink,
}

/// All of them by their names.
pub(crate) const TELLING_KEYS: [(&str, TellingKey); 4] = [
    ("event", TellingKey::Event),
    ("rule", TellingKey::Rule),
    ("severity", TellingKey::Severity),
    ("sink", TellingKey::Sink),
];

impl HoldBack for Matching {
    fn holds(&self, event: &Event, telling: Telling<'_>) -> bool {
        let of_telling = |(key, patterns): &(TellingKey, Patterns)| {
            let text = match key {
                // That an alert fires, and that it is resolved, is what a rule calls a rate.
                TellingKey::Event if event.alert.is_some() => {
                    let words = [RATE, event.kind.word()].map(str::to_owned);
                    return patterns.hold_of_any(&words);
                }
                TellingKey::Event => event.kind.word(),
                TellingKey::Rule => telling.rule,
                TellingKey::Severity => telling.severity.as_str(),
                TellingKey::Sink => telling.sink,
            };
            patterns.hold(Subject {
                text: Some(text),
                key: None,
            })
        };
        let view = View::of(event);
        self.telling.iter().all(of_telling)
            && self
                .conditions
                .iter()
                .all(|condition| condition.holds(view))
    }
}
