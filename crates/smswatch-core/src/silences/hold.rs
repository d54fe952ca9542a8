//! What a silence or a maintenance window holds back, ready to be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use smswatch_model::{Event, Notification, Timestamp};

use crate::rules::{HoldBack, OpenWindow, RuleMatch, Telling};

/// What the reason of a delivery begins with that a silence holds back.
const OF_SILENCE: &str = "silence:";

/// What it begins with where that is a maintenance window.
const OF_MAINTENANCE: &str = "maintenance:";

/// The id of the silence that a delivery's reason names; `None` if something else holds it back.
pub(crate) fn silence_id(reason: &str) -> Option<&str> {
    reason.strip_prefix(OF_SILENCE)
}

/// The reason that names this maintenance window.
pub(crate) fn maintenance_reason(name: &str) -> String {
    format!("{OF_MAINTENANCE}{name}")
}

/// One thing that holds others back.
#[derive(Debug)]
pub(crate) struct Hold {
    /// Its name, as deliveries tell it.
    reason: Arc<str>,
    until: Timestamp,
    hold_back: Arc<dyn HoldBack>,
}

/// All that is held back just now.
#[derive(Debug, Default)]
pub(crate) struct Holds(Vec<Hold>);

impl Hold {
    pub(crate) fn of_silence(id: &str, until: Timestamp, hold_back: Arc<dyn HoldBack>) -> Self {
        Self {
            reason: format!("{OF_SILENCE}{id}").into(),
            until,
            hold_back,
        }
    }

    pub(super) fn of_window(window: OpenWindow) -> Self {
        Self {
            reason: maintenance_reason(&window.name).into(),
            until: window.until,
            hold_back: window.hold_back,
        }
    }
}

impl Holds {
    /// All that is held back while these windows are open.
    pub(crate) fn of_windows(windows: Vec<OpenWindow>) -> Self {
        Self(windows.into_iter().map(Hold::of_window).collect())
    }

    pub(crate) fn add(&mut self, hold: Hold) {
        self.0.push(hold);
    }

    /// Why an event is not told; `None` if nothing holds it back.
    fn reason(&self, event: &Event, telling: Telling<'_>, now: Timestamp) -> Option<&Arc<str>> {
        let held = |hold: &&Hold| now < hold.until && hold.hold_back.holds(event, telling);
        self.0.iter().find(held).map(|hold| &hold.reason)
    }

    /// Whether nothing is left to tell of what a match wants told of `events`.
    pub(crate) fn hold_all(
        &self,
        rule_match: &RuleMatch,
        events: &[Event],
        now: Timestamp,
    ) -> bool {
        let mut positions = rule_match.events.iter();
        positions.all(|position| self.hold(rule_match, &events[*position], now))
    }

    /// Whether it is held back that a match tells `event`.
    pub(crate) fn hold(&self, rule_match: &RuleMatch, event: &Event, now: Timestamp) -> bool {
        let telling = Telling {
            rule: &rule_match.rule,
            sink: &rule_match.sink,
            severity: rule_match.severity,
        };
        !self.0.is_empty() && self.reason(event, telling, now).is_some()
    }

    /// Parts what rules want told of `events` from what is held back of it: a match that has lost the events
    /// that are held back, and one for each reason why. A match of which nothing is left is gone.
    pub(crate) fn part(
        &self,
        matches: Vec<RuleMatch>,
        events: &[Event],
        now: Timestamp,
    ) -> (Vec<RuleMatch>, Vec<(RuleMatch, Arc<str>)>) {
        if self.0.is_empty() {
            return (matches, Vec::new());
        }
        let (mut told, mut held_back) = (Vec::new(), Vec::new());
        for rule_match in matches {
            let telling = Telling {
                rule: &rule_match.rule,
                sink: &rule_match.sink,
                severity: rule_match.severity,
            };
            let wanted = rule_match.events.iter().copied();
            let (left, by_reason) = self.part_events(events, wanted, telling, now);
            let of = |events: Vec<usize>| RuleMatch {
                events,
                ..rule_match.clone()
            };
            let parted = by_reason.into_iter();
            held_back.extend(parted.map(|(reason, events)| (of(events), reason)));
            if !left.is_empty() {
                told.push(of(left));
            }
        }
        (told, held_back)
    }

