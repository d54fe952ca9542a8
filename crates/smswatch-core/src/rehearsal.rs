//! Plays messages through the decisions of the engine, on a clock that goes only where it is told: without a
//! store, and without sending anything.

mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{
    EventKind, MessageFacts, MessageId, Observation, PartReport, Source, Tags, Timestamp, Word,
};

pub use self::replay::{PastSilence, Rehearsed, Replay};
use crate::event::own_event;
use crate::notification::worded;
use crate::privacy::Privacy;
use crate::rules::{Rules, StuckAfter};
use crate::settings::WatchSettings;
use crate::watch::lifecycle::{Answer, Lifecycle, Task};
use crate::watch::{Spelling, Watch};

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
    stuck_after: Arc<[StuckAfter]>,
    replay: Replay<'a>,
    /// By their messages' ids in lower case.
    watches: BTreeMap<String, Watched>,
    /// The status words that the provider does not document, in lower case, of which it is told.
    unknown_words: BTreeSet<String>,
    n_own_events: u64,
}

/// A message that is watched, and what the provider says of it.
#[derive(Debug)]
struct Watched {
    /// In lower case.
    message_id: MessageId,
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
            replay: Replay::new(rules, provider, now),
            watches: BTreeMap::new(),
            unknown_words: BTreeSet::new(),
            n_own_events: 0,
        }
    }

    /// Registers a message, of which the provider knows nothing yet, or adds tags to one that is registered.
    pub fn register(&mut self, message_id: &MessageId, tags: Tags) {
        let now = self.replay.now();
        let key = message_id.to_lowercase();
        let watched = self.watches.entry(key.as_str().to_owned());
        let watched = watched.or_insert_with(|| Watched {
            message_id: key,
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
        if let Some(watched) = self.watches.get_mut(key.as_str()) {
            watched.facts = facts;
            let parts = parts.into_iter();
            let parts = parts.map(|part| (part.sms_id.as_str().to_owned(), part));
            watched.parts.extend(parts);
            self.poll(key.as_str());
        }
    }

    /// Something happens to smswatch itself: to `about`, which is a sink or the provider.
    pub fn happen(&mut self, kind: EventKind, about: &str, description: &str) {
        self.n_own_events += 1;
        let (provider, n) = (self.provider, self.n_own_events);
        let text = description.to_owned();
        let event = own_event(kind, about, text, provider, self.replay.now(), n);
        self.replay.route(&[event]);
    }

    /// Lets the time pass until `until`.
    pub fn pass(&mut self, until: Timestamp) {
        while let Some((due, key)) = self.first_watch().filter(|(due, _)| *due <= until) {
            // What is due at the same time comes after what a poll finds.
            let before = self.replay.next_due().filter(|before| *before < due);
            if let Some(before) = before {
                self.replay.pass(before);
                continue;
            }
            self.replay.pass_to(due);
            self.look_after(&key);
        }
        self.replay.pass(until);
    }

    /// What was made, in order and in the rules' words, and what of it would be held back.
    #[must_use]
    pub fn made(mut self) -> Vec<Rehearsed> {
        let made = self.replay.take_made().into_iter();
        let worded = made.map(|made| {
            let words = self.rules.words(&made.notification, &made.sink);
            Rehearsed {
                notification: worded(made.notification, words),
                ..made
            }
        });
        worded.collect()
    }

    fn first_watch(&self) -> Option<(Timestamp, String)> {
        let due = self.watches.iter();
        let due = due.map(|(key, watched)| (watched.watch.due, key));
        let first = due.min();
        first.map(|(due, key)| (due, key.clone()))
    }

    /// Does what is to be done for a watch that is due.
    fn look_after(&mut self, key: &str) {
        let stuck_after = Arc::clone(&self.stuck_after);
        let lifecycle = self.lifecycle(&stuck_after);
        let Some(watched) = self.watches.get_mut(key) else {
            return;
        };
        let now = self.replay.now();
        match lifecycle.task(&watched.message_id, &watched.watch, now) {
            Task::Poll => self.poll(key),
            Task::Wait(until) if until > now => watched.watch.due = until,
            Task::Wait(_) | Task::Retire | Task::Delete => {
                self.watches.remove(key);
            }
        }
    }

    fn lifecycle<'b>(&self, stuck_after: &'b [StuckAfter]) -> Lifecycle<'b>
    where
        'a: 'b,
    {
        Lifecycle {
            settings: self.settings,
            privacy: self.privacy,
            provider: self.provider,
            shards: 1,
            stuck_after,
            stretch: 1,
            sweep_every: Duration::ZERO,
            all_swept_every: Duration::ZERO,
        }
    }

    fn poll(&mut self, key: &str) {
        let stuck_after = Arc::clone(&self.stuck_after);
        let lifecycle = self.lifecycle(&stuck_after);
        let now = self.replay.now();
        let Some(watched) = self.watches.get_mut(key) else {
            return;
        };
        let id = &watched.message_id;
        if watched.parts.is_empty() {
            let applied = lifecycle.apply(id, &watched.watch, &Answer::Unknown, now, 0.0);
            watched.watch = applied.watch;
            self.replay.route(&applied.events);
            return;
        }
        let seen = Observation {
            source: Source::Poll,
            observed_at: now,
            facts: watched.facts.clone(),
            parts: watched.parts.values().cloned().collect(),
        };
        let answer = Answer::Seen(Box::new(seen.clone()));
        let applied = lifecycle.apply(id, &watched.watch, &answer, now, 0.0);
        let is_told = |word: &Word| self.unknown_words.contains(&word.as_str().to_lowercase());
        let unknown = lifecycle.unknown_words(id, &applied.watch, &seen, now, is_told);
        let undocumented = seen
            .parts
            .iter()
            .filter(|part| !part.status.is_documented());
        let words = undocumented.map(|part| part.status.as_str().to_lowercase());
        self.unknown_words.extend(words);
        watched.watch = applied.watch;
        self.replay.route(&applied.events);
        for event in unknown {
            self.replay.route(&[event]);
        }
    }
}
