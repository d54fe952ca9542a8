//! A group: events of one rule, for one destination, that are told together. What becomes of it is decided here,
//! by pure functions.
//!
//! The first notification comes a `wait` after the first event, each later one an `interval` after the one before
//! it. A group that has no event for an interval is forgotten: it rests, so that a step of the route stage that is
//! repeated late still finds what was taken, and is removed later.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{
    DeliveryId, Event, EventId, EventKind, GroupNames, MessageId, Overrides, Severity, Timestamp,
    destination, group_delivery_id,
};

use crate::form;
use crate::rules::{Gathering, RuleMatch, Throttle, Throttled};
use crate::store::{KeptRecord, LogPosition, NewRecord, RecordId, RecordKind};
use crate::taken::{Source, Taken};

pub(crate) const KIND: RecordKind = RecordKind::new("group");

const FORMAT: u8 = 1;

/// How many bytes of events a group holds; what is beyond that is counted, as what is beyond its `max`.
const MOST_BYTES: usize = 96 * 1024;

/// How many events a group keeps beyond those that it shows: what a silence holds back of the first ones makes room
/// for them.
const SPARE: usize = 25;

/// Of how many messages one generation of a group is found at most.
const MOST_MESSAGES: usize = 1000;

/// How long a forgotten group rests.
const REST: Duration = Duration::from_secs(3600);

/// A group as it is stored. Its due time stands in its record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) rule: String,
    pub(crate) sink: String,
    pub(crate) overrides: Overrides,
    pub(crate) severity: Severity,
    pub(crate) kind: EventKind,
    pub(crate) values: BTreeMap<String, String>,
    wait_ms: u64,
    interval_ms: u64,
    max: usize,
    /// How many notifications its destination gets of all groups of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    throttle: Option<Throttle>,
    /// Grows with each notification, and is never the same again for a later group of this name.
    pub(crate) generation: u64,
    /// What is not told yet, in the order in which it came. The first `max` of them are shown, unless a silence
    /// holds some of them back.
    pub(crate) events: Vec<Event>,
    /// Those of `events` that a silence held back when they came: they give way to others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    held_back: Vec<EventId>,
    /// How many more events there were than are kept.
    omitted: u64,
    /// How many of those that are not kept either a silence held back when they came.
    #[serde(default)]
    pub(crate) omitted_held_back: u64,
    /// The messages of all of them.
    pub(crate) messages: Vec<MessageId>,
    bytes: usize,
    taken: Taken,
    rests: bool,
}

/// Events of one log entry that go into a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fold {
    /// What the rule wants.
    pub(crate) wanted: RuleMatch,
    /// Where the entry stands.
    pub(crate) position: LogPosition,
    /// The events, at least one.
    pub(crate) events: Vec<Event>,
    /// Events of the same message that went into this group before.
    pub(crate) known: Vec<EventId>,
    /// Those of `events` that a silence holds back as they come.
    pub(crate) held_back: Vec<EventId>,
}

/// A group and when it is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Due {
    pub(crate) group: Group,
    pub(crate) at: Timestamp,
}

/// What is to be done with a group that is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// Its events are told as they stand in the group, which then is as the other one says.
    Tell(Box<Group>, Due),
    /// It had no event for an interval, and rests.
    Rest(Due),
    /// It has rested for long enough.
    Remove,
}

impl Fold {
    /// The record of the group that it goes into.
    pub(crate) fn group_id(&self) -> RecordId {
        let RuleMatch {
            rule,
            sink,
            overrides,
            group,
            ..
        } = &self.wanted;
        let names = GroupNames {
            rule,
            kind: self.kind(),
            values: group,
        };
        let id = names.id(&destination(sink, overrides));
        RecordId::new(id).expect("it is a prefix and hexadecimal digits")
    }

    fn kind(&self) -> EventKind {
        self.events
            .first()
            .map_or(EventKind::Test, |event| event.kind)
    }
}

