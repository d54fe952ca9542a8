//! Takes in what the provider tells by itself: it is stored when the provider hears that it arrived.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{MessageId, Observation, Source, Tags, Timestamp, Word};
use tokio::time::Instant;

use super::Service;
use crate::context::Context;
use crate::held::{self, Held};
use crate::inbox::LogInbox;
use crate::inbox::changes::{Observed, Reply, Request};
use crate::inbox::due_times::DueTimes;
use crate::inbox::requests::Wanted;
use crate::inbox::unknown_words::UnknownWords;
use crate::limiter::Limiter;
use crate::metrics::ResultLabel;
use crate::provider::{InvalidPush, MessageReport, Provider, Pushed};
use crate::settings::CallbackSettings;
use crate::store::{NewRecord, RecordChange, RecordId, Shard, StoreError};
use crate::watch::lifecycle::Lifecycle;

/// How often it is tried to add to a message that others add to at the same time.
const TRIES: u32 = 16;

/// What taking in callbacks touches, beside what the service does.
#[derive(Debug)]
pub(crate) struct Pushes {
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) unknown: Arc<UnknownWords>,
    pub(crate) log: Arc<LogInbox>,
    /// When each shard has a message whose registration is not waited for any longer.
    pub(crate) held: Arc<DueTimes>,
    /// How many unknown messages callbacks may bring.
    pub(crate) strangers: Limiter,
}

/// What became of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    /// It is about a campaign as a whole, or about a message that came in.
    Ignored,
    /// Its message is not watched, and the callback starts no watch.
    Unwatched,
    /// It waits for the registration of its message.
    Held,
    /// What it tells is stored; or its message is polled now.
    Stored,
}

