//! How many watches may be claimed ahead of their polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::settings::ProviderLimits;

/// Places for claimed watches that wait for their polls: no more than can be started within a given
/// time at the pace of the latest polls.
#[derive(Debug)]
pub(crate) struct Prefetch {
    /// Within what time all that wait must be able to start.
    within: Duration,
    concurrency: f64,
    per_second: f64,
    /// How long a poll takes: falls slowly, rises at once.
    poll_micros: AtomicU64,
    waiting: AtomicUsize,
    left: Notify,
}

/// A place among them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct PrefetchSlot(Arc<Prefetch>);

impl Prefetch {
    /// How many rounds of polls may wait: more would only take memory.
    const MOST_ROUNDS: f64 = 4.0;

    pub(crate) fn new(limits: &ProviderLimits, within: Duration) -> Self {
        let per = limits.rate.per.as_secs_f64().max(0.001);
        Self {
            within,
            concurrency: f64::from(u32::try_from(limits.concurrency.max(1)).unwrap_or(u32::MAX)),
            per_second: f64::from(limits.rate.permits) / per,
            // Until it is known, a poll is taken to last as long as it may.
            poll_micros: AtomicU64::new(micros(limits.timeout)),
            waiting: AtomicUsize::new(0),
            left: Notify::new(),
        }
    }

    /// How many may wait at the present pace, at least one.
    fn slots(&self) -> usize {
        let within = self.within.as_secs_f64();
        let poll = Duration::from_micros(self.poll_micros.load(Ordering::Relaxed)).as_secs_f64();
        let rounds = (within / poll.max(0.000_001)).min(Self::MOST_ROUNDS);
        // Other processes share the rate.
        let slots = (self.concurrency * rounds).min(self.per_second * within / 4.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 1024"
        )]
        let slots = slots.clamp(1.0, 1024.0) as usize;
        slots
    }

    /// Waits until at least half of the places are free; returns how many.
    pub(crate) async fn free(&self) -> usize {
        loop {
            let left = self.left.notified();
            let slots = self.slots();
            let free = slots.saturating_sub(self.waiting.load(Ordering::Acquire));
            if free * 2 >= slots {
                return free;
            }
            left.await;
        }
    }

    /// Takes a place, whether or not there is one left.
    pub(crate) fn take(self: &Arc<Self>) -> PrefetchSlot {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        PrefetchSlot(Arc::clone(self))
    }

    /// Notes how long a poll took.
    pub(crate) fn polled(&self, took: Duration) {
        let took = micros(took);
        let before = self.poll_micros.load(Ordering::Relaxed);
        let after = took.max(before - before / 32);
        // Two polls that end together may hide one another: the next ones will tell.
        self.poll_micros.store(after, Ordering::Relaxed);
    }
}

impl Drop for PrefetchSlot {
    fn drop(&mut self) {
        let waiting = self.0.waiting.fetch_sub(1, Ordering::AcqRel) - 1;
        if waiting * 2 <= self.0.slots() {
            self.0.left.notify_one();
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Rate;

    fn prefetch(permits: u32) -> Arc<Prefetch> {
        let limits = ProviderLimits {
            rate: Rate {
                permits,
                per: Duration::from_secs(1),
            },
            concurrency: 32,
            timeout: Duration::from_secs(10),
        };
        Arc::new(Prefetch::new(&limits, Duration::from_secs(10)))
    }

    #[test]
    fn quick_polls_make_room_and_a_slow_one_takes_it_back() {
        let prefetch = prefetch(100_000);
        assert_eq!(prefetch.slots(), 32);
        for _ in 0..1000 {
            prefetch.polled(Duration::from_millis(2));
        }
        assert_eq!(prefetch.slots(), 128);
        prefetch.polled(Duration::from_secs(10));
        assert_eq!(prefetch.slots(), 32);
    }

    #[test]
    fn a_low_rate_leaves_work_to_others() {
        assert_eq!(prefetch(2).slots(), 5);
    }

    #[tokio::test]
    async fn the_claimer_waits_until_half_of_the_places_are_free() {
        let prefetch = prefetch(100_000);
        let mut slots: Vec<PrefetchSlot> = (0..32).map(|_| prefetch.take()).collect();
        let waiting = prefetch.free();
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        slots.truncate(16);
        assert_eq!(waiting.await, 16);
    }
}
