//! When a claim of watches is offered what was put aside for a later version.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use smswatch_plugin::store::{Shard, WatchPriority};

/// How often a process that could read nothing of it is offered what is put aside.
const PAUSE: Duration = Duration::from_secs(60);

/// When each queue of watches was last asked for what is put aside, and whether that was to any avail.
#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<HashMap<(Shard, WatchPriority), (Instant, bool)>>);

impl Offers {
    /// Whether a claim of this queue is to be offered what is put aside: at the start, now and then,
    /// and for as long as this process can read some of it. What another version puts aside again and
    /// again then comes to one that goes on with it.
    pub(super) fn is_due(&self, shard: Shard, priority: WatchPriority) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(&(shard, priority))
            .is_none_or(|(asked_at, is_useful)| *is_useful || asked_at.elapsed() >= PAUSE)
    }

    /// Notes that it was offered, and whether any of it was of use.
    pub(super) fn made(&self, shard: Shard, priority: WatchPriority, is_useful: bool) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert((shard, priority), (Instant::now(), is_useful));
    }
}
