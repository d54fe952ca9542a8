//! What this process knows of the store's clock: what it must show by now at least.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use smswatch_plugin::model::Timestamp;

/// By how much the store's clock may be ahead of Redis's own. It is when that was set back; one that was
/// wrong by more than this before is right now, and what was scheduled by it counts as due.
pub(crate) const MOST_AHEAD: Duration = Duration::from_secs(100 * 24 * 3600);

/// The latest answer, carried on by this machine's monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Expectation(Mutex<Option<(Timestamp, Instant)>>);

impl Expectation {
    /// What the clock should show at least, as far as this process knows.
    pub(crate) fn least(&self) -> Option<Timestamp> {
        let known = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.map(|(shown, at)| shown + at.elapsed())
    }

    /// Takes over what it shows.
    pub(crate) fn shown(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Instant::now()));
    }
}
