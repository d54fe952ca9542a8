//! A throttle of one rule for one destination: which notifications got one of its slots, and when. What it
//! decides is decided here, by pure functions.
//!
//! Who asks says what has been settled of what it asked before. Until then a slot stays with the notification
//! that got it, so that a step which is repeated after a crash comes to the same.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{AlertState, Event, EventKind, Timestamp};

use crate::form;
use crate::rate;
use crate::rules::Throttle;
use crate::store::{KeptRecord, LogPosition, NewRecord, RecordKind};

pub(crate) const KIND: RecordKind = RecordKind::new("throttle");

const FORMAT: u8 = 1;

/// How long a throttle is kept after its slots are free again: longer than a step is repeated.
const REST: Duration = Duration::from_secs(24 * 3600);

/// Of how many groups, and entries that were left to a later version, it is kept that they got a slot which is free
/// again by now.
const MOST_UNSETTLED: usize = 64;

/// Of how many alerts it is kept that they were told: their ends are told, too.
const MOST_ALERTS: usize = 64;

/// The slots of a throttle, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Slots {
    /// When slots were given whose notifications are queued for certain, in milliseconds.
    told: Vec<i64>,
    /// What was given to each source, as far as it may ask for it again.
    sources: BTreeMap<String, Open>,
    /// The latest alerts that were told, by their keys, and when they began, in milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    alerts: BTreeMap<String, i64>,
}

/// An alert on a rate of which a notification tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AskedAlert {
    key: String,
    started_at: i64,
    is_over: bool,
}

impl AskedAlert {
    /// The alert of which an event tells, if it does.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let (alert, about) = (event.alert.as_ref()?, event.about.as_ref()?);
        Some(Self {
            key: rate::key(&about.name, &alert.by),
            started_at: alert.started_at.as_millis(),
            is_over: alert.state == AlertState::Resolved,
        })
    }
}

/// What one source got.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Open {
    /// Up to where all is settled.
    settled: String,
    given: Vec<Given>,
    /// What was refused in an entry that wants more than one step carries: a part of it may be queued already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<(String, EventKind)>,
}

/// A slot and who got it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Given {
    at: i64,
    position: String,
    kind: EventKind,
}

/// Who asks for a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asker<'a> {
    /// Where the notification comes from: a log, or a group.
    pub(crate) source: &'a str,
    /// Up to where that is settled: nothing before is ever asked again.
    pub(crate) settled: &'a LogPosition,
    /// Whether that is certain: the store said so twice, and whatever was settled beyond is lost.
    pub(crate) is_certain: bool,
    /// Where in the source it stands.
    pub(crate) position: &'a LogPosition,
    /// The kind of its events.
    pub(crate) kind: EventKind,
    /// The alert of which it tells, if it does.
    pub(crate) alert: Option<&'a AskedAlert>,
}

/// What a throttle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The notification has a slot; the throttle changed if it had none before.
    Given {
        /// Whether it just got it.
        is_new: bool,
    },
    /// It has none.
    Refused,
    /// Its step is late: all of it is settled, and it will not take place.
    Late,
}

impl Slots {
    pub(crate) fn decode(record: &KeptRecord) -> Option<Self> {
        form::decode(FORMAT, &record.body)
    }

    /// What is stored of it; it goes once it is of no use to `throttle`.
    pub(crate) fn record(&self, throttle: Throttle, now: Timestamp) -> NewRecord {
        NewRecord {
            due: Some(now + throttle.per + REST),
            body: form::encode(FORMAT, self),
        }
    }

