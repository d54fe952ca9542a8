//! Plays messages through the decisions of the engine, on a clock that goes only where it is told: without a
//! store, and without sending anything.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{
    Event, EventKind, MessageFacts, MessageId, Notification, Observation, PartReport, Source, Tags,
    Timestamp,
};

use crate::event::own_event;
use crate::notification::{of_match, worded};
use crate::privacy::Privacy;
use crate::rules::{Rules, Told};
use crate::settings::WatchSettings;
use crate::watch::lifecycle::{Answer, Lifecycle, Task};
use crate::watch::{Spelling, Watch};

/// A notification that would have been sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsed {
    /// When it was made.
    pub at: Timestamp,
    /// The sink that would be notified.
    pub sink: String,
    /// What it would be sent.
    pub notification: Notification,
}

/// Messages, what rules make of them, and a clock.
///
/// Between what the caller says, messages are polled when their schedule says so, without jitter, and
/// are told to be as they were said to be last. So deadlines pass as they do in a running service.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    rules: &'a dyn Rules,
    settings: &'a WatchSettings,
    privacy: &'a Privacy,
    provider: &'a str,
    /// How long after its registration a message is stuck.
    stuck_after: Arc<[Duration]>,
    now: Timestamp,
    watches: BTreeMap<MessageId, Watched>,
    told: Told,
    n_own_events: u64,
    notified: Vec<Rehearsed>,
}

/// A message that is watched, and what the provider says of it.
#[derive(Debug)]
struct Watched {
    watch: Watch,
    facts: MessageFacts,
    parts: BTreeMap<String, PartReport>,
}

impl<'a> Rehearsal<'a> {
    /// Begins at `now`, with no message.
    #[must_use]
    pub fn new(
        rules: &'a dyn Rules,
        settings: &'a WatchSettings,
        privacy: &'a Privacy,
        provider: &'a str,
        now: Timestamp,
    ) -> Self {
        Self {
            rules,
            settings,
            privacy,
            provider,
            stuck_after: rules.stuck_after(),
            now,
            watches: BTreeMap::new(),
            told: Told::default(),
            n_own_events: 0,
            notified: Vec::new(),
        }
    }

    /// Registers a message, of which the provider knows nothing yet, or adds tags to one that is registered.
    pub fn register(&mut self, message_id: &MessageId, tags: Tags) {
        let now = self.now;
        let watched = self.watches.entry(message_id.to_lowercase());
        let watched = watched.or_insert_with(|| Watched {
            watch: Watch {
                spelling: Spelling::of(message_id),
                ..Watch::new(now, Tags::new())
            },
            facts: MessageFacts::default(),
            parts: BTreeMap::new(),
        });
        watched.watch.tags.extend(tags);
    }

    /// A poll of a registered message sees these facts and parts; parts that are not named are as they were.
    pub fn see(&mut self, message_id: &MessageId, facts: MessageFacts, parts: Vec<PartReport>) {
        let key = message_id.to_lowercase();
        if let Some(watched) = self.watches.get_mut(&key) {
            watched.facts = facts;
            let parts = parts.into_iter();
            let parts = parts.map(|part| (part.sms_id.as_str().to_owned(), part));
            watched.parts.extend(parts);
            self.poll(&key);
        }
    }

    /// Something happens to smswatch itself: to `about`, which is a sink or the provider.
    pub fn happen(&mut self, kind: EventKind, about: &str, description: &str) {
        self.n_own_events += 1;
        let (provider, n) = (self.provider, self.n_own_events);
        let text = description.to_owned();
        self.route(&[own_event(kind, about, text, provider, self.now, n)]);
    }

    /// Lets the time pass until `until`.
    pub fn pass(&mut self, until: Timestamp) {
        while let Some((due, key)) = self.first_due().filter(|(due, _)| *due <= until) {
            self.now = self.now.max(due);
            let stuck_after = Arc::clone(&self.stuck_after);
            let lifecycle = self.lifecycle(&stuck_after);
            let Some(watched) = self.watches.get_mut(&key) else {
                return;
            };
            let task = lifecycle.task(&key, &watched.watch, self.now);
            match task {
                Task::Poll => self.poll(&key),
                Task::Wait(until) if until > self.now => watched.watch.due = until,
                Task::Wait(_) | Task::Retire | Task::Delete => {
                    self.watches.remove(&key);
                }
            }
        }
        self.now = self.now.max(until);
    }

    /// What was notified, in order.
    #[must_use]
    pub fn notified(self) -> Vec<Rehearsed> {
        self.notified
    }

    fn first_due(&self) -> Option<(Timestamp, MessageId)> {
        let due = self.watches.iter();
        let due = due.map(|(key, watched)| (watched.watch.due, key));
        let first =
            due.min_by(|one, other| (one.0, one.1.as_str()).cmp(&(other.0, other.1.as_str())));
        first.map(|(due, key)| (due, key.clone()))
    }

    fn lifecycle<'b>(&self, stuck_after: &'b [Duration]) -> Lifecycle<'b>
    where
        'a: 'b,
    {
        Lifecycle {
            settings: self.settings,
            privacy: self.privacy,
            provider: self.provider,
            shards: 1,
            stuck_after,
        }
    }

    fn poll(&mut self, key: &MessageId) {
        let stuck_after = Arc::clone(&self.stuck_after);
        let lifecycle = self.lifecycle(&stuck_after);
        let Some(watched) = self.watches.get_mut(key) else {
            return;
        };
        let answer = match watched.parts.is_empty() {
            true => Answer::Unknown,
            false => Answer::Seen(Box::new(Observation {
                source: Source::Poll,
                observed_at: self.now,
                facts: watched.facts.clone(),
                parts: watched.parts.values().cloned().collect(),
            })),
        };
        let applied = lifecycle.apply(key, &watched.watch, &answer, self.now, 0.0);
        watched.watch = applied.watch;
        self.route(&applied.events);
    }

    fn route(&mut self, events: &[Event]) {
        for rule_match in self.rules.matches(events, &self.told) {
            let notification = of_match(&rule_match, events, self.now);
            let words = self.rules.words(&notification, &rule_match.sink);
            for event in &notification.events {
                let (rule, sink) = (&rule_match.rule, &rule_match.sink);
                self.told
                    .add(rule, sink, &rule_match.overrides, &event.event_id);
            }
            self.notified.push(Rehearsed {
                at: self.now,
                sink: rule_match.sink,
                notification: worded(notification, words),
            });
        }
    }
}
