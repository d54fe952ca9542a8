//! The store's clock, carried on between its answers by this machine's monotonic one.

use std::sync::atomic::{AtomicI64, Ordering};

use smswatch_model::Timestamp;
use tokio::time::Instant;

/// What the time is at the store. This machine's own wall clock is never asked, so a process whose
/// clock is wrong does no harm.
#[derive(Debug)]
pub(crate) struct StoreClock {
    started: Instant,
    /// The store's time when `started` was, in milliseconds.
    origin: AtomicI64,
}

impl StoreClock {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            started: Instant::now(),
            origin: AtomicI64::new(now.as_millis()),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(
            self.origin
                .load(Ordering::Relaxed)
                .saturating_add(self.elapsed()),
        )
    }

    /// Takes over what the store just said.
    pub(crate) fn adjust(&self, now: Timestamp) {
        self.origin.store(
            now.as_millis().saturating_sub(self.elapsed()),
            Ordering::Relaxed,
        );
    }

    fn elapsed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}
