//! What a running process can be asked: the one door for the API and for programs.

mod alerts;
mod backtest;
mod campaigns;
pub(crate) mod counts;
mod cursors;
mod error;
mod follow;
mod grouped;
mod groups;
mod history;
pub(crate) mod pushes;
mod redrive;
pub(crate) mod reload;
mod set_aside;
mod silences;
mod sink_preview;
mod sink_test;
mod sinks;
mod standing;
mod stats;
mod stuck;
mod watches;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures::future::join_all;
use smswatch_model::{DeliveryId, Event, Timestamp};
use tokio::time::Instant;

pub use self::backtest::{Backtest, ToldCount};
pub use self::campaigns::{CampaignView, Followed, NewCampaign};
use self::counts::Counts;
use self::cursors::List;
pub use self::error::ServiceError;
pub use self::follow::{FollowedEvent, Follower};
pub use self::groups::{WaitingGroup, WaitingGroups};
pub use self::history::{EventFilter, Timeline, TriedEvent};
use self::pushes::Pushes;
pub use self::pushes::{PushError, Taken};
pub use self::redrive::{EndedFilter, Redriven};
use self::reload::ReloadRequests;
pub use self::reload::{Reload, ReloadRequest};
pub use self::silences::{HeldBackBy, MadeSilence, NewSilence};
pub use self::sink_preview::SinkPreview;
pub use self::sink_test::{SinkTest, SinkTestOutcome};
pub use self::sinks::{SinkState, no_such_sink};
pub use self::standing::Standing;
pub use self::stuck::StuckMessages;
pub use self::watches::{NewWatch, Registered, WatchView};
use crate::context::Context;
use crate::deliver::Sinks;
pub use crate::deliver::breaker::DestinationState;
use crate::deliver::dead;
pub use crate::deliver::dead::GivenUp;
use crate::health::HealthReport;
use crate::inbox::LogInbox;
use crate::inbox::due_times::DueTimes;
use crate::inbox::requests::Requests;
use crate::rules::Rules;
use crate::silences::Silences;
use crate::store::{DeliveryFilter, Gauges, Page, PageRequest, StoredDelivery};

/// A running process, as others see it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    pub(crate) context: Arc<Context>,
    pub(crate) rules: Arc<dyn Rules>,
    /// The way to the second stage.
    pub(crate) requests: Requests,
    /// What takes in callbacks.
    pub(crate) pushes: Arc<Pushes>,
    pub(crate) log: Arc<LogInbox>,
    /// When each shard has a campaign whose pages are to be asked for.
    pub(crate) campaigns: Arc<DueTimes>,
    pub(crate) sinks: Arc<Sinks>,
    pub(crate) counts: Arc<Counts>,
    /// Tells one test of a sink from the next.
    pub(crate) tests: Arc<AtomicU64>,
    pub(crate) silences: Arc<Silences>,
    /// The way to the program that can load its configuration again.
    pub(crate) reloads: ReloadRequests,
}

impl Service {
    /// Pages through all watches.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the cursor is none.
    pub async fn watches(&self, page: &PageRequest) -> Result<Page<WatchView>, ServiceError> {
        let page = cursors::unseal(&self.context.privacy, List::Watches, page)?;
        let page = self.watches_page(&page).await?;
        Ok(cursors::seal(&self.context.privacy, List::Watches, page))
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
        let page = cursors::unseal(&self.context.privacy, List::Events, page)?;
        let page = self.events_page(filter, &page).await?;
        Ok(cursors::seal(&self.context.privacy, List::Events, page))
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
        let page = cursors::unseal(&self.context.privacy, List::Deliveries, page)?;
        let mut filter = filter.clone();
        for message_id in &mut filter.message_ids {
            // Deliveries name a message as it was registered.
            *message_id = self.spelled(message_id).await?;
        }
        let page = if filter.message_ids.is_empty() {
            let deliveries = self.context.store.deliveries(&filter, &page);
            self.context.call("deliveries", deliveries).await?
        } else {
            self.with_grouped(&filter, &page).await?
        };
        Ok(cursors::seal(&self.context.privacy, List::Deliveries, page))
    }

    /// Shows one delivery.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn delivery(&self, id: &DeliveryId) -> Result<Option<StoredDelivery>, ServiceError> {
        Ok(self
            .context
            .call("delivery", self.context.store.delivery(id))
            .await?)
    }

    /// The store's clock, as this process knows it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.context.clock.now()
    }

    /// What is known of the deliveries that were given up, for each sink of which `gauges` count some. What
    /// cannot be read is left out.
    pub async fn given_up(&self, gauges: &Gauges) -> BTreeMap<String, GivenUp> {
        let queues = gauges.queues.iter().filter(|queue| queue.dead > 0);
        let reads = queues.map(|queue| async {
            let given_up = dead::given_up(&self.context, &queue.sink).await;
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
        self.sinks.has(name)
    }

    /// What to say when no sink is called `name`: which ones there are, and which may be meant.
    #[must_use]
    pub fn no_such_sink(&self, name: &str) -> String {
        no_such_sink(name, self.sinks.all().keys().map(String::as_str))
    }

    /// How the process is.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        self.context.health.report()
    }

    /// Whether every loop of the process has turned within the last two minutes. One that has not hangs, which is a bug:
    /// the process should be started anew. A store or a provider that is away makes none hang.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.context.liveness.is_alive()
    }

    /// Whether the process does its work: it [is alive](Self::is_alive), and each of its parts but `part` is well.
    #[must_use]
    pub fn is_well_apart_from(&self, part: &str) -> bool {
        self.is_alive() && self.health().is_well_apart_from(part)
    }

    /// Notes that a part which the program runs beside the engine is in trouble, and logs it when it
    /// was well before.
    pub fn part_is_in_trouble(&self, part: &str, trouble: &str) {
        self.context.health.trouble(part, trouble);
    }

    /// Notes that such a part is well, and logs it when it was in trouble before.
    pub fn part_is_well(&self, part: &str) {
        self.context.health.well(part);
    }

    /// Counts what the store holds; callers within one second share a count.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn gauges(&self) -> Result<Gauges, ServiceError> {
        let context = &self.context;
        let count = async || {
            let gauges = context.call("gauges", context.store.gauges()).await?;
            context.metrics.set_gauges(&gauges, context.clock.now());
            self.measure_breakers().await;
            Ok(gauges)
        };
        Ok(self.counts.get(Instant::now(), count).await?)
    }

    /// All metrics in the format of OpenMetrics, with exemplars for those who know what they are. While the store is away, what it holds is told as it
    /// was last known. However many ask, the store is read once a second at most.
    pub async fn metrics(&self, has_exemplars: bool) -> String {
        // The count sets the gauges; without one they stay as they were.
        let _counted = self.gauges().await;
        let context = &self.context;
        context.metrics.set_health(&context.health.report().parts);
        context.traces.measure(&context.metrics);
        context.metrics.render(has_exemplars)
    }
}
