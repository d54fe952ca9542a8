//! Permits of a rate that all processes on one store keep together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::store::{Rate, Store, StoreError};

/// Hands out permits of one rate; takes them from the store a few at a time.
#[derive(Debug)]
pub(crate) struct Limiter {
    store: Arc<dyn Store>,
    name: String,
    rate: Rate,
    /// Permits taken and not handed out yet. Fair: who waits longest is served first.
    taken: Mutex<u32>,
    /// How many are taken at once.
    batch: u32,
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
            taken: Mutex::new(0),
            batch,
        }
    }

    /// Waits for one permit.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn permit(&self) -> Result<(), StoreError> {
        let mut taken = self.taken.lock().await;
        while *taken == 0 {
            let reserved = self
                .store
                .reserve(&self.name, self.rate, self.batch)
                .await?;
            *taken = reserved.granted;
            if reserved.granted == 0 {
                sleep(reserved.next_in.max(Duration::from_millis(1))).await;
            }
        }
        *taken -= 1;
        Ok(())
    }
}
