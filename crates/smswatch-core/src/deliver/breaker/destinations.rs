//! The breakers of the destinations that rules chose, kept with that of their sink.
//!
//! Only destinations in trouble are kept, and those that were lately: what waited for them must not be
//! given up for the time in which it was parked.

use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

use super::{Circuit, Destination, Flow, News, Report};
use crate::settings::BreakerSettings;

/// How many destinations of a sink are kept at most.
const MOST: usize = 64;

/// A destination that is, or lately was, in trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Destined {
    /// What it is, for people.
    pub(crate) words: String,
    pub(crate) circuit: Circuit,
    /// What a later version keeps here.
    #[serde(flatten)]
    unknown: serde_json::Map<String, serde_json::Value>,
}

impl Circuit {
    /// The breaker of a destination; `None` when nothing is known against it.
    pub(crate) fn of(&self, key: &str) -> Option<&Self> {
        self.destinations.get(key).map(|destined| &destined.circuit)
    }

    /// Whether the breaker is open, or that of this destination.
    pub(crate) fn is_open(&self, destination: Option<&str>) -> bool {
        let circuit = match destination {
            Some(key) => self.of(key),
            None => Some(self),
        };
        circuit.is_some_and(|circuit| circuit.open_since().is_some())
    }

    /// All destinations that are kept, by their keys.
    pub(crate) fn destinations(&self) -> impl Iterator<Item = (&str, &Destined)> {
        let all = self.destinations.iter();
        all.map(|(key, destined)| (key.as_str(), destined))
    }

    /// Whether deliveries for one of the destinations are held back.
    pub(crate) fn holds_destinations(&self, now: Timestamp) -> bool {
        let mut all = self.destinations.values();
        all.any(|destined| !matches!(destined.circuit.flow(now), Flow::Open { .. }))
    }

    /// Takes in what an attempt said about a destination.
    pub(crate) fn take_for(
        &mut self,
        destination: &Destination,
        report: Report,
        settings: &BreakerSettings,
        now: Timestamp,
    ) -> Option<News> {
        if !self.destinations.contains_key(destination.key()) {
            if matches!(report, Report::Well { .. }) {
                return None;
            }
            self.make_room(now);
        }
        let entry = self.destinations.entry(destination.key().to_owned());
        let destined = entry.or_insert_with(|| Destined {
            words: destination.words().to_owned(),
            circuit: Self::default(),
            unknown: serde_json::Map::new(),
        });
        let news = destined.circuit.take(report, settings, now);
        // A queue is made due as a whole.
        let to_make_due = destined.circuit.to_make_due.take();
        self.to_make_due = to_make_due.or(self.to_make_due);
        news
    }

    /// Takes the right to probe a destination, if it is time for it.
    pub(crate) fn take_probe_of(
        &mut self,
        key: &str,
        settings: &BreakerSettings,
        now: Timestamp,
    ) -> bool {
        let destined = self.destinations.get_mut(key);
        destined.is_some_and(|destined| destined.circuit.take_probe(settings, now))
    }

    /// Ends what holds the destinations back: each is probed at once.
    pub(super) fn resume_destinations(&mut self, now: Timestamp) {
        for destined in self.destinations.values_mut() {
            destined.circuit.resume(now);
        }
        if !self.destinations.is_empty() {
            self.to_make_due = Some(now);
        }
    }

