//! What stands around the engine: a store in memory, a provider that tells a story, sinks that note what they
//! are given, and rules that tell every sink of everything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smswatch_core::settings::{
    AlarmSettings, ProviderLimits, Settings, SinkSettings, WatchSettings,
};
use smswatch_core::{Engine, NewWatch, Parts, Privacy};
use smswatch_model::{
    Event, MessageFacts, MessageId, Notification, Overrides, PartReport, PhoneNumber, Severity,
    SmsId, Tags, Timestamp, Word,
};
use smswatch_plugin::Secret;
use smswatch_plugin::provider::{
    InvalidPush, ListedPage, Listing, MessageReport, Poll, PollError, Provider, Pushed,
};
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

const START: i64 = 1_777_636_800;

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What becomes of a message: statuses, each so long after the world began. `!failed` and the like stand for polls
/// that bring nothing.
pub(crate) type Fate = Vec<(Duration, &'static str)>;

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
            provider: Arc::new(Storyteller {
                began,
                fates: Mutex::default(),
                polls: Mutex::default(),
                pages: Mutex::default(),
                lists_until: Mutex::default(),
                a_page_takes: Mutex::default(),
                a_poll_takes: Mutex::default(),
                lists_nothing_within: Mutex::default(),
            }),
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
        self.provider.fates().insert(message_id, fate);
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

/// A provider that knows the fates of messages.
#[derive(Debug)]
pub(crate) struct Storyteller {
    began: Instant,
    fates: Mutex<BTreeMap<MessageId, Fate>>,
    polls: Mutex<Vec<Duration>>,
    /// When it was asked for which page.
    pages: Mutex<Vec<(Duration, u32)>>,
    /// Until when it lists anything; `None`: always.
    lists_until: Mutex<Option<Duration>>,
    a_page_takes: Mutex<Duration>,
    a_poll_takes: Mutex<Duration>,
    /// While the world is of such an age, pages are empty.
    lists_nothing_within: Mutex<std::ops::Range<Duration>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storyteller {
    fn fates(&self) -> std::sync::MutexGuard<'_, BTreeMap<MessageId, Fate>> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It lists nothing any more once the world is so old.
    pub(crate) fn lists_until(&self, age: Duration) {
        *lock(&self.lists_until) = Some(age);
    }

    /// Pages are empty while the world is of such an age.
    pub(crate) fn lists_nothing_within(&self, ages: std::ops::Range<Duration>) {
        *lock(&self.lists_nothing_within) = ages;
    }

    /// Each page takes so long from now on.
    pub(crate) fn a_page_takes(&self, long: Duration) {
        *lock(&self.a_page_takes) = long;
    }

    /// Each poll takes so long from now on, and tells what was so when it began.
    pub(crate) fn a_poll_takes(&self, long: Duration) {
        *lock(&self.a_poll_takes) = long;
    }

    /// When it was asked for which page.
    pub(crate) fn pages(&self) -> Vec<(Duration, u32)> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.clone()
    }

    /// When it was asked, each counted from the beginning of the world.
    pub(crate) fn polls(&self) -> Vec<Duration> {
        let polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        polls.clone()
    }

    /// What it says of a message when the world is so old.
    fn answer(&self, message_id: &MessageId, now: Duration) -> Result<Poll, PollError> {
        let fates = self.fates();
        let Some(fate) = fates.get(message_id) else {
            return Ok(Poll::Unknown);
        };
        let Some((at, status)) = fate.iter().rev().find(|(at, _)| *at <= now) else {
            return Ok(Poll::Unknown);
        };
        match *status {
            "!failed" => Err(PollError::failed("it answered 500")),
            "!unreadable" => Err(PollError::unreadable("it is not JSON")),
            "!throttled" => Err(PollError::throttled("it answered 429")),
            "!refused" => Err(PollError::refused("it answered 403")),
            "!invalid" => Ok(Poll::Invalid),
            status => Ok(Poll::Seen(Box::new(report(message_id, status, *at)))),
        }
    }
}

#[async_trait]
impl Provider for Storyteller {
    fn name(&self) -> &'static str {
        "storyteller"
    }

    async fn poll(&self, message_id: &MessageId) -> Result<Poll, PollError> {
        let now = self.began.elapsed();
        lock(&self.polls).push(now);
        let answer = self.answer(message_id, now);
        let takes = *lock(&self.a_poll_takes);
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        answer
    }

    /// Tells of all messages that have begun, the latest first, in pages of 100 at most.
    async fn list(&self, listing: &Listing, page: u32, size: u32) -> Result<ListedPage, PollError> {
        let now = self.began.elapsed();
        {
            let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
            pages.push((now, page));
        }
        let takes = *lock(&self.a_page_takes);
        tokio::time::sleep(takes).await;
        let until = *lock(&self.lists_until);
        if until.is_some_and(|until| now > until) {
            return Err(PollError::failed("it lists nothing"));
        }
        if matches!(listing, Listing::Window { filters, .. } if !filters.is_empty()) {
            return Err(PollError::failed("it knows no filters"));
        }
        let nothing = lock(&self.lists_nothing_within).contains(&now);
        if nothing {
            return Ok(ListedPage {
                is_last: true,
                ..ListedPage::default()
            });
        }
        let fates = self.fates();
        let told = fates.iter().filter_map(|(message_id, fate)| {
            let (began, _) = fate.first()?;
            let (at, status) = fate.iter().rev().find(|(at, _)| *at <= now)?;
            let is_within = match listing {
                Listing::Window { from, .. } => Timestamp::from_seconds(START) + *began >= *from,
                // The messages of a campaign are named after it.
                Listing::Campaign(id) => message_id.as_str().starts_with(id.as_str()),
            };
            is_within.then(|| (message_id.clone(), report(message_id, status, *at)))
        });
        let size = size.min(100) as usize;
        let all: Vec<_> = told.collect();
        // Behind the last page of an endless listing the last one comes again.
        let is_endless = all.iter().any(|(id, _)| id.as_str().starts_with("endless"));
        let last = if is_endless {
            all.len().div_ceil(size).saturating_sub(1)
        } else {
            usize::MAX
        };
        let number = last.min(page as usize);
        if all.is_empty()
            && matches!(listing, Listing::Campaign(id) if id.as_str().starts_with("unknown"))
        {
            return Ok(ListedPage::unknown());
        }
        let messages: Vec<_> = all.iter().skip(number * size).take(size).cloned().collect();
        Ok(ListedPage {
            rows: messages.len() as u32,
            is_last: !is_endless && (number + 1) * size >= all.len(),
            messages,
            ..ListedPage::default()
        })
    }

    /// Reads `ID STATUS`, which happens now, or `ID STATUS SECONDS`.
    fn read_push(&self, body: &[u8]) -> Result<Pushed, InvalidPush> {
        let text = std::str::from_utf8(body).map_err(|_| InvalidPush::Format)?;
        let words: Vec<&str> = text.split(' ').collect();
        let (id, status) = words
            .first()
            .zip(words.get(1))
            .ok_or(InvalidPush::NoMessage)?;
        let at = words.get(2).and_then(|at| at.parse().ok());
        let at = at.map_or_else(|| self.began.elapsed(), Duration::from_secs);
        let message_id = MessageId::new(*id).map_err(|_| InvalidPush::NoMessage)?;
        let told = report(&message_id, status, at);
        Ok(Pushed {
            messages: vec![(message_id, told)],
            ..Pushed::default()
        })
    }
}

/// What is told of a message whose only part has taken a status, possibly with a detail behind a slash, so long after the
/// world began.
fn report(message_id: &MessageId, status: &str, at: Duration) -> MessageReport {
    let (status, detail) = match status.split_once('/') {
        Some((status, detail)) => (status, Some(detail)),
        None => (status, None),
    };
    let part = PartReport {
        sms_id: SmsId::new(format!("{message_id}-1")).expect("an id"),
        number: Some(1),
        status: Word::new(status),
        detailed_status: detail.map(Word::new),
        description: None,
        date: Some(Timestamp::from_seconds(START) + at),
        price: None,
        latency: None,
    };
    let facts = MessageFacts {
        part_count: Some(1),
        to: Some(PhoneNumber::new("+306912345601")),
        // A message `m1@Example` is one of this operator.
        operator: message_id
            .as_str()
            .split_once('@')
            .map(|(_, operator)| operator.to_owned()),
        ..MessageFacts::default()
    };
    MessageReport {
        facts,
        parts: vec![part],
        ..MessageReport::default()
    }
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
