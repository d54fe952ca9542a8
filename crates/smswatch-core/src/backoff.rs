//! How long to wait after a failure.

use std::time::Duration;

use crate::schedule::gap;

/// How long to wait before attempt number `attempts_made + 1`, with up to a tenth of jitter.
pub(crate) fn retry_delay(schedule: &[Duration], attempts_made: u32, random: f64) -> Duration {
    let delay = gap(schedule, attempts_made);
    delay + delay.mul_f64(0.1 * random.clamp(0.0, 1.0))
}

/// Doubling delays for what must be tried until it works, such as a store that is away.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            failures: 0,
        }
    }

    /// The delay after one more failure, with up to a quarter of jitter below it.
    pub(crate) fn fail(&mut self) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1 << self.failures.min(20))
            .min(self.most);
        self.failures = self.failures.saturating_add(1);
        doubled.mul_f64(1.0 - 0.25 * fastrand::f64())
    }

    pub(crate) fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn retries_wait_their_turn_and_at_most_a_tenth_longer(made in 0..40_u32, random in 0.0..=1.0_f64) {
            let schedule = [5, 30, 120].map(Duration::from_secs);
            let delay = retry_delay(&schedule, made, random);
            let planned = gap(&schedule, made);
            prop_assert!(delay >= planned && delay <= planned.mul_f64(1.1));
        }

        #[test]
        fn a_backoff_grows_and_stays_bounded(failures in 1..80_usize) {
            let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
            let delays: Vec<_> = (0..failures).map(|_| backoff.fail()).collect();
            prop_assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(30)));
            prop_assert!(delays[0] >= Duration::from_millis(750));
        }
    }
}
