//! How long answers took, counted in buckets that are about 2 % wide.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of each power of two.
const STEPS: u64 = 64;
/// Beyond 2^32 microseconds all is one bucket.
const BUCKETS: usize = 27 * STEPS as usize;

/// Durations in microseconds, counted.
#[derive(Debug)]
pub(super) struct Latencies {
    buckets: Box<[AtomicU64]>,
    max: AtomicU64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            max: AtomicU64::new(0),
        }
    }
}

impl Latencies {
    pub(super) fn count(&self, micros: u64) {
        self.buckets[bucket(micros)].fetch_add(1, Ordering::Relaxed);
        self.max.fetch_max(micros, Ordering::Relaxed);
    }

    pub(super) fn max(&self) -> u64 {
        self.max.load(Ordering::Relaxed)
    }

    /// The duration that this share of all do not exceed; 0 if there are none.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    pub(super) fn percentile(&self, share: f64) -> u64 {
        let counts = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Ordering::Relaxed));
        let total: u64 = counts.clone().sum();
        let wanted = (total as f64 * share).ceil() as u64;
        let mut seen = 0;
        let found = counts.enumerate().find(|(_, count)| {
            seen += count;
            *count > 0 && seen >= wanted
        });
        found.map_or(0, |(place, _)| upper_end(place).min(self.max()))
    }

    pub(super) fn reset(&self) {
        for bucket in &self.buckets {
            bucket.store(0, Ordering::Relaxed);
        }
        self.max.store(0, Ordering::Relaxed);
    }
}

/// Below `STEPS` each duration has a bucket of its own; beyond it each power of two has `STEPS` of them.
fn bucket(micros: u64) -> usize {
    let power = u64::from(micros.max(1).ilog2().saturating_sub(STEPS.ilog2()));
    let place = power * STEPS + (micros >> power);
    usize::try_from(place)
        .unwrap_or(usize::MAX)
        .min(BUCKETS - 1)
}

/// The longest duration that is counted in a bucket.
fn upper_end(place: usize) -> u64 {
    let place = place as u64;
    if place < 2 * STEPS {
        return place;
    }
    let power = place / STEPS - 1;
    let step = place - power * STEPS;
    ((step + 1) << power) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_two_percent() {
        let latencies = Latencies::default();
        for micros in 1..=10_000 {
            latencies.count(micros);
        }
        let near = |share, expected: u64| {
            let told = latencies.percentile(share);
            assert!(
                told.abs_diff(expected) * 50 <= expected,
                "{told} for {expected}"
            );
        };
        near(0.5, 5_000);
        near(0.99, 9_900);
        assert_eq!(
            (latencies.percentile(1.0), latencies.max()),
            (10_000, 10_000)
        );
        latencies.reset();
        assert_eq!((latencies.percentile(0.5), latencies.max()), (0, 0));
    }

    #[test]
    fn every_duration_has_a_bucket_that_it_does_not_exceed() {
        for micros in (0..300).chain([1 << 20, (1 << 31) + 12_345, u64::from(u32::MAX)]) {
            let end = upper_end(bucket(micros));
            assert!(
                end >= micros && end <= micros + micros / 64 + 1,
                "{micros}: {end}"
            );
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }
}
