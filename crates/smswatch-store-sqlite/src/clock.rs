//! The store's clock: this machine's, never going back while the process lives.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use smswatch_core::model::Timestamp;

#[derive(Debug, Default)]
pub(crate) struct Clock {
    latest: AtomicI64,
}

impl Clock {
    pub(crate) fn now(&self) -> Timestamp {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.latest.fetch_max(now, Ordering::AcqRel).max(now))
    }
}
