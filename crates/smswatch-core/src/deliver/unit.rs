//! A sink with all that belongs to it.

use std::sync::Arc;

use smswatch_model::Notification;

use super::breaker::Breaker;
use super::host::{SinkHost, SinkRuntime};
use crate::context::Context;
use crate::inbox::{LogInbox, QueueInbox};
use crate::intake::Intake;
use crate::limiter::Limiter;
use crate::metrics::SinkName;
use crate::settings::SinkSettings;
use crate::sink::Sink;

/// How many outcomes wait to be written at most, in shards that work.
pub(super) const MOST_UNWRITTEN: usize = 512;

/// A sink with all that belongs to it.
#[derive(Debug)]
pub(crate) struct SinkUnit {
    pub(crate) name: SinkName,
    /// The sink itself, on its own threads.
    pub(crate) host: SinkHost,
    pub(crate) settings: SinkSettings,
    /// Keeps to the sink's `rate`, if it has one.
    pub(crate) limiter: Option<Limiter>,
    /// What is queued for it.
    pub(crate) inbox: Arc<QueueInbox>,
    /// Whether it takes deliveries.
    pub(crate) breaker: Breaker,
    /// What waits to be written about its deliveries, by shard.
    pub(crate) outcomes: Intake,
}

impl SinkUnit {
    /// The sink called `name`, with queues that are empty as far as is known.
    pub(crate) fn new(
        context: &Context,
        log: &Arc<LogInbox>,
        name: &str,
        sink: Arc<dyn Sink>,
        settings: SinkSettings,
        runtime: SinkRuntime,
    ) -> Self {
        let shards = context.store.shard_count();
        let name = SinkName(name.into());
        context.metrics.begin_sink(&name);
        let limiter = settings
            .rate
            .map(|rate| Limiter::new(Arc::clone(&context.store), format!("sink:{}", name.0), rate));
        Self {
            host: SinkHost::new(Arc::clone(&name.0), sink, settings.concurrency, runtime),
            limiter,
            inbox: Arc::new(QueueInbox::new(shards)),
            breaker: Breaker::new(&name.0, &settings, shards, Arc::clone(log)),
            outcomes: Intake::new(shards, MOST_UNWRITTEN),
            settings,
            name,
        }
    }

    /// What the sink may see of a notification.
    pub(crate) fn shown(&self, mut notification: Notification) -> Arc<Notification> {
        if let Some(tags) = &self.settings.tags {
            notification.retain_tags(tags);
        }
        Arc::new(notification)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name.0
    }
}
