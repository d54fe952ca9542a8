//! What stands around the engine: a store in memory, a provider that tells a story, sinks that note what they
//! are given, and rules that tell every sink of everything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smswatch_core::settings::{
    AlarmSettings, ProviderLimits, Settings, SinkSettings, WatchSettings,
};
use smswatch_core::{Engine, NewWatch, Parts, Privacy};
use smswatch_model::{Event, MessageId, Notification, Overrides, Severity, Tags, Timestamp};
use smswatch_plugin::Secret;
use smswatch_plugin::provider::Provider;
use smswatch_plugin::rules::{Gathering, RuleMatch, RuleVerdict, Rules, StuckAfter, Told, Words};
use smswatch_plugin::sink::Sink;
use smswatch_plugin::store::{
    DeliveryFilter, DeliveryState, PageRequest, Queues as _, Rate, Shard, Store as _,
};
use smswatch_plugin::traces::Tracer;
use smswatch_testkit::memory_store::MemoryStore;
use tokio::time::Instant;

use crate::compiled::compiled;
use crate::recorder::Recorder;
pub(crate) use crate::storyteller::{Fate, Storyteller};

pub(crate) const START: i64 = 1_777_636_800;

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Everything around engines that share a store.
pub(crate) struct World {
    pub(crate) store: MemoryStore,
    pub(crate) provider: Arc<Storyteller>,
    pub(crate) settings: Settings,
    /// How the rule of everything gathers events, if it does.
    pub(crate) gathering: Option<Gathering>,
    /// Rules in YAML in place of the rule of everything.
    pub(crate) rules: Option<&'static str>,
    /// Who gets traces.
    pub(crate) tracer: Option<Arc<dyn Tracer>>,
    pub(crate) began: Instant,
}

impl World {
    pub(crate) fn new() -> Self {
        let began = Instant::now();
        Self {
            store: MemoryStore::new(Timestamp::from_seconds(START), 4),
            provider: Arc::new(Storyteller::new(began)),
            settings: Settings {
                watch: WatchSettings::default(),
                provider: ProviderLimits {
                    rate: Rate {
                        permits: 1_000,
                        per: seconds(1),
                    },
                    concurrency: 32,
                    timeout: seconds(10),
                },
                history: Settings::DEFAULT_HISTORY,
                alarms: AlarmSettings::default(),
                callbacks: None,
                sweeps: Vec::new(),
                config_hash: 1,
                shutdown_timeout: Settings::DEFAULT_SHUTDOWN_TIMEOUT,
            },
            gathering: None,
            rules: None,
            tracer: None,
            began,
        }
    }

    /// Starts a process with these sinks.
    pub(crate) async fn engine(
        &self,
        sinks: impl IntoIterator<Item = (&'static str, Arc<Recorder>, SinkSettings)>,
    ) -> Engine {
        self.engine_on(&self.store, sinks).await
    }

    /// Starts a process with one sink, which takes everything at once.
    pub(crate) async fn start(&self) -> (Arc<Recorder>, Engine) {
        let sink = Recorder::new(self, seconds(0));
        let engine = self.start_for(&sink).await;
        (sink, engine)
    }

    /// Starts a process with this sink alone.
    pub(crate) async fn start_for(&self, sink: &Arc<Recorder>) -> Engine {
        let sinks = [("crm", Arc::clone(sink), SinkSettings::default())];
        self.engine(sinks).await
    }

    /// Starts a process with these sinks on a way of its own to the store.
    pub(crate) async fn engine_on(
        &self,
        store: &MemoryStore,
        sinks: impl IntoIterator<Item = (&'static str, Arc<Recorder>, SinkSettings)>,
    ) -> Engine {
        let sinks: BTreeMap<String, (Arc<dyn Sink>, SinkSettings)> = sinks
            .into_iter()
            .map(|(name, sink, settings)| (name.to_owned(), (sink as Arc<dyn Sink>, settings)))
            .collect();
        let names: Vec<String> = sinks.keys().cloned().collect();
        let rules: Arc<dyn Rules> = match self.rules {
            Some(text) => Arc::new(compiled(text, &names)),
            None => Arc::new(TellEverything {
                sinks: names,
                gathering: self.gathering,
            }),
        };
        let parts = Parts {
            store: Arc::new(store.clone()),
            provider: Arc::clone(&self.provider) as Arc<dyn Provider>,
            rules,
            sinks,
            privacy: Privacy::new(
                smswatch_core::settings::PrivacySettings::default(),
                &Secret::new("secret"),
            ),
            settings: self.settings.clone(),
            tracer: self.tracer.clone(),
        };
        let now = self.store.now(Shard(0)).await.expect("the time");
        Engine::start_on_one_runtime(parts, now)
    }

    /// How long ago it began.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// What becomes of an unregistered message.
    pub(crate) fn fate(&self, id: &str, fate: Fate) {
        let message_id = MessageId::new(id).expect("an id");
        self.provider.set(message_id, fate);
    }

    /// Has an engine watch a message of this fate.
    pub(crate) async fn watch(&self, engine: &Engine, id: &str, fate: Fate) {
        self.watch_for(engine, id, fate, "").await;
    }

    /// The same for a team, which a tag names.
    pub(crate) async fn watch_for(&self, engine: &Engine, id: &str, fate: Fate, team: &str) {
        let message_id = MessageId::new(id).expect("an id");
        self.fate(id, fate);
        let team = Some(team).filter(|team| !team.is_empty());
        let tags = team.map(|team| ("team".to_owned(), team.to_owned()));
        let new = NewWatch {
            message_id,
            tags: Tags::from_iter(tags),
        };
        let added = engine.service().register(vec![new]).await;
        assert_eq!(added.expect("it is stored").accepted, 1);
    }
}

/// Why what is held back in `store` is held back.
pub(crate) async fn held_back(store: &MemoryStore) -> Vec<String> {
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Suppressed),
        ..DeliveryFilter::default()
    };
    let request = PageRequest {
        cursor: None,
        limit: 100,
    };
    let page = store.deliveries(&filter, &request).await;
    let held_back = page.expect("the store is there").items.into_iter();
    let reasons = held_back.filter_map(|delivery| delivery.suppressed_by().map(str::to_owned));
    reasons.collect()
}

/// One rule, which tells every sink of every event.
#[derive(Debug)]
struct TellEverything {
    sinks: Vec<String>,
    gathering: Option<Gathering>,
}

impl Rules for TellEverything {
    fn measured(&self, _: &Event) -> Vec<smswatch_plugin::rules::Measured> {
        Vec::new()
    }

    fn matches(&self, events: &[Event], _: &Told) -> Vec<RuleMatch> {
        let matches = self.sinks.iter().flat_map(|sink| {
            (0..events.len()).map(move |event| RuleMatch {
                rule: "everything".to_owned(),
                sink: sink.clone(),
                overrides: Overrides::new(),
                severity: Severity::Warning,
                group: BTreeMap::new(),
                gathering: self.gathering,
                is_once: false,
                events: vec![event],
            })
        });
        matches.collect()
    }

    fn keeps_marks(&self, _: &Event) -> bool {
        self.gathering.is_some()
    }

    fn words(&self, notification: &Notification, _: &str) -> Words {
        Words {
            title: notification.kind.as_str().to_owned(),
            ..Words::default()
        }
    }

    fn explain(&self, _: &Event, _: &Told) -> Vec<RuleVerdict> {
        Vec::new()
    }

    fn stuck_after(&self) -> Arc<[StuckAfter]> {
        Arc::from([])
    }
}
