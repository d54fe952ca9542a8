//! Plays messages through the decisions of the engine, on a clock that goes only where it is told: without a
//! store, and without sending anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{
    Event, EventId, EventKind, MessageFacts, MessageId, Notification, Observation, PartReport,
    Source, Tags, Timestamp, Word,
};

use crate::event::own_event;
use crate::group::{Decision, Due, Fold, decide, fold};
use crate::notification::{of_group, of_match, worded};
use crate::privacy::Privacy;
use crate::rules::{RuleMatch, Rules, Told};
use crate::settings::WatchSettings;
use crate::store::{LogPosition, RecordId, Shard};
use crate::taken;
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
    /// By their messages' ids in lower case.
    watches: BTreeMap<String, Watched>,
    told: Told,
    /// What rules gather, by the names of its records.
    groups: BTreeMap<String, Gathered>,
    /// The status words that the provider does not document, in lower case, of which it is told.
    unknown_words: BTreeSet<String>,
    /// How often something was put into a group: where each of them would stand in a log.
    n_folds: u64,
    n_own_events: u64,
    notified: Vec<Rehearsed>,
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

/// A group of events, and all that went into it.
#[derive(Debug)]
struct Gathered {
    id: RecordId,
    due: Due,
    known: Vec<EventId>,
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
            groups: BTreeMap::new(),
            unknown_words: BTreeSet::new(),
            n_folds: 0,
            n_own_events: 0,
            notified: Vec::new(),
        }
    }

    /// Registers a message, of which the provider knows nothing yet, or adds tags to one that is registered.
    pub fn register(&mut self, message_id: &MessageId, tags: Tags) {
        let now = self.now;
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
        self.route(&[own_event(kind, about, text, provider, self.now, n)]);
    }

    /// Lets the time pass until `until`.
    pub fn pass(&mut self, until: Timestamp) {
        loop {
            let (watch, group) = (self.first_watch(), self.first_group());
            let is_group = match (&watch, &group) {
                (Some((watch, _)), Some((group, _))) => group < watch,
                (watch, _) => watch.is_none(),
            };
            let Some((due, key)) = (if is_group { group } else { watch }) else {
                break;
            };
            if due > until {
                break;
            }
            self.now = self.now.max(due);
            match is_group {
                true => self.tell_group(&key),
                false => self.look_after(&key),
            }
        }
        self.now = self.now.max(until);
    }

    /// What was notified, in order.
    #[must_use]
    pub fn notified(self) -> Vec<Rehearsed> {
        self.notified
    }

    fn first_watch(&self) -> Option<(Timestamp, String)> {
        let due = self.watches.iter();
        let due = due.map(|(key, watched)| (watched.watch.due, key));
        let first = due.min();
        first.map(|(due, key)| (due, key.clone()))
    }

    fn first_group(&self) -> Option<(Timestamp, String)> {
        let due = self.groups.iter();
        let first = due.map(|(key, gathered)| (gathered.due.at, key)).min();
        first.map(|(due, key)| (due, key.clone()))
    }

    /// Does what is to be done for a watch that is due.
    fn look_after(&mut self, key: &str) {
        let stuck_after = Arc::clone(&self.stuck_after);
        let lifecycle = self.lifecycle(&stuck_after);
        let Some(watched) = self.watches.get_mut(key) else {
            return;
        };
        match lifecycle.task(&watched.message_id, &watched.watch, self.now) {
            Task::Poll => self.poll(key),
            Task::Wait(until) if until > self.now => watched.watch.due = until,
            Task::Wait(_) | Task::Retire | Task::Delete => {
                self.watches.remove(key);
            }
        }
    }

    /// Does what is to be done for a group that is due.
    fn tell_group(&mut self, key: &str) {
        let Some(mut gathered) = self.groups.remove(key) else {
            return;
        };
        match decide(gathered.due.group.clone(), self.now) {
            Decision::Tell(group, next) => {
                let notification = of_group(&gathered.id, &group, self.now);
                self.notify(&group.sink, notification);
                gathered.due = next;
            }
            Decision::Rest(next) => gathered.due = next,
            Decision::Remove => return,
        }
        self.groups.insert(key.to_owned(), gathered);
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

    fn poll(&mut self, key: &str) {
        let stuck_after = Arc::clone(&self.stuck_after);
        let lifecycle = self.lifecycle(&stuck_after);
        let now = self.now;
        let Some(watched) = self.watches.get_mut(key) else {
            return;
        };
        let id = &watched.message_id;
        if watched.parts.is_empty() {
            let applied = lifecycle.apply(id, &watched.watch, &Answer::Unknown, now, 0.0);
            watched.watch = applied.watch;
            self.route(&applied.events);
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
        self.route(&applied.events);
        for event in unknown {
            self.route(&[event]);
        }
    }

    /// Asks the rules about the events of one log entry.
    fn route(&mut self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        for rule_match in self.rules.matches(events, &self.told) {
            let positions = rule_match.events.iter();
            let told: Vec<Event> = positions
                .filter_map(|position| events.get(*position))
                .cloned()
                .collect();
            if rule_match.is_once {
                let messages = told
                    .iter()
                    .filter_map(|event| event.message.message_id.as_ref());
                for message in messages {
                    self.told.add_message(&rule_match.rule, message);
                }
            }
            if rule_match.gathering.is_some() {
                self.gather(rule_match, told);
                continue;
            }
            let RuleMatch {
                rule,
                sink,
                overrides,
                ..
            } = &rule_match;
            for event in &told {
                self.told.add(rule, sink, overrides, &event.event_id);
            }
            let notification = of_match(&rule_match, events, self.now);
            self.notify(sink, notification);
        }
    }

    /// Puts events into the group in which their rule gathers them.
    fn gather(&mut self, wanted: RuleMatch, events: Vec<Event>) {
        self.n_folds += 1;
        let mut folded = Fold {
            wanted,
            position: LogPosition(format!("{:020}", self.n_folds)),
            events,
            known: Vec::new(),
        };
        let id = folded.group_id();
        let before = self.groups.remove(id.as_str());
        let (before, mut known) = match before {
            Some(gathered) => (Some(gathered.due), gathered.known),
            None => (None, Vec::new()),
        };
        folded.known.clone_from(&known);
        known.extend(folded.events.iter().map(|event| event.event_id.clone()));
        if let Some(due) = fold(before, &folded, &taken::Source::Log(Shard(0)), self.now) {
            let key = id.as_str().to_owned();
            self.groups.insert(key, Gathered { id, due, known });
        }
    }

    fn notify(&mut self, sink: &str, notification: Notification) {
        let words = self.rules.words(&notification, sink);
        self.notified.push(Rehearsed {
            at: self.now,
            sink: sink.to_owned(),
            notification: worded(notification, words),
        });
    }
}
