//! What this process knows of the store's clock: what it must show by now at least.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::Shard;

/// By how much the store's clock may be ahead of Redis's own. It is when that was set back; one that was
/// wrong by more than this before is right now, and what was scheduled by it counts as due.
pub(crate) const MOST_AHEAD: Duration = Duration::from_secs(100 * 24 * 3600);

/// The latest answer of each shard, carried on by this machine's monotonic clock.
#[derive(Debug, Default)]
pub(crate) struct Expectation(Mutex<HashMap<Shard, (Timestamp, Instant)>>);

impl Expectation {
    /// What the clock of every shard should show at least, as far as this process knows: they all follow the one that is
    /// ahead of the others.
    pub(crate) fn least(&self) -> Option<Timestamp> {
        let known = self.known();
        let carried_on = known.values().map(|(shown, at)| *shown + at.elapsed());
        carried_on.max()
    }

    /// Takes over what the clock of `shard` shows; `None` if it cannot be read.
    pub(crate) fn shown(&self, shard: Shard, now: Option<Timestamp>) {
        match now {
            Some(now) => self.known().insert(shard, (now, Instant::now())),
            None => self.known().remove(&shard),
        };
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Shard, (Timestamp, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
