//! Brings the next probe forward: when it is asked for, or when a clock that was far ahead has set it.

use std::time::Duration;

use smswatch_model::Timestamp;

use super::{Circuit, GONE_PROBE, MAX_RETRY_AFTER};
use crate::settings::BreakerSettings;

/// By how much the clocks of processes differ at most.
const WRONG_BY: Duration = Duration::from_secs(60);

impl Circuit {
    /// Has an open breaker probed at once, and those of the destinations.
    pub(crate) fn probe_now(&mut self, now: Timestamp) {
        if let Some(open) = &mut self.open {
            open.probe_at = open.probe_at.min(now);
            open.refused = 0;
        }
        for destined in self.destinations.values_mut() {
            destined.circuit.probe_now(now);
        }
    }

    /// Ends what lies further ahead than anything can be: a clock was far ahead when it was noted.
    pub(crate) fn recall(&mut self, settings: &BreakerSettings, now: Timestamp) {
        if let Some(open) = &mut self.open {
            let longest = settings.probe.max(GONE_PROBE);
            if open.probe_at.since(now) > longest + WRONG_BY {
                open.probe_at = now;
            }
            if open.since.since(now) > WRONG_BY {
                open.since = now;
            }
        }
        if let Some(held) = &mut self.held
            && held.to.since(now) > MAX_RETRY_AFTER + WRONG_BY
        {
            held.from = held.from.min(now);
            held.to = now;
        }
        for destined in self.destinations.values_mut() {
            destined.circuit.recall(settings, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Destination, Flow, Report};
    use super::*;

    const SETTINGS: BreakerSettings = BreakerSettings {
        failures: 1,
        probe: Duration::from_secs(30),
    };

    const YEAR: i64 = 365 * 24 * 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn destination() -> Destination {
        let overrides = serde_json::from_str(r##"{"channel": "#private"}"##);
        Destination::from(&overrides.expect("an object"))
    }

    fn failed() -> Report {
        Report::Failed {
            reason: "it answered 500".to_owned(),
        }
    }

    /// A breaker that opened at this second, as did that of a destination.
    fn opened(second: i64) -> Circuit {
        let mut circuit = Circuit::default();
        circuit.take(failed(), &SETTINGS, at(second));
        circuit.take_for(&destination(), failed(), &SETTINGS, at(second));
        circuit
    }

    fn flows(circuit: &Circuit, second: i64) -> [Flow; 2] {
        let of = circuit.of(destination().key()).expect("it is kept");
        [circuit.flow(at(second)), of.flow(at(second))]
    }

    #[test]
    fn what_a_clock_that_was_far_ahead_has_parked_is_probed_now() {
        let mut circuit = opened(YEAR);
        circuit.recall(&SETTINGS, at(0));
        assert_eq!(flows(&circuit, 0), [Flow::Probe; 2]);
        assert_eq!(circuit.open_since(), Some(at(0)));
        let mut held = Circuit::default();
        let report = Report::Busy {
            reason: "429".to_owned(),
            delay: Duration::from_secs(60),
        };
        let patient = BreakerSettings {
            failures: 5,
            ..SETTINGS
        };
        held.take(report, &patient, at(YEAR));
        held.recall(&patient, at(0));
        assert!(matches!(held.flow(at(0)), Flow::Open { .. }));
    }

    #[test]
    fn what_waits_for_its_probe_by_a_clock_that_is_right_goes_on_waiting() {
        for gone in [false, true] {
            let mut circuit = opened(0);
            if gone {
                let reason = "410".to_owned();
                circuit.take(Report::Gone { reason }, &SETTINGS, at(0));
            }
            let before = circuit.clone();
            // The clocks of two processes differ a little.
            circuit.recall(&SETTINGS, at(-1));
            assert_eq!(circuit, before);
        }
    }

    #[test]
    fn whoever_sends_something_again_has_all_that_is_down_probed() {
        let mut circuit = opened(0);
        assert!(flows(&circuit, 1).iter().all(|flow| *flow != Flow::Probe));
        circuit.probe_now(at(1));
        assert_eq!(flows(&circuit, 1), [Flow::Probe; 2]);
        circuit.pause(at(1));
        circuit.probe_now(at(2));
        assert_eq!(circuit.flow(at(2)), Flow::Parked { until: None });
    }

    #[test]
    fn what_a_later_version_notes_of_an_open_breaker_is_not_lost() {
        let mut later: serde_json::Value =
            serde_json::from_slice(&opened(0).encode()[1..]).expect("JSON");
        later["open"]["colour"] = "red".into();
        later["destinations"][destination().key()]["shape"] = "round".into();
        let mut bytes = vec![1];
        bytes.extend(serde_json::to_vec(&later).expect("JSON"));
        let mut circuit = Circuit::decode(&bytes).expect("it is readable");
        circuit.probe_now(at(1));
        let text = String::from_utf8(circuit.encode()).expect("text");
        assert!(text.contains(r#""colour":"red""#), "{text}");
        assert!(text.contains(r#""shape":"round""#), "{text}");
    }
}