    /// Forgets one that is well, if need be the one that was so first; if all are in trouble, the one
    /// that was found so first, which is found out about again.
    fn make_room(&mut self, now: Timestamp) {
        while self.destinations.len() >= MOST {
            let age = |destined: &Destined| {
                let circuit = &destined.circuit;
                let is_parked = !matches!(circuit.flow(now), Flow::Open { .. });
                (is_parked, !circuit.is_well(), circuit.all_parked(now).end())
            };
            let oldest = self.destinations.iter();
            let oldest = oldest.min_by_key(|(_, destined)| age(destined));
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.destinations.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 3,
        probe: Duration::from_secs(30),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn destination(n: usize) -> Destination {
        let json = format!(r##"{{"channel": "#{n}"}}"##);
        Destination::from(&serde_json::from_str(&json).expect("an object"))
    }

    fn fail(circuit: &mut Circuit, n: usize, second: i64) -> Option<News> {
        let reason = "channel_not_found".to_owned();
        let report = Report::Failed { reason };
        circuit.take_for(&destination(n), report, &SETTINGS, at(second))
    }

    fn flow(circuit: &Circuit, n: usize, second: i64) -> Flow {
        let known = circuit.of(destination(n).key());
        known.map_or(Flow::Open { since: None }, |known| known.flow(at(second)))
    }

    #[test]
    fn a_destination_that_fails_is_parked_alone_and_told_once() {
        let mut circuit = Circuit::default();
        assert_eq!(fail(&mut circuit, 1, 0), None);
        assert_eq!(fail(&mut circuit, 2, 0), None);
        assert_eq!(fail(&mut circuit, 1, 1), None);
        assert!(!circuit.holds_destinations(at(1)));
        assert!(matches!(fail(&mut circuit, 1, 2), Some(News::Down { .. })));
        assert_eq!(
            flow(&circuit, 1, 3),
            Flow::Parked {
                until: Some(at(32))
            }
        );
        assert_eq!(flow(&circuit, 2, 3), Flow::Open { since: None });
        assert_eq!(circuit.flow(at(3)), Flow::Open { since: None });
        assert!(circuit.is_well(), "nothing is known against the sink");
        assert!(circuit.holds_destinations(at(3)));
    }

    #[test]
    fn a_destination_that_is_well_again_has_the_queue_made_due() {
        let mut circuit = Circuit::default();
        for second in 0..3 {
            fail(&mut circuit, 1, second);
        }
        let key = destination(1).key().to_owned();
        assert!(!circuit.take_probe_of(&key, &SETTINGS, at(31)));
        assert!(circuit.take_probe_of(&key, &SETTINGS, at(32)));
        assert!(!circuit.take_probe_of(&key, &SETTINGS, at(32)));
        let well = Report::Well { is_probe: true };
        let news = circuit.take_for(&destination(1), well, &SETTINGS, at(33));
        assert!(matches!(news, Some(News::Recovered { .. })));
        assert_eq!(circuit.to_make_due, Some(at(33)));
        let parked = circuit.of(&key).expect("it is kept");
        assert_eq!(parked.parked_within(at(0), at(100)).as_secs(), 31);
    }

    #[test]
    fn resuming_a_sink_has_its_destinations_probed_at_once() {
        let mut circuit = Circuit::default();
        for second in 0..3 {
            fail(&mut circuit, 1, second);
        }
        circuit.resume(at(4));
        assert_eq!(flow(&circuit, 1, 4), Flow::Probe);
        assert_eq!(circuit.to_make_due, Some(at(4)));
    }

    #[test]
    fn what_a_later_version_keeps_here_is_not_lost() {
        let mut later: serde_json::Value =
            serde_json::from_slice(&Circuit::default().encode()[1..]).expect("JSON");
        later["colour"] = "red".into();
        let mut bytes = vec![1];
        bytes.extend(serde_json::to_vec(&later).expect("JSON"));
        let mut circuit = Circuit::decode(&bytes).expect("it is readable");
        circuit.pause(at(0));
        let text = String::from_utf8(circuit.encode()).expect("text");
        assert!(text.contains(r#""colour":"red""#), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn destinations_are_few_and_no_trouble_of_one_touches_another(
            steps in prop::collection::vec((0..100_usize, prop::bool::weighted(0.8)), 0..200),
        ) {
            let mut circuit = Circuit::default();
            for (second, (n, fails)) in (0..).zip(steps) {
                let others = circuit.destinations.clone();
                if fails {
                    fail(&mut circuit, n, second);
                } else {
                    let well = Report::Well { is_probe: false };
                    circuit.take_for(&destination(n), well, &SETTINGS, at(second));
                }
                prop_assert!(circuit.destinations.len() <= MOST);
                prop_assert!(circuit.is_well());
                let own = destination(n);
                for (key, destined) in &circuit.destinations {
                    prop_assert!(key == own.key() || others.get(key) == Some(destined));
                }
            }
            prop_assert_eq!(Circuit::decode(&circuit.encode()), Some(circuit));
        }
    }
}
