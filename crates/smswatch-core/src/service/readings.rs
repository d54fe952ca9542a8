//! Readings of the store that many callers share: however often the metrics are asked for, the store is
//! read once a second at most.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// How long a reading is good for everybody.
const FRESH: Duration = Duration::from_secs(1);

/// The latest reading, or the one under way.
#[derive(Debug, Default)]
pub(crate) struct Readings(Mutex<Arc<OnceCell<Instant>>>);

impl Readings {
    /// Waits until there is a fresh reading: by `read`, unless somebody else's is fresh or under way.
    pub(crate) async fn refresh(&self, read: impl AsyncFnOnce()) {
        let reading = {
            let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if latest.get().is_some_and(|at| at.elapsed() >= FRESH) {
                *latest = Arc::default();
            }
            Arc::clone(&latest)
        };
        let read = async || {
            read().await;
            Instant::now()
        };
        reading.get_or_init(read).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_callers_share_one_reading() {
        let (readings, count) = (Readings::default(), AtomicUsize::new(0));
        let read = async || {
            tokio::task::yield_now().await;
            count.fetch_add(1, Ordering::Relaxed);
        };
        join_all((0..100).map(|_| readings.refresh(read))).await;
        readings.refresh(read).await;
        assert_eq!(count.load(Ordering::Relaxed), 1);
        tokio::time::sleep(FRESH).await;
        join_all((0..100).map(|_| readings.refresh(read))).await;
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_leaves_the_reading_to_the_others() {
        let readings = Readings::default();
        let hanging = readings.refresh(async || std::future::pending().await);
        let mut hanging = Box::pin(hanging);
        assert!(futures::poll!(&mut hanging).is_pending());
        drop(hanging);
        readings.refresh(async || {}).await;
    }
}
