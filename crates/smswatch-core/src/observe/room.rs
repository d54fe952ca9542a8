//! How many watches may be claimed ahead of their looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::settings::ProviderLimits;

/// Room for claimed watches that wait for their looks: no more than can be started within a given
/// time at the pace of the latest looks.
#[derive(Debug)]
pub(crate) struct Room {
    /// Within what time all that wait must be able to start.
    within: Duration,
    concurrency: f64,
    per_second: f64,
    /// How long a look takes: falls slowly, rises at once.
    look_micros: AtomicU64,
    waiting: AtomicUsize,
    left: Notify,
}

/// A place in the room, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Room>);

impl Room {
    /// How many rounds of looks may wait: more would only take memory.
    const MOST_ROUNDS: f64 = 4.0;

    pub(crate) fn new(limits: &ProviderLimits, within: Duration) -> Self {
        let per = limits.rate.per.as_secs_f64().max(0.001);
        Self {
            within,
            concurrency: f64::from(u32::try_from(limits.concurrency.max(1)).unwrap_or(u32::MAX)),
            per_second: f64::from(limits.rate.permits) / per,
            // Until it is known, a look is taken to last as long as it may.
            look_micros: AtomicU64::new(micros(limits.timeout)),
            waiting: AtomicUsize::new(0),
            left: Notify::new(),
        }
    }

    /// How many may wait at the present pace, at least one.
    fn seats(&self) -> usize {
        let within = self.within.as_secs_f64();
        let look = Duration::from_micros(self.look_micros.load(Ordering::Relaxed)).as_secs_f64();
        let rounds = (within / look.max(0.000_001)).min(Self::MOST_ROUNDS);
        // Other processes share the rate.
        let seats = (self.concurrency * rounds).min(self.per_second * within / 4.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 1024"
        )]
        let seats = seats.clamp(1.0, 1024.0) as usize;
        seats
    }

    /// Waits until at least half of the room is free; answers how much.
    pub(crate) async fn free(&self) -> usize {
        loop {
            let left = self.left.notified();
            let seats = self.seats();
            let free = seats.saturating_sub(self.waiting.load(Ordering::Acquire));
            if free * 2 >= seats {
                return free;
            }
            left.await;
        }
    }

    /// Takes a place, whether or not there is one left.
    pub(crate) fn take(self: &Arc<Self>) -> Seat {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Seat(Arc::clone(self))
    }

    /// Notes how long a look took.
    pub(crate) fn looked(&self, took: Duration) {
        let took = micros(took);
        let before = self.look_micros.load(Ordering::Relaxed);
        let after = took.max(before - before / 32);
        // Two looks that end together may hide one another: the next ones will tell.
        self.look_micros.store(after, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let waiting = self.0.waiting.fetch_sub(1, Ordering::AcqRel) - 1;
        if waiting * 2 <= self.0.seats() {
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

    fn room(permits: u32) -> Arc<Room> {
        let limits = ProviderLimits {
            rate: Rate {
                permits,
                per: Duration::from_secs(1),
            },
            concurrency: 32,
            timeout: Duration::from_secs(10),
        };
        Arc::new(Room::new(&limits, Duration::from_secs(10)))
    }

    #[test]
    fn quick_looks_make_room_and_a_slow_one_takes_it_back() {
        let room = room(100_000);
        assert_eq!(room.seats(), 32);
        for _ in 0..1000 {
            room.looked(Duration::from_millis(2));
        }
        assert_eq!(room.seats(), 128);
        room.looked(Duration::from_secs(10));
        assert_eq!(room.seats(), 32);
    }

    #[test]
    fn a_low_rate_leaves_work_to_others() {
        assert_eq!(room(2).seats(), 5);
    }

    #[tokio::test]
    async fn whoever_claims_waits_until_half_of_the_room_is_free() {
        let room = room(100_000);
        let mut seats: Vec<Seat> = (0..32).map(|_| room.take()).collect();
        let waiting = room.free();
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        seats.truncate(16);
        assert_eq!(waiting.await, 16);
    }
}