    /// Asks for a slot for a notification. That an alert is over needs none if it was told that it began: nobody
    /// waits for its end forever.
    pub(crate) fn ask(&mut self, throttle: Throttle, asker: &Asker<'_>, now: Timestamp) -> Answer {
        let is_told = |alert: &&AskedAlert| self.alerts.get(&alert.key) == Some(&alert.started_at);
        if asker
            .alert
            .filter(|alert| alert.is_over)
            .is_some_and(|alert| is_told(&alert))
        {
            return Answer::Given { is_new: false };
        }
        if let Some(open) = self.sources.get(asker.source) {
            let Asker { position, kind, .. } = asker;
            let is_it = |known: &str, of: EventKind| known == position.0 && of == *kind;
            if open
                .given
                .iter()
                .any(|given| is_it(&given.position, given.kind))
            {
                return Answer::Given { is_new: false };
            }
            let is_refused = open.refused.iter().any(|(known, of)| is_it(known, *of));
            if is_refused {
                return Answer::Refused;
            }
            if !asker.is_certain && **position <= LogPosition(open.settled.clone()) {
                return Answer::Late;
            }
        }
        if self.in_use(throttle.per, now) >= throttle.at_most as usize {
            return Answer::Refused;
        }
        self.settle(asker, throttle.per, now);
        let open = self.sources.entry(asker.source.to_owned()).or_default();
        open.given.push(Given {
            at: now.as_millis(),
            position: asker.position.0.clone(),
            kind: asker.kind,
        });
        if let Some(alert) = asker.alert {
            self.note(alert);
        }
        Answer::Given { is_new: true }
    }

    /// Keeps in mind that an alert was told.
    fn note(&mut self, alert: &AskedAlert) {
        self.alerts.insert(alert.key.clone(), alert.started_at);
        while self.alerts.len() > MOST_ALERTS {
            let oldest = self
                .alerts
                .iter()
                .min_by_key(|(_, started_at)| **started_at);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.alerts.remove(&key);
        }
    }

    /// Keeps in mind that a notification was refused.
    pub(crate) fn refuse(&mut self, asker: &Asker<'_>, per: Duration, now: Timestamp) {
        self.settle(asker, per, now);
        let open = self.sources.entry(asker.source.to_owned()).or_default();
        let refused = (asker.position.0.clone(), asker.kind);
        if !open.refused.contains(&refused) {
            open.refused.push(refused);
        }
    }

    /// How many slots are in use. One that a clock gave which was far ahead counts no longer than any other.
    fn in_use(&self, per: Duration, now: Timestamp) -> usize {
        let given = self.sources.values().flat_map(|open| &open.given);
        let all = self.told.iter().copied().chain(given.map(|given| given.at));
        all.filter(|at| is_recent(*at, per, now)).count()
    }

    /// Forgets what is settled of the source of `asker`, and slots that are free again.
    fn settle(&mut self, asker: &Asker<'_>, per: Duration, now: Timestamp) {
        let open = self.sources.entry(asker.source.to_owned()).or_default();
        if LogPosition(open.settled.clone()) < *asker.settled {
            open.settled.clone_from(&asker.settled.0);
        }
        let settled = LogPosition(open.settled.clone());
        let is_settled = |position: &String| LogPosition(position.clone()) <= settled;
        let (told, given) = std::mem::take(&mut open.given)
            .into_iter()
            .partition::<Vec<_>, _>(|given| is_settled(&given.position));
        open.given = given;
        open.refused.retain(|(position, _)| !is_settled(position));
        self.told.extend(told.into_iter().map(|given| given.at));
        self.told.retain(|at| is_recent(*at, per, now));
        self.forget_oldest(per, now);
    }

    /// Of sources that ask once, such as groups, the latest ones are kept.
    fn forget_oldest(&mut self, per: Duration, now: Timestamp) {
        let once = self.sources.iter().filter(|(name, _)| name.contains(':'));
        let latest = |open: &Open| open.given.iter().map(|given| given.at).max();
        let old = once.filter(|(_, open)| latest(open).is_none_or(|at| !is_recent(at, per, now)));
        let mut old: Vec<(Option<i64>, String)> = old
            .map(|(name, open)| (latest(open), name.clone()))
            .collect();
        old.sort();
        let surplus = old.len().saturating_sub(MOST_UNSETTLED);
        for (_, name) in &old[..surplus] {
            self.sources.remove(name);
        }
    }
}

fn is_recent(at: i64, per: Duration, now: Timestamp) -> bool {
    let apart = now.as_millis().abs_diff(at);
    u128::from(apart) < per.as_millis()
}

#[cfg(test)]
mod tests;
