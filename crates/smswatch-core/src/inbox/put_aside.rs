//! Counts what is left to a later version of smswatch, by queue.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::Shard;

/// How much of each queue is left to a later version, as far as claims have told.
#[derive(Debug)]
pub(crate) struct PutAside([Box<[AtomicU64]>; 2]);

impl PutAside {
    pub(crate) fn new(shards: u16) -> Self {
        let zeros = || (0..shards).map(|_| AtomicU64::new(0)).collect();
        Self([zeros(), zeros()])
    }

    /// So much is left of the queue of a priority, which stands at `index` among them.
    pub(crate) fn set(&self, index: usize, shard: Shard, count: u64) {
        self.0[index][usize::from(shard.0)].store(count, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        let counts = self.0.iter().flatten();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }
}
