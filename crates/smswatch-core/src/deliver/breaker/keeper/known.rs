//! What a process knows of a sink's breaker says whether the sink has deliveries, and how many at once.

use smswatch_model::Timestamp;

use super::super::{Circuit, Destination, Flow};
use super::{Known, TAKE_OVER};

impl Known {
    /// Whether nothing is known against the sink, or against this destination.
    pub(super) fn is_well(&self, destination: Option<&Destination>) -> bool {
        match destination {
            Some(to) => self.view.of(to.key()).is_none_or(Circuit::is_well),
            None => self.view.is_well(),
        }
    }

    /// Since when what waits is to be made due by this process, if it is.
    pub(super) fn must_make_due(&self, now: Timestamp) -> Option<Timestamp> {
        let is_ours = |since: &Timestamp| self.is_to_make_due || now.since(*since) > TAKE_OVER;
        self.view.to_make_due.filter(is_ours)
    }

    /// How many attempts may run at once.
    pub(super) fn slots(&mut self, now: Timestamp) -> usize {
        match self.view.flow(now) {
            Flow::Open { since } => self.slow_start.slots(since),
            Flow::Probe | Flow::Parked { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::Breaker;
    use super::*;
    use crate::inbox::LogInbox;
    use crate::settings::SinkSettings;

    #[test]
    fn a_read_that_is_answered_late_undoes_no_pause() {
        let (log, _appended) = LogInbox::new(1);
        let breaker = Breaker::new("slack", &SinkSettings::default(), 1, Arc::new(log));
        let (before, now) = (Instant::now(), Timestamp::from_seconds(1_777_636_800));
        let after = before + Duration::from_millis(1);
        let mut paused = Circuit::default();
        paused.pause(now);
        breaker.learn(paused, 0, after, now);
        breaker.learn(Circuit::default(), 0, before, now);
        assert_eq!(breaker.view().paused_since(), Some(now));
        breaker.learn(Circuit::default(), 0, after, now);
        assert_eq!(breaker.view().paused_since(), None);
    }
}
