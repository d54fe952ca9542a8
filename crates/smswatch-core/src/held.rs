//! What callbacks told of messages that are not registered, while their registration, with its tags, may
//! still come: the watch as it would be, and its events. Nothing of it is told until its time is over.

pub(crate) mod release;

use serde::{Deserialize, Serialize};
use smswatch_model::{
    Event, Message, MessageFacts, MessageId, Observation, PartReport, Tags, Timestamp, Word,
};

use crate::form;
use crate::record::Record;
use crate::store::{KeptRecord, RecordKind};
use crate::watch::lifecycle::{Applied, Effect, Lifecycle};
use crate::watch::{Spelling, Watch};

pub(crate) const KIND: RecordKind = RecordKind::new("held");

const FORMAT: u8 = 1;

/// How many events of a message are held; with more its time is over at once.
const MOST_EVENTS: usize = 256;

/// A message that is not registered yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// The id as the first callback spelled it.
    pub(crate) spelled: MessageId,
    /// The record of the watch as it would be; `None` if the callbacks only say that the message is to be
    /// polled.
    watch: Option<String>,
    /// What is to be told of it.
    events: Vec<Event>,
}

impl Held {
    /// A message of which nothing is known.
    pub(crate) fn new(spelled: MessageId) -> Self {
        Self {
            spelled,
            watch: None,
            events: Vec::new(),
        }
    }

    /// Reads a record; `None` if another version wrote it, or the watch in it.
    pub(crate) fn decode(record: &KeptRecord) -> Option<Self> {
        let held: Self = form::decode(FORMAT, &record.body)?;
        let is_readable = held.watch.is_none() || held.watch().is_some();
        is_readable.then_some(held)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        form::encode(FORMAT, self)
    }

    /// Whether nothing more is held of it.
    pub(crate) fn is_full(&self) -> bool {
        self.events.len() >= MOST_EVENTS
    }

    /// The watch as it would be; `None` if nothing was told.
    pub(crate) fn watch(&self) -> Option<Watch> {
        let bytes = hex::decode(self.watch.as_ref()?).ok()?;
        Watch::decode(&Record::from_bytes(bytes)?).ok()
    }

    /// Takes in what a callback told; returns what it makes of the watch.
    pub(crate) fn take(
        &mut self,
        lifecycle: &Lifecycle<'_>,
        key: &MessageId,
        observation: &Observation,
        now: Timestamp,
    ) -> Watch {
        let random = fastrand::f64();
        let applied = match self.watch() {
            Some(watch) => {
                lifecycle.apply_seen(Effect::Continues, key, &watch, observation, now, random)
            }
            None => {
                let watch = found(&self.spelled, now);
                lifecycle.apply_seen(Effect::Begins(None), key, &watch, observation, now, random)
            }
        };
        self.watch = Some(hex::encode(applied.watch.encode().as_bytes()));
        self.events.extend(applied.events);
        applied.watch
    }

    /// What becomes of the message's watch when its time is over: of `watch` if it is watched by then.
    pub(crate) fn adopt(
        &self,
        lifecycle: &Lifecycle<'_>,
        key: &MessageId,
        watch: Option<&Watch>,
        now: Timestamp,
    ) -> Applied {
        let Some(watch) = watch else {
            return match self.watch() {
                Some(held) => Applied {
                    events: self.events.clone(),
                    ..Applied::nothing(held)
                },
                None => Applied::nothing(found(&self.spelled, now)),
            };
        };
        let mut all = Applied::nothing(watch.clone());
        let part_count = self.watch().map(|held| held.snapshot.part_count);
        for event in &self.events {
            let Some(observation) = observed(event, part_count) else {
                continue;
            };
            let random = fastrand::f64();
            let applied = lifecycle.apply_seen(
                Effect::Continues,
                key,
                &all.watch,
                &observation,
                now,
                random,
            );
            all.watch = applied.watch;
            let events = applied.events.into_iter();
            all.events
                .extend(events.map(|new| about_the_same(new, event)));
        }
        all
    }
}

/// The watch of a message that a source has found.
pub(crate) fn found(spelled: &MessageId, now: Timestamp) -> Watch {
    Watch {
        spelling: Spelling::of(spelled),
        ..Watch::new(now, Tags::new())
    }
}

/// What an event says of its part, as it was observed. Of the message's people nothing is left in it that could
/// be told in full.
fn observed(event: &Event, part_count: Option<u32>) -> Option<Observation> {
    let current = event.current.as_ref()?;
    let facts = MessageFacts {
        part_count,
        ..MessageFacts::default()
    };
    let part = PartReport {
        sms_id: event.part.sms_id.clone()?,
        number: event.part.number,
        status: Word::new(&current.status),
        detailed_status: current.detailed_status.as_deref().map(Word::new),
        description: current.description.clone(),
        date: Some(current.date),
        price: event.part.price.clone(),
        latency: event.part.latency.clone(),
    };
    Some(Observation {
        source: event.source?,
        observed_at: event.detected_at,
        facts,
        parts: vec![part],
    })
}

/// The `new` event with what the held one says of the message, which was masked when it was observed.
fn about_the_same(new: Event, held: &Event) -> Event {
    Event {
        detected_at: held.detected_at,
        message: Message {
            message_id: new.message.message_id,
            outcome: new.message.outcome,
            part_count: new.message.part_count,
            tags: new.message.tags,
            ..held.message.clone()
        },
        ..new
    }
}
