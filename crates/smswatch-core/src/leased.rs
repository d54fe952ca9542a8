//! Goes on with what was claimed while the store is away for a moment: until the lease ends nobody else may.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::store::StoreError;

/// How long something claimed may be tried again.
#[derive(Debug)]
pub(crate) struct Leased {
    until: Instant,
    backoff: Backoff,
}

impl Leased {
    /// For what is claimed from now on for `lease`.
    pub(crate) fn begin(lease: Duration) -> Self {
        Self {
            until: Instant::now() + lease,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(2)),
        }
    }

    /// Waits a moment after a step that failed with `error`; then it is to be tried again.
    ///
    /// # Errors
    ///
    /// The same one: the lease ends, or it is told to stop.
    pub(crate) async fn pause(
        &mut self,
        error: StoreError,
        stop: &CancellationToken,
    ) -> Result<(), StoreError> {
        let pause = self.backoff.fail();
        if Instant::now() + pause >= self.until {
            return Err(error);
        }
        tokio::select! {
            () = stop.cancelled() => Err(error),
            () = sleep(pause) => Ok(()),
        }
    }
}