impl Group {
    pub(crate) fn decode(record: &KeptRecord) -> Option<Self> {
        let mut group: Self = form::decode(FORMAT, &record.body)?;
        group.events.iter_mut().for_each(Event::forget_unknowns);
        Some(group)
    }

    fn encode(&self) -> Vec<u8> {
        match Event::as_stored(&self.events) {
            Cow::Borrowed(_) => form::encode(FORMAT, self),
            Cow::Owned(events) => {
                let stored = Self {
                    events,
                    ..self.clone()
                };
                form::encode(FORMAT, &stored)
            }
        }
    }

    /// A group that has taken nothing yet.
    fn new(fold: &Fold, gathering: Gathering, now: Timestamp) -> Self {
        let mut group = Self {
            rule: fold.wanted.rule.clone(),
            sink: fold.wanted.sink.clone(),
            overrides: fold.wanted.overrides.clone(),
            severity: fold.wanted.severity,
            kind: fold.kind(),
            values: fold.wanted.group.clone(),
            wait_ms: 0,
            interval_ms: 0,
            max: 1,
            throttle: None,
            generation: u64::try_from(now.as_millis()).unwrap_or(0),
            events: Vec::new(),
            held_back: Vec::new(),
            omitted: 0,
            omitted_held_back: 0,
            messages: Vec::new(),
            bytes: 0,
            taken: Taken::default(),
            rests: false,
        };
        group.set(fold.wanted.severity, gathering);
        group
    }

    /// Forgets the events that it gathered, which are told.
    fn clear(&mut self) {
        self.events.clear();
        self.held_back.clear();
        self.messages.clear();
        (self.omitted, self.omitted_held_back, self.bytes) = (0, 0, 0);
    }

    /// Takes over what the rule wants now.
    fn set(&mut self, severity: Severity, gathering: Gathering) {
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        self.severity = severity;
        self.wait_ms = millis(gathering.wait);
        self.interval_ms = millis(gathering.interval);
        self.max = gathering.max.max(1);
        self.throttle = gathering.throttle;
    }

    /// How far ahead the next notification can be.
    fn longest(&self) -> Duration {
        Duration::from_millis(self.wait_ms.max(self.interval_ms))
    }

    /// The throttle of its rule for its destination, if there is one.
    pub(crate) fn throttled(&self) -> Option<Throttled> {
        Some(Throttled {
            rule: self.rule.clone(),
            destination: destination(&self.sink, &self.overrides),
            throttle: self.throttle?,
        })
    }

    /// Whether it has taken the entry at `position`.
    pub(crate) fn has_taken(&self, source: &Source, position: &LogPosition) -> bool {
        self.taken.contains(source, position)
    }

    /// How many events it tells, or counts.
    pub(crate) fn size(&self) -> u64 {
        let kept = u64::try_from(self.events.len()).unwrap_or(u64::MAX);
        kept.saturating_add(self.omitted)
            .saturating_add(self.omitted_held_back)
    }

    /// How many events a notification shows at most.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// How many events it counts and does not show if it shows the first of so many that it keeps.
    pub(crate) fn omitted_of(&self, n_kept: usize) -> u64 {
        let hidden = u64::try_from(n_kept.saturating_sub(self.max)).unwrap_or(u64::MAX);
        self.omitted.saturating_add(hidden)
    }

    /// How many events are counted and not shown, whether a silence holds them back or not.
    pub(crate) fn omitted(&self) -> u64 {
        let omitted = self.omitted_of(self.events.len());
        omitted.saturating_add(self.omitted_held_back)
    }

    /// Whether it has nothing to tell.
    fn is_empty(&self) -> bool {
        self.size() == 0
    }

    /// The delivery with which it tells what it holds, if `id` names its record.
    pub(crate) fn delivery_id(&self, id: &RecordId) -> DeliveryId {
        group_delivery_id(id.as_str(), self.generation)
    }

