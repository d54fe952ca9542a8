//! Decides whether a claimed delivery is attempted, or goes back because its destination is held back.

use std::time::Duration;

use smswatch_model::Timestamp;

use super::super::{Destination, Flow, LONGEST_WAIT};
use super::{Breaker, Known};
use crate::context::Context;

/// The longest time until a delivery for a destination in trouble is looked at again: when the
/// destination is well, all that waits for it is made due.
const LONGEST: Duration = LONGEST_WAIT;

/// How far deliveries lie apart that wait until their receiver wants them.
const APART: Duration = Duration::from_millis(10);

/// What becomes of a claimed delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is attempted.
    Attempt {
        /// It probes whether its destination is well again.
        is_probe: bool,
    },
    /// It goes back for this long.
    Postpone(Duration),
}

impl Breaker {
    /// Decides about a delivery for `destination` by what was known of it when deliveries were claimed.
    ///
    /// What waits for a destination in trouble is due one by one, a probe's interval apart: each of them
    /// is the probe when it is its turn, so that no single delivery is tried again and again, and many
    /// that wait cost hardly anything.
    pub(crate) async fn judge(&self, context: &Context, destination: &Destination) -> Admission {
        let key = destination.key();
        let now = context.clock.now();
        let flow = {
            let known = self.known();
            let of = known.view.of(key);
            of.map_or(Flow::Open { since: None }, |of| of.flow(now))
        };
        match flow {
            Flow::Open { .. } => return Admission::Attempt { is_probe: false },
            Flow::Probe if self.take_probe(context, Some(key)).await => {
                return Admission::Attempt { is_probe: true };
            }
            Flow::Probe | Flow::Parked { .. } => {}
        }
        Admission::Postpone(self.postponed_for(destination, now))
    }

    /// How long a delivery for a destination that went down since it was judged goes back; `None` if it
    /// did not.
    pub(crate) fn held_since(&self, destination: &Destination, now: Timestamp) -> Option<Duration> {
        let is_held = {
            let known = self.known();
            let of = known.view.of(destination.key());
            of.is_some_and(|of| !matches!(of.flow(now), Flow::Open { .. }))
        };
        is_held.then(|| self.postponed_for(destination, now))
    }

    /// How long a delivery for a destination in trouble waits: until its turn to probe it.
    pub(crate) fn postponed_for(&self, destination: &Destination, now: Timestamp) -> Duration {
        let probe = self.settings.probe;
        self.known().next_slot(destination.key(), probe, now)
    }
}

impl Known {
    fn next_slot(&mut self, key: &str, probe: Duration, now: Timestamp) -> Duration {
        let circuit = self.view.of(key);
        let (first, apart) = match circuit.map(|circuit| (circuit.probe_at(now), circuit)) {
            Some((Some(probe_at), _)) => (probe_at, probe),
            Some((None, circuit)) => (circuit.held_until(now).unwrap_or(now), APART),
            None => (now, APART),
        };
        // One that a clock had set which was far ahead says nothing.
        let is_possible = |slot: &Timestamp| slot.since(now) <= LONGEST;
        let last = self.slots.get(key).copied().filter(is_possible);
        let slot = last.map_or(first, |last| first.max(last + apart));
        let wait = slot.since(now);
        if wait > LONGEST {
            // Spread, so that they do not come all at once then.
            return LONGEST.mul_f64(0.5 + fastrand::f64() / 2.0);
        }
        self.slots.insert(key.to_owned(), slot);
        wait.max(APART)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::super::Report;
    use super::*;
    use crate::inbox::LogInbox;
    use crate::settings::SinkSettings;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn destination() -> Destination {
        let overrides = serde_json::from_str(r##"{"channel": "#private"}"##);
        Destination::from(&overrides.expect("an object"))
    }

    /// A breaker whose destination went down at second 0, and is probed every 30 seconds.
    fn down() -> Breaker {
        let (log, _appended) = LogInbox::new(1);
        let breaker = Breaker::new("slack", &SinkSettings::default(), 1, Arc::new(log));
        for _ in 0..breaker.settings.failures {
            let reason = "channel_not_found".to_owned();
            let report = Report::Failed { reason };
            let view = &mut breaker.known().view;
            breaker.take(view, Some(&destination()), &report, at(0));
        }
        breaker
    }

    #[test]
    fn what_waits_for_a_destination_takes_turns_at_probing_it() {
        let breaker = down();
        let waits: Vec<_> = (0..4)
            .map(|_| breaker.postponed_for(&destination(), at(1)).as_secs())
            .collect();
        assert_eq!(waits, [29, 59, 89, 119]);
    }

    #[test]
    fn however_many_wait_none_waits_longer_than_an_hour() {
        let breaker = down();
        let waits: Vec<_> = (0..10_000)
            .map(|_| breaker.postponed_for(&destination(), at(1)))
            .collect();
        assert!(waits.iter().all(|wait| *wait <= LONGEST));
        let late = waits.iter().filter(|wait| **wait >= LONGEST / 2).count();
        assert!(late > 9_800, "{late} come in the second half of the hour");
    }
}
