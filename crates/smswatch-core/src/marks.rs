//! What rules told of each message, where the deliveries do not say it: which of those that tell of each message
//! once have done so, and into which groups its events went.
//!
//! A mark lies in the shard of its message and is written in the route step that it belongs to. What it says
//! of `once_per` counts for entries behind the one that it comes from, so that a step that is repeated comes to
//! the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{DeliveryId, Event, EventId, MessageId, Timestamp, destination};

use crate::context::Context;
use crate::form;
use crate::rules::RuleMatch;
use crate::settings::WatchSettings;
use crate::store::{LogPosition, NewRecord, RecordChange, RecordId, RecordKind, Shard, StoreError};

pub(crate) const KIND: RecordKind = RecordKind::new("mark");

const FORMAT: u8 = 1;

/// Into how many groups a message's events are noted to have gone, the latest ones.
const MOST_GROUPED: usize = 32;

/// What rules told of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// Rules that tell of each message once, and the place of the log entry of which they told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    once: BTreeMap<String, String>,
    /// Events that went into groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) grouped: Vec<Grouped>,
}

/// Events of a message that went into a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grouped {
    pub(crate) rule: String,
    /// The name of the destination that the group is for.
    pub(crate) destination: String,
    /// The group's record.
    pub(crate) group: String,
    /// The delivery with which the group tells them, once it does.
    pub(crate) delivery: DeliveryId,
    pub(crate) events: Vec<EventId>,
}

impl Mark {
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        form::decode(FORMAT, bytes)
    }

    fn encode(&self) -> Vec<u8> {
        form::encode(FORMAT, self)
    }
}

/// The mark of one message, and how the store holds it.
#[derive(Debug)]
struct Known {
    version: Option<u64>,
    /// `None` if a later version wrote it: it is left alone.
    mark: Option<Mark>,
    is_changed: bool,
}

/// The marks of the messages of one step.
#[derive(Debug, Default)]
pub(crate) struct Marks(HashMap<MessageId, Known>);

impl Marks {
    /// Reads the marks of `messages`, which all lie in `shard`, in one call; none if there are none.
    ///
    /// # Errors
    ///
    /// The store is not there.
    pub(crate) async fn read(
        context: &Context,
        shard: Shard,
        messages: &BTreeSet<MessageId>,
    ) -> Result<Self, StoreError> {
        if messages.is_empty() {
            return Ok(Self::default());
        }
        let ids: Vec<RecordId> = messages.iter().map(id).collect();
        let load = context.store.load_records(shard, KIND, &ids);
        let records = context.call("load_records", load).await?;
        let known = messages.iter().zip(records).map(|(message, record)| {
            let known = match record {
                None => Known {
                    version: None,
                    mark: Some(Mark::default()),
                    is_changed: false,
                },
                Some(record) => Known {
                    version: Some(record.version),
                    mark: Mark::decode(&record.body),
                    is_changed: false,
                },
            };
            if known.mark.is_none() {
                context.metrics.unreadable.inc();
            }
            (message.clone(), known)
        });
        Ok(Self(known.collect()))
    }

    /// What is marked of `message`.
    pub(crate) fn of(&self, message: &MessageId) -> Option<&Mark> {
        self.0.get(message)?.mark.as_ref()
    }

    /// The rules that have told of `message` in an entry before `position`; in any if that is `None`.
    pub(crate) fn used_up(
        &self,
        message: &MessageId,
        position: Option<&LogPosition>,
    ) -> impl Iterator<Item = &str> {
        let once = self.of(message).into_iter().flat_map(|mark| &mark.once);
        let before = once.filter(move |(_, told_at)| {
            position.is_none_or(|position| LogPosition((*told_at).clone()) < *position)
        });
        before.map(|(rule, _)| rule.as_str())
    }

    /// The events of the message of `events` that went into the group that `wanted` names before.
    pub(crate) fn known_in(&self, wanted: &RuleMatch, events: &[Event]) -> Vec<EventId> {
        let message = events
            .first()
            .and_then(|event| event.message.message_id.as_ref());
        let mark = message.and_then(|message| self.of(message));
        let grouped = mark.into_iter().flat_map(|mark| &mark.grouped);
        let destination = destination(&wanted.sink, &wanted.overrides);
        let of_group =
            grouped.filter(|known| known.rule == wanted.rule && known.destination == destination);
        of_group.flat_map(|known| known.events.clone()).collect()
    }

    /// Notes that `rule`, which tells of each message once, told of `message` in the entry at `position`.
    pub(crate) fn told_once(&mut self, message: &MessageId, rule: &str, position: &LogPosition) {
        if let Some((is_changed, mark)) = self.readable(message) {
            mark.once.insert(rule.to_owned(), position.0.clone());
            *is_changed = true;
        }
    }

