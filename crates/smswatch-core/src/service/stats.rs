//! What became of messages in the last while, how often rules fired, and how late polls start.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Service;
use super::error::ServiceError;
use crate::fired::{self, Fired};
use crate::stats::{self, Stats};

impl Service {
    /// What became of messages in the last `window`, in whole hours. It costs the same however much the store
    /// holds, and goes back no further than [`Stats::MAX_WINDOW`].
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn stats(&self, window: Duration) -> Result<Stats, ServiceError> {
        Ok(stats::of_window(&self.context, window, self.now()).await?)
    }

    /// How often each rule fired of late, by its name; rules that did not are left out. It costs the same however much
    /// the store holds.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn fired(&self) -> Result<BTreeMap<String, Fired>, ServiceError> {
        Ok(fired::of_late(&self.context, self.now()).await?)
    }

    /// How late polls of this process started in the last minute or two, at worst; `None` if none was due.
    #[must_use]
    pub fn poll_lag(&self) -> Option<Duration> {
        self.context.poll_lag.worst(self.now())
    }
}
