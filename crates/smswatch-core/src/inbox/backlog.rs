//! How much of the log is not routed yet: polling waits for the rest when it is too much.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use crate::store::Shard;

/// How much of the log is not routed, so that watching can wait for the rest.
#[derive(Debug)]
pub(crate) struct Backlog {
    unrouted: Box<[AtomicU64]>,
    routed: Notify,
}

impl Backlog {
    /// How many unrouted entries make watching wait.
    const FULL: u64 = 20_000;

    pub(crate) fn new(shards: u16) -> Self {
        let unrouted = (0..shards).map(|_| AtomicU64::new(0)).collect();
        Self {
            unrouted,
            routed: Notify::new(),
        }
    }

    pub(crate) fn set(&self, shard: Shard, unrouted: u64) {
        let before = self.unrouted[usize::from(shard.0)].swap(unrouted, Ordering::Relaxed);
        if unrouted < before {
            self.routed.notify_waiters();
        }
    }

    /// Fewer entries were read than were asked for: these are all. Others may have routed what this
    /// process had counted.
    pub(crate) fn read_all(&self, shard: Shard, entries: usize) {
        self.set(shard, u64::try_from(entries).unwrap_or(u64::MAX));
    }

    pub(crate) fn routed(&self, shard: Shard, entries: u64) {
        let unrouted = &self.unrouted[usize::from(shard.0)];
        let subtract = |count: u64| Some(count.saturating_sub(entries));
        // The closure always answers, so the update always takes place.
        let _before = unrouted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
        self.routed.notify_waiters();
    }

    /// Whether all shards together have too much. One that is not routed at all counts as its share:
    /// the others go on.
    pub(crate) fn is_full(&self) -> bool {
        let counts = self.unrouted.iter();
        let counts = counts.map(|count| count.load(Ordering::Relaxed).min(self.share()));
        counts.sum::<u64>() >= Self::FULL
    }

    /// Whether `shard` has so much that its own watches wait.
    pub(crate) fn is_shard_full(&self, shard: Shard) -> bool {
        self.unrouted[usize::from(shard.0)].load(Ordering::Relaxed) >= self.share()
    }

    /// How many entries one shard may contribute to what makes all of them wait.
    fn share(&self) -> u64 {
        if self.unrouted.len() == 1 {
            Self::FULL
        } else {
            Self::FULL / 4
        }
    }

    /// Waits until there is room again; checks at least once a second, should a notice be missed.
    pub(crate) async fn room(&self) {
        while self.is_full() {
            let routed = self.routed.notified();
            tokio::select! {
                () = routed => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_is_not_routed_does_not_make_the_others_wait() {
        let backlog = Backlog::new(16);
        backlog.set(Shard(3), 10 * Backlog::FULL);
        assert!(!backlog.is_full());
        assert!(backlog.is_shard_full(Shard(3)) && !backlog.is_shard_full(Shard(4)));
        for shard in 4..7 {
            backlog.set(Shard(shard), Backlog::FULL / 4);
        }
        assert!(backlog.is_full());
    }

    #[test]
    fn what_others_have_routed_makes_room_too() {
        let backlog = Backlog::new(1);
        backlog.set(Shard(0), Backlog::FULL + 5);
        backlog.routed(Shard(0), 5);
        assert!(backlog.is_full());
        backlog.read_all(Shard(0), 3);
        assert!(!backlog.is_full());
    }
}
