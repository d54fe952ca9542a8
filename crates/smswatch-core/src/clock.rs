//! The store's clock, carried on between its answers by this machine's monotonic one.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::Timestamp;
use tokio::time::Instant;

use crate::store::{Shard, Store, StoreError};

/// Asks all shards together for the time, so that each of them notices a clock that was set back or stands still, and a
/// shard that cannot be used is noticed. Returns the latest answer.
///
/// # Errors
///
/// A shard is not available, or none can tell the time.
pub async fn store_time(store: &dyn Store) -> Result<Timestamp, StoreError> {
    let shards = (0..store.shard_count()).map(Shard);
    latest(join_all(shards.map(|shard| store.now(shard))).await)
}

fn latest(
    answers: impl IntoIterator<Item = Result<Timestamp, StoreError>>,
) -> Result<Timestamp, StoreError> {
    let mut latest = Err(StoreError::Unexpected("no shard tells the time".to_owned()));
    for answer in answers {
        match answer {
            Ok(now) => latest = Ok(latest.map_or(now, |latest: Timestamp| latest.max(now))),
            Err(error @ StoreError::Unavailable(_)) => return Err(error),
            // What it holds does not belong there; the others know what time it is.
            Err(error) => latest = latest.or(Err(error)),
        }
    }
    latest
}

/// What the time is at the store. This machine's own wall clock is never asked, so a process whose
/// clock is wrong does no harm.
#[derive(Debug)]
pub(crate) struct StoreClock {
    started: Instant,
    /// The store's time when `started` was, in milliseconds.
    origin: AtomicI64,
}

impl StoreClock {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            started: Instant::now(),
            origin: AtomicI64::new(now.as_millis()),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(
            self.origin
                .load(Ordering::Relaxed)
                .saturating_add(self.elapsed()),
        )
    }

    /// Takes over what the store said when it was asked so long ago. It said so at any moment since then: an answer may have
    /// waited for a process that was stopped. So its time is now between what it said and that much later, and a clock
    /// that shows a time between them stays as it is.
    pub(crate) fn adjust(&self, said: Timestamp, asked: Duration) {
        let now = self.now().clamp(said, said + asked);
        self.origin.store(
            now.as_millis().saturating_sub(self.elapsed()),
            Ordering::Relaxed,
        );
    }

    fn elapsed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_waited_sets_the_clock_back_by_nothing() {
        let (start, minute) = (Timestamp::from_seconds(100), Duration::from_secs(60));
        let clock = StoreClock::new(start);
        tokio::time::advance(minute).await;
        clock.adjust(start, minute);
        assert_eq!(clock.now(), start + minute, "it was said a minute ago");
        clock.adjust(start + minute * 3, minute);
        assert_eq!(clock.now(), start + minute * 3, "it is that late at least");
        clock.adjust(start, minute);
        assert_eq!(clock.now(), start + minute, "and that late at most");
        clock.adjust(start, Duration::ZERO);
        assert_eq!(clock.now(), start, "it was said just now");
    }

    #[test]
    fn the_time_is_that_of_the_latest_shard_whatever_lies_in_place_of_anothers_clock() {
        let at = |second| Ok(Timestamp::from_seconds(second));
        let foreign = || Err(StoreError::Unexpected("another program's".to_owned()));
        let now = latest([foreign(), at(2), at(5), at(3), foreign()]);
        assert_eq!(now.expect("a time"), Timestamp::from_seconds(5));
        let away = Err(StoreError::Unavailable("away".to_owned()));
        assert!(latest([at(2), away]).is_err());
        let error = latest([foreign(), foreign()]).expect_err("no clock");
        assert!(error.to_string().contains("another program's"), "{error}");
    }
}