/// Why a callback was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It is none, and never will be.
    #[error(transparent)]
    Invalid(#[from] InvalidPush),
    /// The configuration has no callbacks.
    #[error("callbacks are not configured")]
    Off,
    /// Too many unknown messages came.
    #[error("more new messages came within a minute than `callbacks.new_per_minute` allows")]
    TooManyNew,
    /// Too much of the log is not routed.
    #[error("too many entries of the event log wait for the rules")]
    Full,
    /// The store did not take it; it may or may not have taken place.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Service {
    /// Takes in a callback, whose sender is known by then. Everything in it is stored when this returns;
    /// the same again does no harm.
    ///
    /// # Errors
    ///
    /// It cannot be read, or cannot be stored now: the provider is to repeat it then.
    pub async fn push(&self, body: &[u8]) -> Result<Taken, PushError> {
        let began = Instant::now();
        let taken = self.take_push(body).await;
        let metrics = &self.context.metrics;
        metrics
            .callback_seconds
            .observe(began.elapsed().as_secs_f64());
        self.count_push(match &taken {
            Ok(Taken::Ignored) => "ignored",
            Ok(Taken::Unwatched) => "unwatched",
            Ok(Taken::Held) => "held",
            Ok(Taken::Stored) => "stored",
            Err(PushError::Invalid(_) | PushError::Off) => "invalid",
            Err(PushError::TooManyNew) => "too_many_new",
            Err(PushError::Full | PushError::Store(_)) => "unavailable",
        });
        taken
    }

    /// Counts a callback that came no further than the door, by what was wrong with it.
    pub fn count_push(&self, result: &'static str) {
        let label = ResultLabel { result };
        self.context.metrics.callbacks.get_or_create(&label).inc();
    }

    async fn take_push(&self, body: &[u8]) -> Result<Taken, PushError> {
        let settings = self.context.settings();
        let settings = settings.callbacks.as_ref().ok_or(PushError::Off)?;
        let pushed = self.pushes.provider.read_push(body)?;
        if pushed.messages.is_empty() {
            return Ok(Taken::Ignored);
        }
        if self.pushes.log.backlog.is_full() {
            return Err(PushError::Full);
        }
        let now = self.context.clock.now();
        self.context.arrivals.arrived(now);
        let mut by_shard: BTreeMap<Shard, Vec<Told>> = BTreeMap::new();
        for told in self.told(pushed, settings, now) {
            let shard = self.context.shard_of_key(&told.key);
            by_shard.entry(shard).or_default().push(told);
        }
        let mut taken = Taken::Ignored;
        for (shard, told) in by_shard {
            taken = taken.max(self.take_told(shard, told, settings).await?);
        }
        Ok(taken)
    }

    /// What is told, message by message.
    fn told(&self, pushed: Pushed, settings: &CallbackSettings, now: Timestamp) -> Vec<Told> {
        let messages = pushed.messages.into_iter();
        let told = messages.map(|(spelled, report)| {
            self.context.count_oddities(report.oddities);
            let MessageReport { facts, parts, .. } = report;
            // Without a status it says that something became of the message, and nothing more.
            let is_hint = settings.confirm || parts.is_empty();
            let observation = (!is_hint).then_some(Observation {
                source: Source::Callback,
                observed_at: now,
                facts,
                parts,
            });
            Told {
                key: spelled.to_lowercase(),
                spelled,
                observation,
            }
        });
        told.collect()
    }

    async fn take_told(
        &self,
        shard: Shard,
        told: Vec<Told>,
        settings: &CallbackSettings,
    ) -> Result<Taken, PushError> {
        let keys: Vec<MessageId> = told.iter().map(|told| told.key.clone()).collect();
        let stored = self.requests.load(shard, &keys).await?;
        let (mut wanted, mut taken) = (Vec::new(), Taken::Ignored);
        for (told, stored) in told.into_iter().zip(stored) {
            let Ok(stored) = stored else {
                // The version that wrote the watch takes in what is held for it.
                if !self.hold(shard, &told, settings).await? {
                    let what = "what is held of a message was written by a later version";
                    return Err(StoreError::Unavailable(what.to_owned()).into());
                }
                taken = taken.max(Taken::Held);
                continue;
            };
            if stored.is_some() {
                wanted.push(Wanted::new(told.key.clone(), stored, told.request()));
            } else if !settings.register {
                taken = taken.max(Taken::Unwatched);
            } else if !settings.hold.is_zero() && self.hold(shard, &told, settings).await? {
                taken = taken.max(Taken::Held);
            } else {
                // What a later version holds of it, that version adds to the watch.
                self.let_in().await?;
                wanted.push(Wanted::new(told.key.clone(), None, told.request()));
            }
        }
        if wanted.is_empty() {
            return Ok(taken);
        }
        for reply in self.requests.submit(shard, wanted).await? {
            match reply {
                Reply::Failed(error) => return Err(error.into()),
                Reply::NotWatched => taken = taken.max(Taken::Unwatched),
                _ => taken = taken.max(Taken::Stored),
            }
        }
        Ok(taken)
    }

    /// Lets an unknown message in, if there were not too many of them.
    async fn let_in(&self) -> Result<(), PushError> {
        match self.pushes.strangers.permit_within(Duration::ZERO).await? {
            true => Ok(()),
            false => Err(PushError::TooManyNew),
        }
    }

    /// Keeps what is told of a message until its registration comes, or its time is over; returns false if a later
    /// version keeps something of it already, which is left alone.
    async fn hold(
        &self,
        shard: Shard,
        told: &Told,
        settings: &CallbackSettings,
    ) -> Result<bool, PushError> {
        let context = &self.context;
        let id = RecordId::new(told.key.as_str()).expect("ids of messages and records look alike");
        for _ in 0..TRIES {
            let ids = std::slice::from_ref(&id);
            let load = context.store.load_records(shard, held::KIND, ids);
            let known = context.call("load_records", load).await?.pop().flatten();
            let (expected, due, mut held) = match known {
                None => {
                    self.let_in().await?;
                    let due = context.clock.now() + settings.hold;
                    (None, due, Held::new(told.spelled.clone()))
                }
                Some(record) => {
                    let Some(held) = Held::decode(&record) else {
                        context.metrics.unreadable.inc();
                        return Ok(false);
                    };
                    let due = record.due.unwrap_or_else(|| context.clock.now());
                    (Some(record.version), due, held)
                }
            };
            self.take_into(&mut held, told, context);
            let due = if held.is_full() {
                context.clock.now()
            } else {
                due
            };
            let change = RecordChange {
                kind: held::KIND,
                id: id.clone(),
                expected,
                record: Some(NewRecord {
                    due: Some(due),
                    body: held.encode(),
                }),
            };
            let commit = [change.into()];
            let commit = context.store.commit_records(shard, &commit);
            let committed = context.call("commit_records", commit).await?;
            if committed.done == [true] {
                self.pushes.held.hint(usize::from(shard.0), due);
                return Ok(true);
            }
        }
        let why = "others change what is held of this message all the time".to_owned();
        Err(StoreError::Unavailable(why).into())
    }

    fn take_into(&self, held: &mut Held, told: &Told, context: &Context) {
        let Some(observation) = &told.observation else {
            return;
        };
        let (settings, now) = (context.settings(), context.clock.now());
        let lifecycle = Lifecycle::of(context, &settings, &[]);
        let watch = held.take(&lifecycle, &told.key, observation, now);
        let is_told = |word: &Word| self.pushes.unknown.is_told(word);
        let events = lifecycle.unknown_words(&told.key, &watch, observation, now, is_told);
        self.pushes.unknown.notice(events);
    }
}

/// What a callback tells of one message.
struct Told {
    key: MessageId,
    spelled: MessageId,
    /// `None` if it only says that the message is to be polled.
    observation: Option<Observation>,
}

impl Told {
    fn request(&self) -> Request {
        match &self.observation {
            Some(observation) => Request::Observe(Box::new(Observed {
                observation: observation.clone(),
                spelled: self.spelled.clone(),
                registers: true,
                is_wanted: false,
                known_until: None,
                tags: Tags::new(),
                every: Duration::ZERO,
                took: Duration::ZERO,
            })),
            None => Request::Poll(self.spelled.clone()),
        }
    }
}
