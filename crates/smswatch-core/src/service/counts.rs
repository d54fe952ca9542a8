//! What the store holds, counted at most once a second however many ask.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::store::{Gauges, StoreError};

/// How old a count may be that is told again.
const FRESH: Duration = Duration::from_secs(1);

/// The latest count, which callers share while it is fresh, and wait for together while it is made.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<Option<Count>>);

#[derive(Debug, Clone)]
struct Count {
    began: Instant,
    gauges: Arc<OnceCell<Gauges>>,
}

impl Counts {
    /// Returns the latest count, or has one made when that is no longer fresh at `now`.
    ///
    /// # Errors
    ///
    /// `count` failed; the next caller tries again.
    pub(crate) async fn get<F>(
        &self,
        now: Instant,
        count: impl FnOnce() -> F,
    ) -> Result<Gauges, StoreError>
    where
        F: Future<Output = Result<Gauges, StoreError>>,
    {
        let latest = self.latest(now);
        latest.gauges.get_or_try_init(count).await.cloned()
    }

    fn latest(&self, now: Instant) -> Count {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |count: &Count| now.saturating_duration_since(count.began) < FRESH;
        let fresh = latest.take().filter(is_fresh);
        let count = fresh.unwrap_or_else(|| Count {
            began: now,
            gauges: Arc::default(),
        });
        latest.insert(count).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::join_all;

    use super::*;

    async fn numbered(n_counted: &AtomicU64) -> Result<Gauges, StoreError> {
        let unrouted = n_counted.fetch_add(1, Ordering::Relaxed) + 1;
        tokio::task::yield_now().await;
        Ok(Gauges {
            unrouted,
            ..Gauges::default()
        })
    }

    #[tokio::test]
    async fn many_who_ask_at_once_share_one_count_and_later_ones_get_another() {
        let (counts, n_counted) = (Counts::default(), AtomicU64::new(0));
        let now = Instant::now();
        let ask = |age| counts.get(now + age, || numbered(&n_counted));
        for told in join_all((0..16).map(|_| ask(Duration::ZERO))).await {
            assert_eq!(told.expect("a count").unrouted, 1);
        }
        assert_eq!(ask(FRESH / 2).await.expect("a count").unrouted, 1);
        assert_eq!(ask(FRESH).await.expect("a count").unrouted, 2);
    }

    #[tokio::test]
    async fn a_count_that_failed_is_tried_again() {
        let (counts, n_counted) = (Counts::default(), AtomicU64::new(0));
        let failing = counts.get(Instant::now(), async || {
            Err(StoreError::Unavailable("gone".to_owned()))
        });
        assert!(failing.await.is_err());
        let told = counts.get(Instant::now(), || numbered(&n_counted)).await;
        assert_eq!(told.expect("a count").unrouted, 1);
    }
}
