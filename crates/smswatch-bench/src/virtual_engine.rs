//! Starts the real engine on a store in memory, in one runtime whose clock a program moves.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use smswatch_core::settings::{
    AlarmSettings, PrivacySettings, ProviderLimits, Settings, SinkSettings, WatchSettings,
};
use smswatch_core::{Engine, Parts, Privacy};
use smswatch_model::Timestamp;
use smswatch_plugin::Secret;
use smswatch_plugin::provider::Provider;
use smswatch_plugin::rules::Rules;
use smswatch_plugin::sink::Sink;
use smswatch_plugin::store::{Bound, HistoryBounds, Rate, Shard, Store as _};
use smswatch_testkit::memory_store::MemoryStore;

/// Midnight of a Friday, UTC.
pub(crate) const DAY: i64 = 1_777_593_600;

/// What lies behind is kept for an hour, so that memory does not grow with the day.
const HISTORY: HistoryBounds = {
    let bound = Bound {
        keep_for: Duration::from_secs(3600),
        max: 10_000,
    };
    HistoryBounds::all(bound)
};

/// Runs a future on a clock that jumps to the next moment in which there is something to do.
///
/// # Errors
///
/// There is no runtime, or the future has one.
pub(crate) fn on_paused_clock<T>(
    played: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .context("could not start the runtime")?;
    runtime.block_on(played)
}

/// The usual settings, with this limit of calls a second. What has ended is kept for a minute, so that memory does
/// not grow with the day.
pub(crate) fn settings(calls_per_second: u32) -> Settings {
    Settings {
        watch: WatchSettings {
            retention: Duration::from_secs(60),
            ..WatchSettings::default()
        },
        provider: ProviderLimits {
            rate: Rate {
                permits: calls_per_second,
                per: Duration::from_secs(1),
            },
            concurrency: 64,
            timeout: Duration::from_secs(10),
        },
        history: HISTORY,
        alarms: AlarmSettings::default(),
        callbacks: None,
        sweeps: Vec::new(),
        config_hash: 1,
        shutdown_timeout: Settings::DEFAULT_SHUTDOWN_TIMEOUT,
    }
}

/// Starts the engine with these settings at `start`.
///
/// # Errors
///
/// The store does not tell the time.
pub(crate) async fn start(
    start: Timestamp,
    provider: Arc<dyn Provider>,
    rules: Arc<dyn Rules>,
    sinks: impl IntoIterator<Item = (&'static str, Arc<dyn Sink>)>,
    settings: Settings,
) -> anyhow::Result<Engine> {
    let store = MemoryStore::new(start, 1);
    let sinks = sinks.into_iter();
    let sinks: BTreeMap<_, _> = sinks
        .map(|(name, sink)| (name.to_owned(), (sink, SinkSettings::default())))
        .collect();
    let now = store
        .now(Shard(0))
        .await
        .context("a store in memory is there")?;
    let parts = Parts {
        store: Arc::new(store),
        provider,
        rules,
        sinks,
        privacy: Privacy::new(PrivacySettings::default(), &Secret::new("a day")),
        settings,
        tracer: None,
    };
    Ok(Engine::start_on_one_runtime(parts, now))
}
