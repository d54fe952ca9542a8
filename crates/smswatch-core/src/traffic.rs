//! What messages that failed have in common, and those that went well do not.
//!
//! A process counts the final statuses that it routes, by what is known of their messages. That is a fair sample
//! where several processes share the shards, and empty after a start: what is in common is told once enough is
//! known of the rest.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smswatch_model::{Common, Event, EventKind, Message, Outcome, Timestamp};

/// For how long what was routed is compared with.
const WINDOW: Duration = Duration::from_secs(3600);

/// What is forgotten at once.
const SLOT: Duration = Duration::from_secs(300);

/// How many values of one attribute are counted in a slot. An attribute with more has a value for nearly each
/// message, such as an order number; a value that many messages have comes early.
const MOST_VALUES: usize = 500;

/// How many tags are counted in a slot.
const MOST_TAGS: usize = 30;

/// How many failures say something at least.
const FEWEST: usize = 4;

/// How many messages that went well are compared with at least.
const FEWEST_GOOD: u64 = 20;

/// How many percent of the failures must share a value.
const MOST_SHARE: u64 = 75;

/// By how many percent more of the failures than of the messages that went well must have it.
const LEAST_LIFT: u64 = 30;

/// How many things in common are told at most.
const MOST_TOLD: usize = 3;

/// How many messages had a value, and how many of them went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Count {
    all: u64,
    good: u64,
}

impl Count {
    fn add(&mut self, is_good: bool) {
        self.all += 1;
        self.good += u64::from(is_good);
    }

    fn plus(self, other: Self) -> Self {
        Self {
            all: self.all + other.all,
            good: self.good + other.good,
        }
    }
}

/// The traffic of a few minutes.
#[derive(Debug)]
struct Slot {
    began: Timestamp,
    total: Count,
    /// By attribute, then by value.
    values: BTreeMap<String, HashMap<String, Count>>,
}

impl Slot {
    fn new(began: Timestamp) -> Self {
        Self {
            began,
            total: Count::default(),
            values: BTreeMap::new(),
        }
    }

    fn add(&mut self, message: &Message, is_good: bool) {
        self.total.add(is_good);
        for (attribute, value) in attributes(message) {
            if !self.values.contains_key(&*attribute) {
                if attribute.starts_with(TAG) && self.values.len() >= ATTRIBUTES + MOST_TAGS {
                    continue;
                }
                self.values.insert(attribute.to_string(), HashMap::new());
            }
            let Some(values) = self.values.get_mut(&*attribute) else {
                continue;
            };
            if let Some(count) = values.get_mut(value) {
                count.add(is_good);
            } else if values.len() < MOST_VALUES {
                let count = values.entry(value.to_owned()).or_default();
                count.add(is_good);
            }
        }
    }

    fn count(&self, attribute: &str, value: &str) -> Count {
        let values = self.values.get(attribute);
        let count = values.and_then(|values| values.get(value));
        count.copied().unwrap_or_default()
    }
}

/// What the attributes that are tags begin with.
const TAG: &str = "tags.";

/// How many attributes there are beside tags.
const ATTRIBUTES: usize = 7;

/// What is known of a message that others may share, by the keys of `match`.
pub(crate) type Attributes<'m> = Vec<(Cow<'m, str>, &'m str)>;

/// What is known of a message that others may share, under the keys of `match`.
pub(crate) fn attributes(message: &Message) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    let known: [(&str, &Option<String>); ATTRIBUTES] = [
        ("operator", &message.operator),
        ("country", &message.country),
        ("from", &message.from),
        ("label", &message.label),
        ("campaign", &message.campaign),
        ("application", &message.application),
        ("body_key", &message.body_key),
    ];
    let known = known.into_iter().filter_map(|(attribute, value)| {
        let value = value.as_deref().filter(|value| !value.is_empty())?;
        Some((attribute.into(), value))
    });
    let tags = message.tags.iter();
    known.chain(tags.map(|(name, value)| (format!("{TAG}{name}").into(), value.as_str())))
}

/// The messages that became final lately, as this process saw them.
#[derive(Debug, Default)]
pub(crate) struct Traffic(Mutex<Recent>);

