//! Permits of a rate that all processes on one store keep together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::store::{Rate, Store, StoreError};

/// Hands out permits of one rate; takes them from the store a few at a time.
#[derive(Debug)]
pub(crate) struct Limiter {
    store: Arc<dyn Store>,
    name: String,
    rate: Rate,
    /// Fair: who waits longest is served first.
    taken: Mutex<Taken>,
    /// How many are taken at once.
    batch: u32,
}

/// What was had from the store.
#[derive(Debug)]
struct Taken {
    /// Permits not handed out yet.
    permits: u32,
    /// When there is another one to be had, as the store said.
    next_at: Instant,
}

impl Limiter {
    pub(crate) fn new(store: Arc<dyn Store>, name: impl Into<String>, rate: Rate) -> Self {
        // What is taken and not used counts against the others, and makes bursts later on: a
        // fiftieth of a second's worth is little, and at high rates still saves most round trips.
        let per_second = f64::from(rate.permits) / rate.per.as_secs_f64().max(f64::MIN_POSITIVE);
        let batch = (per_second / 50.0).clamp(1.0, 256.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 256"
        )]
        let batch = batch as u32;
        Self {
            store,
            name: name.into(),
            rate,
            taken: Mutex::new(Taken {
                permits: 0,
                next_at: Instant::now(),
            }),
            batch,
        }
    }

    /// Waits for one permit, if one can be had within `patience`; else says so at once.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn permit_within(&self, patience: Duration) -> Result<bool, StoreError> {
        let began = Instant::now();
        let mut taken = self.taken.lock().await;
        while taken.permits == 0 {
            let reserve = self.store.reserve(&self.name, self.rate, self.batch);
            let reserved = reserve.await?;
            taken.permits = reserved.granted;
            if reserved.granted == 0 {
                let next_in = reserved.next_in.max(Duration::from_millis(1));
                taken.next_at = Instant::now() + next_in;
                if began.elapsed().saturating_add(next_in) > patience {
                    return Ok(false);
                }
                sleep(next_in).await;
            }
        }
        taken.permits -= 1;
        Ok(true)
    }

    /// Waits until there may be a permit to be had.
    pub(crate) async fn ready(&self) {
        let next_at = self.taken.lock().await.next_at;
        sleep_until(next_at).await;
    }
}
