//! What became of messages in the last while.

use std::time::Duration;

use super::Service;
use super::error::ServiceError;
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
}