impl Traffic {
    /// Counts what is final among `events`.
    pub(crate) fn add(&self, events: &[Event], now: Timestamp) {
        self.lock().add(events, now);
    }

    /// What most failures among `events` share and most messages that went well do not, what tells most first.
    /// Whatever is among `given` is the same for all of them by its nature.
    pub(crate) fn in_common(
        &self,
        events: &[Event],
        given: &BTreeMap<String, String>,
    ) -> Vec<Common> {
        let mut messages: BTreeMap<&str, &Message> = BTreeMap::new();
        for event in events.iter().filter(|event| has_failed(event)) {
            if let Some(id) = &event.message.message_id {
                messages.insert(id.as_str(), &event.message);
            }
        }
        let messages: Vec<Attributes<'_>> = messages
            .into_values()
            .map(|message| attributes(message).collect())
            .collect();
        self.of_failures(&messages, given)
    }

    /// The same of messages that failed, of which this is known.
    pub(crate) fn of_failures(
        &self,
        messages: &[Attributes<'_>],
        given: &BTreeMap<String, String>,
    ) -> Vec<Common> {
        self.lock().in_common(messages, given)
    }

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Recent(VecDeque<Slot>);

impl Recent {
    fn add(&mut self, events: &[Event], now: Timestamp) {
        let finals = events.iter().filter(|event| {
            let is_final = event.current.as_ref().is_some_and(|now| now.is_final);
            // A detail or a correction is of a message that was counted.
            event.kind == EventKind::StatusChanged
                && is_final
                && !event.refined
                && !event.regression
        });
        for event in finals {
            let is_new = self.0.back().is_none_or(|slot| slot.began + SLOT <= now);
            if is_new {
                while self.0.front().is_some_and(|slot| slot.began + WINDOW < now) {
                    self.0.pop_front();
                }
                self.0.push_back(Slot::new(now));
            }
            if let Some(slot) = self.0.back_mut() {
                let is_good = event.message.outcome == Some(Outcome::Delivered);
                slot.add(&event.message, is_good);
            }
        }
    }

    fn total(&self) -> Count {
        let totals = self.0.iter().map(|slot| slot.total);
        totals.fold(Count::default(), Count::plus)
    }

    fn count(&self, attribute: &str, value: &str) -> Count {
        let counts = self.0.iter().map(|slot| slot.count(attribute, value));
        counts.fold(Count::default(), Count::plus)
    }

    fn in_common(
        &self,
        messages: &[Attributes<'_>],
        given: &BTreeMap<String, String>,
    ) -> Vec<Common> {
        let total = self.total();
        if messages.len() < FEWEST || total.good < FEWEST_GOOD {
            return Vec::new();
        }
        let mut shared: BTreeMap<(Cow<'_, str>, &str), u64> = BTreeMap::new();
        for (attribute, value) in messages.iter().flatten() {
            if !given.contains_key(&**attribute) {
                *shared.entry((attribute.clone(), value)).or_default() += 1;
            }
        }
        let of = u64::try_from(messages.len()).unwrap_or(u64::MAX);
        let mut found: Vec<(u64, Common)> = Vec::new();
        for ((key, value), count) in shared {
            let traffic = self.count(&key, value);
            let share = percent(count, of);
            let lift = share.saturating_sub(percent(traffic.good, total.good));
            if share >= MOST_SHARE && lift >= LEAST_LIFT {
                let common = Common {
                    key: key.into_owned(),
                    value: value.to_owned(),
                    count,
                    of,
                    percent_of_traffic: percent(traffic.all, total.all),
                };
                found.push((lift, common));
            }
        }
        // Among what tells as much, the order of keys holds.
        found.sort_by_key(|(lift, _)| std::cmp::Reverse(*lift));
        found
            .into_iter()
            .map(|(_, common)| common)
            .take(MOST_TOLD)
            .collect()
    }
}

/// Whether the part is final and did not arrive, or should have been final by now.
pub(crate) fn has_failed(event: &Event) -> bool {
    if matches!(event.kind, EventKind::Stuck | EventKind::GaveUp) {
        return true;
    }
    let current = event.current.as_ref();
    current.is_some_and(|now| now.is_final && !now.status.eq_ignore_ascii_case("delivered"))
}

/// How many percent `count` is of `of`, rounded.
fn percent(count: u64, of: u64) -> u64 {
    (count * 200 + of).checked_div(of * 2).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use smswatch_model::{CurrentStatus, MessageId};

    use super::*;
    use crate::event::test_event;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    /// A message that became final, over an operator and for a shop.
    fn event(n: u64, operator: &str, shop: &str, outcome: Outcome) -> Event {
        let mut event = test_event("routee", "crm", at(0), n);
        let status = match outcome {
            Outcome::Delivered => "Delivered",
            _ => "Undelivered",
        };
        event.kind = EventKind::StatusChanged;
        event.current = Some(CurrentStatus {
            status: status.to_owned(),
            detailed_status: None,
            description: None,
            date: at(0),
            is_final: true,
        });
        let message = &mut event.message;
        message.message_id = Some(MessageId::new(format!("m{n}")).expect("an id"));
        message.operator = Some(operator.to_owned());
        message.from = Some(shop.to_owned());
        message.label = Some(format!("order-{n}"));
        message.outcome = Some(outcome);
        event
    }

    /// An hour in which every message went well: a fifth over each of five operators, for two shops.
    fn ordinary() -> Traffic {
        let traffic = Traffic::default();
        for n in 0..500 {
            let (operator, shop) = (format!("Mobile {}", n % 5), format!("Shop {}", n % 2));
            traffic.add(&[event(n, &operator, &shop, Outcome::Delivered)], at(0));
        }
        traffic
    }

    #[test]
    fn what_failures_share_and_the_rest_does_not_is_told_with_its_shares() {
        let failures: Vec<Event> = (0..42)
            .map(|n| {
                let operator = if n == 0 { "Mobile 3" } else { "Mobile 1" };
                let shop = format!("Shop {}", n % 2);
                event(1_000 + n, operator, &shop, Outcome::Failed)
            })
            .collect();
        let traffic = ordinary();
        traffic.add(&failures, at(60));
        let expected = Common {
            key: "operator".to_owned(),
            value: "Mobile 1".to_owned(),
            count: 41,
            of: 42,
            percent_of_traffic: 26,
        };
        let nothing = BTreeMap::new();
        assert_eq!(traffic.in_common(&failures, &nothing), [expected]);
        let by_operator = BTreeMap::from([("operator".to_owned(), "Mobile 1".to_owned())]);
        assert!(traffic.in_common(&failures, &by_operator).is_empty());
    }

    #[test]
    fn messages_that_are_stuck_have_things_in_common_as_failures_have() {
        let stuck = (0..10).map(|n| Event {
            kind: EventKind::Stuck,
            current: None,
            ..event(
                1_000 + n,
                "Mobile 1",
                &format!("Shop {}", n % 2),
                Outcome::Pending,
            )
        });
        let stuck: Vec<Event> = stuck.collect();
        let found = ordinary().in_common(&stuck, &BTreeMap::new());
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.value.as_str(), one.count))
            .collect();
        assert_eq!(found, [("Mobile 1", 10)]);
    }

    #[test]
    fn failures_that_are_as_mixed_as_the_rest_have_nothing_in_common() {
        let failures: Vec<Event> = (0..40)
            .map(|n| {
                let (operator, shop) = (format!("Mobile {}", n % 5), format!("Shop {}", n % 2));
                event(1_000 + n, &operator, &shop, Outcome::Failed)
            })
            .collect();
        assert!(ordinary().in_common(&failures, &BTreeMap::new()).is_empty());
    }

    #[test]
    fn nothing_is_said_before_enough_is_known_or_after_it_is_too_old() {
        let failures: Vec<Event> = (0..10)
            .map(|n| event(1_000 + n, "Mobile 1", "Shop 1", Outcome::Failed))
            .collect();
        let nothing = BTreeMap::new();
        let few = &failures[..3];
        assert!(ordinary().in_common(few, &nothing).is_empty());
        assert!(Traffic::default().in_common(&failures, &nothing).is_empty());
        let traffic = ordinary();
        assert_eq!(traffic.in_common(&failures, &nothing).len(), 2);
        traffic.add(&failures, at(2 * 3600));
        assert!(traffic.in_common(&failures, &nothing).is_empty());
    }
}