    /// Adds an event of `fold`. One that adds a detail to an event which waits here takes its place; one whose earlier
    /// form was told adds nothing.
    fn add(&mut self, event: &Event, fold: &Fold) {
        let is_held_back = fold.held_back.contains(&event.event_id);
        if let Some(refined) = event.refined_event() {
            let waits = |kept: &&mut Event| kept.event_id == refined;
            if let Some(kept) = self.events.iter_mut().find(waits) {
                *kept = event.clone();
                self.held_back.retain(|id| *id != refined);
                self.held_back
                    .extend(is_held_back.then(|| event.event_id.clone()));
                return;
            }
            if fold.known.contains(&refined) {
                return;
            }
        }
        let message = event.message.message_id.as_ref();
        let news = message.filter(|message| !self.messages.contains(message));
        if self.messages.len() < MOST_MESSAGES {
            self.messages.extend(news.cloned());
        }
        let size = size_of(event);
        while !is_held_back && !self.has_room(size) && self.give_up_held_back() {}
        if self.has_room(size) || self.events.is_empty() {
            self.bytes += size;
            self.events.push(event.clone());
            self.held_back
                .extend(is_held_back.then(|| event.event_id.clone()));
        } else if is_held_back {
            self.omitted_held_back += 1;
        } else {
            self.omitted += 1;
        }
    }

    fn has_room(&self, size: usize) -> bool {
        self.events.len() < self.max + SPARE && self.bytes + size <= MOST_BYTES
    }

    /// Counts the latest event that a silence held back when it came, instead of keeping it; returns whether there
    /// was one.
    fn give_up_held_back(&mut self) -> bool {
        let Some(id) = self.held_back.pop() else {
            return false;
        };
        if let Some(place) = self.events.iter().position(|kept| kept.event_id == id) {
            let event = self.events.remove(place);
            self.bytes = self.bytes.saturating_sub(size_of(&event));
            self.omitted_held_back += 1;
        }
        true
    }
}

fn size_of(event: &Event) -> usize {
    serde_json::to_vec(event).map_or(0, |json| json.len())
}

/// A group after `fold`; `None` if it has taken that entry before.
pub(crate) fn fold(
    before: Option<Due>,
    fold: &Fold,
    source: &Source,
    now: Timestamp,
) -> Option<Due> {
    let gathering = fold.wanted.gathering?;
    let mut due = match before {
        Some(due) if due.group.has_taken(source, &fold.position) => return None,
        Some(mut due) => {
            if due.group.is_empty() {
                due.group.set(fold.wanted.severity, gathering);
            }
            if due.group.rests {
                due.group.rests = false;
                due.at = now + gathering.wait;
            }
            due
        }
        None => Due {
            group: Group::new(fold, gathering, now),
            at: now + gathering.wait,
        },
    };
    // A clock that was ahead for a moment has set no time that is later than this.
    due.at = due.at.min(now + due.group.longest());
    due.group.taken.add(source, &fold.position);
    for event in &fold.events {
        due.group.add(event, fold);
    }
    Some(due)
}

/// What is to be done with a group that is due at `now`.
pub(crate) fn decide(group: Group, now: Timestamp) -> Decision {
    if !group.is_empty() {
        let mut next = group.clone();
        next.generation += 1;
        next.clear();
        let at = now + Duration::from_millis(group.interval_ms);
        return Decision::Tell(Box::new(group), Due { group: next, at });
    }
    if group.rests {
        return Decision::Remove;
    }
    let group = Group {
        rests: true,
        ..group
    };
    Decision::Rest(Due {
        group,
        at: now + REST,
    })
}

impl From<&Due> for NewRecord {
    fn from(due: &Due) -> Self {
        Self {
            due: Some(due.at),
            body: due.group.encode(),
        }
    }
}

#[cfg(test)]
mod tests;
