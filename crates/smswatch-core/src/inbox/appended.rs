//! Wakes streams that follow the event log when this process has appended to it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::store::Shard;

/// How often this process has appended to the log of each shard. It costs next to nothing while no stream follows.
#[derive(Debug)]
pub(crate) struct AppendedTo {
    counts: Box<[AtomicU64]>,
    news: Notify,
}

impl AppendedTo {
    pub(crate) fn new(shards: u16) -> Self {
        Self {
            counts: (0..shards).map(|_| AtomicU64::new(0)).collect(),
            news: Notify::new(),
        }
    }

    /// Something was appended to the log of `shard`.
    pub(crate) fn note(&self, shard: Shard) {
        if let Some(count) = self.counts.get(usize::from(shard.0)) {
            count.fetch_add(1, Ordering::Release);
            self.news.notify_waiters();
        }
    }

    /// How often something was appended to the log of `shard`.
    pub(crate) fn count(&self, shard: Shard) -> u64 {
        let count = self.counts.get(usize::from(shard.0));
        count.map_or(0, |count| count.load(Ordering::Acquire))
    }

    /// Completes when something is appended after this call.
    pub(crate) fn news(&self) -> Notified<'_> {
        self.news.notified()
    }
}
