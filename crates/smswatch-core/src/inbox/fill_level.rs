//! Counts what was put into a queue since its length was last checked, so that an idle or short queue is left alone.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// Counts what this process queues, and says when it is time to look how much there is.
#[derive(Debug)]
pub(crate) struct FillLevel {
    queued: AtomicU64,
    /// How much may be queued until the next look.
    patience: AtomicU64,
    is_due: Notify,
}

impl Default for FillLevel {
    /// A check is due: the length is not known yet.
    fn default() -> Self {
        let is_due = Notify::new();
        is_due.notify_one();
        Self {
            queued: AtomicU64::new(0),
            patience: AtomicU64::new(1),
            is_due,
        }
    }
}

impl FillLevel {
    /// So much was queued.
    pub(crate) fn queued(&self, count: u64) {
        let before = self.queued.fetch_add(count, Ordering::AcqRel);
        if before + count >= self.patience.load(Ordering::Acquire) {
            self.is_due.notify_one();
        }
    }

    /// Waits until a look is due; what was queued before it is forgotten.
    pub(crate) async fn due(&self) {
        self.is_due.notified().await;
        self.queued.store(0, Ordering::Release);
    }

    /// A look was taken; the next one is due when `patience` more are queued.
    pub(crate) fn looked(&self, patience: u64) {
        self.patience.store(patience, Ordering::Release);
        if self.queued.load(Ordering::Acquire) >= patience {
            self.is_due.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_look_is_due_at_first_and_then_when_enough_was_queued() {
        let fill_level = FillLevel::default();
        let is_due = || fill_level.due().now_or_never().is_some();
        assert!(is_due());
        assert!(!is_due());
        fill_level.looked(3);
        fill_level.queued(2);
        assert!(!is_due());
        fill_level.queued(1);
        assert!(is_due());
        fill_level.queued(2);
        assert!(!is_due());
    }

    #[test]
    fn what_is_queued_during_a_look_counts() {
        let fill_level = FillLevel::default();
        assert!(fill_level.due().now_or_never().is_some());
        fill_level.queued(1);
        assert!(fill_level.due().now_or_never().is_some());
        fill_level.looked(10);
        assert!(fill_level.due().now_or_never().is_none());
        fill_level.looked(0);
        assert!(fill_level.due().now_or_never().is_some());
    }
}