    /// Notes that events of `message` went into a group.
    pub(crate) fn grouped(&mut self, message: &MessageId, grouped: Grouped) {
        let Some((is_changed, mark)) = self.readable(message) else {
            return;
        };
        let is_same = |known: &&mut Grouped| {
            known.group == grouped.group && known.delivery == grouped.delivery
        };
        if let Some(known) = mark.grouped.iter_mut().find(is_same) {
            let news = grouped.events.into_iter();
            for event in news {
                if !known.events.contains(&event) {
                    known.events.push(event);
                    *is_changed = true;
                }
            }
            return;
        }
        mark.grouped.push(grouped);
        let surplus = mark.grouped.len().saturating_sub(MOST_GROUPED);
        mark.grouped.drain(..surplus);
        *is_changed = true;
    }

    /// Forgets, as far as this step is concerned, that an event went into the group that this delivery tells: it told
    /// nobody of it.
    pub(crate) fn forget(&mut self, delivery: &DeliveryId, event: &EventId) {
        let marks = self.0.values_mut().filter_map(|known| known.mark.as_mut());
        let grouped = marks.flat_map(|mark| &mut mark.grouped);
        for known in grouped.filter(|known| known.delivery == *delivery) {
            known.events.retain(|known| known != event);
        }
    }

    fn readable(&mut self, message: &MessageId) -> Option<(&mut bool, &mut Mark)> {
        let known = self.0.get_mut(message)?;
        Some((&mut known.is_changed, known.mark.as_mut()?))
    }

    /// The changes that a route step takes along; they are kept until `due`.
    pub(crate) fn changes(&self, due: Timestamp) -> Vec<RecordChange> {
        let changed = self.0.iter().filter(|(_, known)| known.is_changed);
        let changes = changed.filter_map(|(message, known)| {
            Some(RecordChange {
                kind: KIND,
                id: id(message),
                expected: known.version,
                record: Some(NewRecord {
                    due: Some(due),
                    body: known.mark.as_ref()?.encode(),
                }),
            })
        });
        changes.collect()
    }
}

/// How long a mark is kept after it was changed: as long as anything more can be found out about its message.
pub(crate) fn kept_for(settings: &WatchSettings) -> Duration {
    settings.give_up_after + settings.confirm_after + settings.retention
}

fn id(message: &MessageId) -> RecordId {
    let id = message.to_lowercase();
    RecordId::new(id.as_str()).expect("ids of messages fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> MessageId {
        MessageId::new("m1").expect("an id")
    }

    fn position(number: u64) -> LogPosition {
        LogPosition(number.to_string())
    }

    fn marks() -> Marks {
        let known = Known {
            version: None,
            mark: Some(Mark::default()),
            is_changed: false,
        };
        Marks(HashMap::from([(message(), known)]))
    }

    #[test]
    fn a_mark_counts_behind_the_entry_that_it_comes_from() {
        let mut marks = marks();
        assert_eq!(marks.changes(Timestamp::from_seconds(9)), []);
        marks.told_once(&message(), "first", &position(9));
        let used_up = |at: Option<u64>| {
            let at = at.map(position);
            let message = message();
            let mut rules: Vec<String> = Vec::new();
            rules.extend(marks.used_up(&message, at.as_ref()).map(str::to_owned));
            rules
        };
        assert_eq!(used_up(Some(9)), Vec::<String>::new());
        assert_eq!(used_up(Some(10)), ["first"]);
        assert_eq!(used_up(None), ["first"]);
        let [change] = marks
            .changes(Timestamp::from_seconds(9))
            .try_into()
            .expect("one");
        let record = change.record.expect("it is written");
        let mark = Mark::decode(&record.body);
        assert_eq!(mark.as_ref(), marks.of(&message()));
    }

    #[test]
    fn what_a_later_version_marked_is_left_alone() {
        let mut marks = marks();
        let known = marks.0.get_mut(&message()).expect("it is there");
        known.mark = Mark::decode(b"\x02whatever");
        marks.told_once(&message(), "first", &position(9));
        assert_eq!(marks.changes(Timestamp::from_seconds(9)), []);
    }

    #[test]
    fn the_latest_groups_of_a_message_are_noted() {
        let mut marks = marks();
        let event = EventId::new("evt_1").expect("an id");
        for n in 0..MOST_GROUPED + 5 {
            let grouped = Grouped {
                rule: "rule".to_owned(),
                destination: "crm".to_owned(),
                group: n.to_string(),
                delivery: DeliveryId::new(format!("dlv_{n}")).expect("an id"),
                events: vec![event.clone()],
            };
            marks.grouped(&message(), grouped.clone());
            marks.grouped(&message(), grouped);
        }
        let mark = marks.of(&message()).expect("a mark");
        assert_eq!(mark.grouped.len(), MOST_GROUPED);
        assert_eq!(mark.grouped[0].group, "5");
        assert_eq!(mark.grouped[0].events, [event]);
    }
}