    /// Parts the events at these `positions`: those that are told, and by each reason those that it holds back.
    pub(crate) fn part_events(
        &self,
        events: &[Event],
        positions: impl IntoIterator<Item = usize>,
        telling: Telling<'_>,
        now: Timestamp,
    ) -> (Vec<usize>, BTreeMap<Arc<str>, Vec<usize>>) {
        let (mut told, mut held_back) = (Vec::new(), BTreeMap::<_, Vec<usize>>::new());
        for position in positions {
            match self.reason(&events[position], telling, now) {
                Some(reason) => held_back
                    .entry(Arc::clone(reason))
                    .or_default()
                    .push(position),
                None => told.push(position),
            }
        }
        (told, held_back)
    }

    /// Why nothing of a notification is to be told to `sink`; `None` if something is left to tell. It is told
    /// as a whole or not at all.
    pub(crate) fn reason_of_all(
        &self,
        notification: &Notification,
        sink: &str,
        now: Timestamp,
    ) -> Option<Arc<str>> {
        let telling = Telling {
            rule: &notification.rule,
            sink,
            severity: notification.severity,
        };
        if self.0.is_empty() || notification.events.is_empty() {
            return None;
        }
        let reasons = notification
            .events
            .iter()
            .map(|event| self.reason(event, telling, now));
        let reasons: Option<Vec<&Arc<str>>> = reasons.collect();
        reasons?.first().map(|reason| Arc::clone(reason))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use smswatch_model::{Overrides, Severity};

    use super::*;
    use crate::event::test_event;

    /// Holds back what this rule tells of the event with this number.
    #[derive(Debug)]
    struct Of(&'static str, u64);

    impl HoldBack for Of {
        fn holds(&self, event: &Event, telling: Telling<'_>) -> bool {
            telling.rule == self.0 && *event == numbered(self.1)
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_777_636_800)
    }

    fn numbered(n: u64) -> Event {
        test_event("routee", "crm", now(), n)
    }

    fn wanted(rule: &str, events: &[usize]) -> RuleMatch {
        RuleMatch {
            rule: rule.to_owned(),
            sink: "crm".to_owned(),
            overrides: Overrides::new(),
            severity: Severity::Warning,
            group: BTreeMap::new(),
            gathering: None,
            is_once: false,
            events: events.to_vec(),
        }
    }

    fn window(name: &str, of: Of, seconds: i64) -> Hold {
        Hold::of_window(OpenWindow {
            name: name.to_owned(),
            since: now(),
            until: Timestamp::from_seconds(now().as_seconds() + seconds),
            matching: Value::Null,
            hold_back: Arc::new(of),
        })
    }

    #[test]
    fn each_event_is_told_or_held_back_for_its_own_reason() {
        let events = [0, 1, 2].map(numbered);
        let holds = Holds(vec![
            window("over", Of("a", 2), 0),
            window("first", Of("a", 0), 60),
            window("second", Of("a", 1), 60),
            window("third", Of("b", 1), 60),
        ]);
        let matches = vec![
            wanted("a", &[0, 1, 2]),
            wanted("b", &[1]),
            wanted("c", &[0, 1]),
        ];
        let (told, held_back) = holds.part(matches.clone(), &events, now());
        assert_eq!(told, [wanted("a", &[2]), wanted("c", &[0, 1])]);
        let held_back: Vec<_> = held_back
            .iter()
            .map(|(rule_match, reason)| (rule_match.clone(), &**reason))
            .collect();
        let expected = [
            (wanted("a", &[0]), "maintenance:first"),
            (wanted("a", &[1]), "maintenance:second"),
            (wanted("b", &[1]), "maintenance:third"),
        ];
        assert_eq!(held_back, expected);
        let nothing = Holds::default().part(matches.clone(), &events, now());
        assert_eq!(nothing, (matches, Vec::new()));
    }
}
