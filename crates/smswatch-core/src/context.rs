//! What every part of one process may use: the store with its clock, the metrics, the health report, and the
//! settings. It knows no stage.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smswatch_model::MessageId;
use tokio::time::Instant;

use crate::arrivals::Arrivals;
use crate::clock::StoreClock;
use crate::contents::Contents;
use crate::health::{Health, STORE};
use crate::lag::PollLag;
use crate::live::Live;
use crate::liveness::Liveness;
use crate::metrics::{Metrics, OddityLabel, OperationLabel};
use crate::privacy::Privacy;
use crate::provider::Oddities;
use crate::settings::Settings;
use crate::store::{Shard, Store, StoreError, shard_of};
use crate::traces::Traces;

#[derive(Debug)]
pub(crate) struct Context {
    /// Tells this process from all others on the store.
    pub(crate) process: String,
    pub(crate) store: Arc<dyn Store>,
    /// The provider's name in payloads.
    pub(crate) provider: &'static str,
    pub(crate) privacy: Privacy,
    /// What the configuration that was loaded last says.
    pub(crate) settings: Live<Settings>,
    pub(crate) clock: StoreClock,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    /// How often the store was not available.
    pub(crate) store_failures: AtomicU64,
    pub(crate) liveness: Liveness,
    pub(crate) contents: Contents,
    /// Whether callbacks arrive.
    pub(crate) arrivals: Arrivals,
    /// How late polls start.
    pub(crate) poll_lag: PollLag,
    /// To whom the steps of changes are told.
    pub(crate) traces: Traces,
}

impl Context {
    /// The settings as they are now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..self.store.shard_count()).map(Shard)
    }

    /// The shard of a message, whatever the case of its id.
    pub(crate) fn shard_of(&self, message_id: &MessageId) -> Shard {
        self.shard_of_key(&message_id.to_lowercase())
    }

    /// The shard of a watch that the store knows under exactly this id.
    pub(crate) fn shard_of_key(&self, key: &MessageId) -> Shard {
        shard_of(key.as_str(), self.store.shard_count())
    }

    /// Counts what was odd in an answer that was read nevertheless.
    pub(crate) fn count_oddities(&self, oddities: Oddities) {
        for (what, count) in [
            ("answer", oddities.answers),
            ("row", oddities.rows),
            ("date", oddities.dates),
            ("part", oddities.parts),
        ] {
            if count > 0 {
                let label = OddityLabel { what };
                let counter = self.metrics.oddities.get_or_create(&label);
                counter.inc_by(u64::from(count));
            }
        }
    }

    /// How often the store was not available until now: what a process knows of it from before may be lost.
    pub(crate) fn store_failures(&self) -> u64 {
        self.store_failures.load(Ordering::Relaxed)
    }

    /// Measures a call to the store and notes whether the store is well.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let result = call.await;
        let label = OperationLabel { op: operation };
        let seconds = started.elapsed().as_secs_f64();
        self.metrics
            .store_seconds
            .get_or_create(&label)
            .observe(seconds);
        if let Err(error) = &result {
            self.note(operation, error);
        }
        result
    }

    /// Notes that a call of the store failed, as trouble of the part that it says something about.
    pub(crate) fn note(&self, operation: &'static str, error: &StoreError) {
        match error {
            StoreError::Unavailable(why) => {
                self.store_failures.fetch_add(1, Ordering::Relaxed);
                self.health.trouble(STORE, why);
            }
            StoreError::Unexpected(what) => {
                tracing::debug!(operation, what, "the store holds something unexpected");
                self.contents
                    .unexpected(&self.health, self.clock.now(), what);
            }
            StoreError::Cursor(_) => {}
        }
    }
}
