//! What a running process can be asked: the one door for the API and for programs.

pub(crate) mod counts;
mod cursors;
mod error;
mod history;
mod redrive;
mod sink_test;
mod sinks;
mod watches;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures::future::join_all;
use smswatch_model::{DeliveryId, Event, MessageId, Timestamp};

use self::cursors::List;
pub use self::error::ServiceError;
pub use self::history::{EventFilter, TriedEvent};
pub use self::redrive::{EndedFilter, Redriven};
pub use self::sink_test::{SinkTest, SinkTestOutcome};
pub use self::sinks::{DestinationState, SinkState, no_such_sink};
pub use self::watches::{MAX_TAG_BYTES, MAX_TAGS, NewWatch, Registered, WatchView};
use crate::deliver::dead;
pub use crate::deliver::dead::GivenUp;
use crate::health::HealthReport;
use crate::shared::Shared;
use crate::store::{DeliveryFilter, Gauges, KeptAside, Page, PageRequest, StoredDelivery};

/// A running process, as others see it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    shared: Arc<Shared>,
    /// Tells one test of a sink from the next.
    tests: Arc<AtomicU64>,
}

impl Service {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            tests: Arc::default(),
        }
    }

    /// Watches messages; all of them are stored when this returns.
    ///
    /// # Errors
    ///
    /// The store did not take all of them, or one would have more than [`MAX_TAGS`] tags or more than
    /// [`MAX_TAG_BYTES`] of them. Others may be watched nevertheless; asking again does no harm.
    pub async fn register(&self, watches: Vec<NewWatch>) -> Result<Registered, ServiceError> {
        self.shared.register(watches).await
    }

    /// Removes a watch and its snapshot; answers whether there was one.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn remove(&self, message_id: &MessageId) -> Result<bool, ServiceError> {
        self.shared.remove(message_id).await
    }

    /// Shows one watch.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn watch(&self, message_id: &MessageId) -> Result<Option<WatchView>, ServiceError> {
        self.shared.watch(message_id).await
    }

    /// Pages through all watches.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the cursor is none.
    pub async fn watches(&self, page: &PageRequest) -> Result<Page<WatchView>, ServiceError> {
        let page = cursors::unseal(&self.shared.privacy, List::Watches, page)?;
        let page = self.shared.watches(&page).await?;
        Ok(cursors::seal(&self.shared.privacy, List::Watches, page))
    }

    /// Pages through events, newest first.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the cursor is none.
    pub async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, ServiceError> {
        let page = cursors::unseal(&self.shared.privacy, List::Events, page)?;
        let page = self.shared.events(filter, &page).await?;
        Ok(cursors::seal(&self.shared.privacy, List::Events, page))
    }

    /// The latest events of a message, oldest first, with what each rule made of them.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn timeline(&self, message_id: &MessageId) -> Result<Vec<TriedEvent>, ServiceError> {
        self.shared.timeline(message_id).await
    }

    /// Pages through deliveries.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the cursor is none.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredDelivery>, ServiceError> {
        let page = cursors::unseal(&self.shared.privacy, List::Deliveries, page)?;
        let mut filter = filter.clone();
        for message_id in &mut filter.message_ids {
            // Deliveries name a message as it was registered.
            *message_id = self.shared.spelled(message_id).await?;
        }
        let deliveries = self.shared.store.deliveries(&filter, &page);
        let page = self.shared.call("deliveries", deliveries).await?;
        Ok(cursors::seal(&self.shared.privacy, List::Deliveries, page))
    }

    /// Shows one delivery.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn delivery(&self, id: &DeliveryId) -> Result<Option<StoredDelivery>, ServiceError> {
        Ok(self
            .shared
            .call("delivery", self.shared.store.delivery(id))
            .await?)
    }

    /// Sends an ended delivery again, under its own id; one that is pending is on its way already,
    /// and left alone.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn retry(&self, id: &DeliveryId) -> Result<Redriven, ServiceError> {
        self.shared.retry(id).await
    }

    /// Drops a dead delivery; one in any other state is left alone.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn drop_dead(&self, id: &DeliveryId) -> Result<Redriven, ServiceError> {
        self.shared.drop_dead(id).await
    }

    /// Sends ended deliveries again, each under its own id, and answers how many; none when the
    /// filter's sink is not configured. Those of sinks that have gone stay as they are.
    ///
    /// # Errors
    ///
    /// The store did not do it, or not for all of them; asking again takes up the rest.
    pub async fn retry_all(&self, filter: &EndedFilter) -> Result<Option<u64>, ServiceError> {
        self.shared.retry_all(filter).await
    }

    /// Drops dead deliveries, those of sinks that have gone included, and answers how many.
    ///
    /// # Errors
    ///
    /// The store did not do it, or not for all of them; asking again takes up the rest.
    pub async fn drop_all(&self, filter: &EndedFilter) -> Result<u64, ServiceError> {
        self.shared.drop_all(filter).await
    }

    /// The store's clock, as this process knows it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The log entries that could not be routed and are kept, newest first.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn set_aside(&self) -> Result<Vec<KeptAside>, ServiceError> {
        let set_aside = self.shared.store.set_aside();
        Ok(self.shared.call("set_aside", set_aside).await?)
    }

    /// Makes one attempt to deliver a test notification to a sink, and tells what came of it; `None` when
    /// there is no such sink. It is neither repeated nor kept, and says nothing about the sink.
    ///
    /// # Errors
    ///
    /// The store cannot be asked whether the sink may have something.
    pub async fn test_sink(&self, sink: &str) -> Result<Option<SinkTest>, ServiceError> {
        let n = self.tests.fetch_add(1, Ordering::Relaxed);
        self.shared.test_sink(sink, n).await
    }

    /// What is known of the deliveries that were given up, for each sink of which `gauges` count some. What
    /// cannot be read is left out.
    pub async fn given_up(&self, gauges: &Gauges) -> BTreeMap<String, GivenUp> {
        let queues = gauges.queues.iter().filter(|queue| queue.dead > 0);
        let reads = queues.map(|queue| async {
            let given_up = dead::given_up(&self.shared, &queue.sink).await;
            given_up
                .ok()
                .flatten()
                .map(|given_up| (queue.sink.clone(), given_up))
        });
        join_all(reads).await.into_iter().flatten().collect()
    }

    /// Whether a sink of this name is configured.
    #[must_use]
    pub fn has_sink(&self, name: &str) -> bool {
        self.shared.sinks.contains_key(name)
    }

    /// What to say when no sink is called `name`: which ones there are, and which may be meant.
    #[must_use]
    pub fn no_such_sink(&self, name: &str) -> String {
        no_such_sink(name, self.shared.sinks.keys().map(String::as_str))
    }

    /// Holds a sink back until it is resumed, in all processes; none when there is no such sink. Its
    /// deliveries wait.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn pause_sink(&self, sink: &str) -> Result<Option<SinkState>, ServiceError> {
        self.shared.pause_sink(sink).await
    }

    /// Lets a sink have deliveries again, in all processes; none when there is no such sink. An open
    /// breaker is probed at once.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn resume_sink(&self, sink: &str) -> Result<Option<SinkState>, ServiceError> {
        self.shared.resume_sink(sink).await
    }

    /// How the process is.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.shared.health.report()
    }

    /// Notes that a part which the program runs beside the engine is in trouble, and logs it when it
    /// was well before.
    pub fn part_is_in_trouble(&self, part: &str, trouble: &str) {
        self.shared.health.trouble(part, trouble);
    }

    /// Notes that such a part is well, and logs it when it was in trouble before.
    pub fn part_is_well(&self, part: &str) {
        self.shared.health.well(part);
    }

    /// Counts what the store holds; callers within one second share a count.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn gauges(&self) -> Result<Gauges, ServiceError> {
        let shared = &self.shared;
        let count = async || {
            let gauges = shared.call("gauges", shared.store.gauges()).await?;
            shared.metrics.set_gauges(&gauges, shared.clock.now());
            shared.measure_breakers().await;
            Ok(gauges)
        };
        Ok(shared.counts.get(Instant::now(), count).await?)
    }

    /// All metrics in Prometheus' text format. While the store is away, what it holds is told as it
    /// was last known. However many ask, the store is read once a second at most.
    pub async fn metrics(&self) -> String {
        // The count sets the gauges; without one they stay as they were.
        let _counted = self.gauges().await;
        self.shared.metrics.render()
    }
}
