//! A rate: how many of a rule's events it counts, in the last while, and whether its alert fires. What becomes
//! of it is decided here, by pure functions.
//!
//! Events are counted in buckets, of which sixty make a window. A rate of which the window is empty rests, so that
//! a step of the route stage that is repeated late still finds what was taken, and is removed later.

mod counting;
mod groups;
mod sample;
mod usual;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{Alert, AlertState, GroupNames, Repeated, Timestamp, percent};

pub(crate) use self::counting::{Counting, count_all};
pub(crate) use self::groups::{RateGroups, countings};
pub(crate) use self::sample::Failure;
use self::sample::Sample;
use self::usual::{Hours, surely_above};
use crate::form;
use crate::rules::{RateGroup, RateSettings};
use crate::store::{KeptRecord, LogPosition, NewRecord, RecordId, RecordKind};
use crate::taken::{Source, Taken};
use crate::traffic::Attributes;

pub(crate) const KIND: RecordKind = RecordKind::new("rate");

const FORMAT: u8 = 1;

/// How many buckets a window has.
const BUCKETS: u32 = 60;

/// How long what was counted waits to be judged, at most.
const SOON: Duration = Duration::from_secs(10);

/// How often a rate is looked at whose alert fires.
const LOOK: Duration = Duration::from_secs(60);

/// How long a rate of which nothing is left rests.
const REST: Duration = Duration::from_secs(3600);

/// A rate as it is stored. Its due time stands in its record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rate {
    pub(crate) rule: String,
    pub(crate) values: BTreeMap<String, String>,
    settings: RateSettings,
    /// How many events there were in each bucket, and how many of them count, by the milliseconds at which it
    /// begins.
    buckets: BTreeMap<i64, (u64, u64)>,
    taken: Taken,
    /// Since when it is above its bound, without firing yet.
    above_since: Option<Timestamp>,
    /// Since when its alert fires.
    firing_since: Option<Timestamp>,
    /// When that was to be told last, while it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told_at: Option<Timestamp>,
    /// How many times to tell it again have passed.
    #[serde(default)]
    repeats: u64,
    /// How many events were held back since it fires.
    #[serde(default)]
    held_back: u64,
    /// The last entries that were counted while it fires, or fired last, of those that a rule asks about.
    #[serde(default, skip_serializing_if = "Taken::is_empty")]
    taken_back: Taken,
    /// The last entries that were counted before that.
    #[serde(default, skip_serializing_if = "Taken::is_empty")]
    told_until: Taken,
    /// Messages that failed among what it counted, of those in the window the latest.
    #[serde(default, skip_serializing_if = "Sample::is_empty")]
    sample: Sample,
    /// What was measured in each hour of the last days, if the rule compares with what is usual.
    #[serde(default, skip_serializing_if = "Hours::is_empty")]
    hours: Hours,
    rests: bool,
}

/// A rate and when it is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Due {
    pub(crate) rate: Rate,
    pub(crate) at: Timestamp,
}

/// What is to be done with a rate that is due.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Decision {
    /// The rate afterwards; `None` if nothing is left of it.
    pub(crate) after: Option<Due>,
    /// What is told.
    pub(crate) alert: Option<Alert>,
    /// That this was told before, and still holds.
    pub(crate) repeated: Option<Repeated>,
}

/// The record of the rate of this group.
pub(crate) fn rate_id(group: &RateGroup) -> RecordId {
    id_of(&group.rule, &group.values)
}

/// The record of the rate of these values of a rule.
pub(crate) fn id_of(rule: &str, values: &BTreeMap<String, String>) -> RecordId {
    let id = names(rule, values).id("");
    RecordId::new(id).expect("it is a prefix and hexadecimal digits")
}

/// What names a rate.
fn names<'a>(rule: &'a str, values: &'a BTreeMap<String, String>) -> GroupNames<'a> {
    let kind = smswatch_model::EventKind::AlertFiring;
    GroupNames { rule, kind, values }
}

/// What is equal for all notifications of a rate's alerts.
pub(crate) fn key(rule: &str, values: &BTreeMap<String, String>) -> String {
    names(rule, values).key()
}

impl Rate {
    pub(crate) fn decode(record: &KeptRecord) -> Option<Self> {
        form::decode(FORMAT, &record.body)
    }

    fn encode(&self) -> Vec<u8> {
        form::encode(FORMAT, self)
    }

    fn new(wanted: &RateGroup) -> Self {
        Self {
            rule: wanted.rule.clone(),
            values: wanted.values.clone(),
            settings: wanted.settings,
            buckets: BTreeMap::new(),
            taken: Taken::default(),
            above_since: None,
            firing_since: None,
            told_at: None,
            repeats: 0,
            held_back: 0,
            taken_back: Taken::default(),
            told_until: Taken::default(),
            sample: Sample::default(),
            hours: Hours::default(),
            rests: false,
        }
    }

    /// What is known of the latest messages that failed among what it counted.
    pub(crate) fn failures(&self) -> Vec<Attributes<'_>> {
        self.sample.attributes()
    }

    /// Whether it has taken the entry at `position`.
    pub(crate) fn has_taken(&self, source: &Source, position: &LogPosition) -> bool {
        self.taken.contains(source, position)
    }

    /// Whether its alert fires.
    pub(crate) fn is_firing(&self) -> bool {
        self.firing_since.is_some()
    }

    /// Whether the entry at `position` is held back by rules that wait for the end of its alert. Who counts an entry first
    /// decides for all who route it: of two processes, one may have asked before the alert began.
    pub(crate) fn holds_back(&self, source: &Source, position: &LogPosition) -> bool {
        if !self.has_taken(source, position) {
            return self.is_firing();
        }
        self.taken_back.contains(source, position) && !self.told_until.contains(source, position)
    }

    /// Its alert with the figures of `now`; `None` if it does not fire.
    pub(crate) fn firing_alert(mut self, now: Timestamp) -> Option<Alert> {
        let started_at = self.firing_since?;
        self.forget(now);
        Some(self.alert(AlertState::Firing, started_at, now))
    }

    /// Takes over what its rule says now; of a rule that has gone, nothing is told again.
    pub(crate) fn follow(&mut self, settings: Option<RateSettings>) {
        match settings {
            Some(settings) => self.settings = settings,
            None => self.settings.repeat = None,
        }
    }

    /// When it is to be told again; `None` if it does not fire, or its rule does not want that.
    fn repeats_at(&self) -> Option<Timestamp> {
        let told_at = self.told_at.or(self.firing_since)?;
        Some(told_at + self.settings.repeat?)
    }

    /// Notes that the alert is repeated, if it is time. Repeats that were missed count as one.
    fn repeat(&mut self, now: Timestamp) -> Option<Repeated> {
        let (at, every) = (self.repeats_at()?, self.settings.repeat?);
        if now < at || every.is_zero() {
            return None;
        }
        let missed = now.since(at).as_millis() / every.as_millis();
        let missed = u32::try_from(missed).unwrap_or(u32::MAX);
        self.told_at = Some(at + every.saturating_mul(missed));
        self.repeats += 1 + u64::from(missed);
        Some(Repeated {
            every: every.as_secs(),
            times: self.repeats,
        })
    }

    /// How many milliseconds a bucket lasts.
    fn width(&self) -> i64 {
        let width = self.settings.over.as_millis() / u128::from(BUCKETS);
        i64::try_from(width).unwrap_or(i64::MAX).max(1)
    }

    /// Where the bucket of this moment begins.
    fn bucket(&self, at: Timestamp) -> i64 {
        let width = self.width();
        at.as_millis().div_euclid(width) * width
    }

    /// When the bucket of this moment ends.
    fn bucket_end(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_millis(self.bucket(at).saturating_add(self.width()))
    }

    /// Forgets what has left the window that ends at `now`.
    fn forget(&mut self, now: Timestamp) {
        self.sample.forget(now - self.settings.over);
        match self.settings.usual {
            Some(_) => self.hours.forget(now),
            None => self.hours.clear(),
        }
        let first = (now - self.settings.over).as_millis();
        let width = self.width();
        self.buckets
            .retain(|start, _| start.saturating_add(width) > first);
    }

    /// Which share in percent is usual at this hour; `None` if that is not known, or the rule does not ask.
    fn usual(&self, now: Timestamp) -> Option<f64> {
        self.settings.usual?;
        self.hours.usual(now, self.settings.at_least)
    }

    /// Whether what was measured is above the bound at which the alert fires.
    fn is_above(&self, now: Timestamp) -> bool {
        let (total, count) = self.sums();
        let settings = &self.settings;
        total >= settings.at_least
            && match (settings.usual, self.usual(now)) {
                // Few events can have a high share by chance.
                (Some(bound), Some(usual)) => surely_above(total, count) > bound.percent(usual),
                _ => settings.above.is_below(count, percent(count, total)),
            }
    }

    /// Whether what was measured is below the bound at which the alert is resolved, or nothing is left.
    fn is_clear(&self, now: Timestamp) -> bool {
        let (total, count) = self.sums();
        let percent = percent(count, total);
        let bound = self.settings.usual.filter(|bound| bound.clears);
        total == 0
            || match (bound, self.usual(now)) {
                (Some(bound), Some(usual)) => percent < bound.percent(usual),
                _ => self.settings.clear_below.is_above(count, percent),
            }
    }

    /// How many events there are in the window, and how many of them count.
    fn sums(&self) -> (u64, u64) {
        let sum = |(total, count): (u64, u64), (more, counted): &(u64, u64)| {
            (total + more, count + counted)
        };
        self.buckets.values().fold((0, 0), sum)
    }

    /// Whether nothing counts and no alert fires. Until something counts there is nothing to judge, and most rates
    /// are like that most of the time.
    fn is_quiet(&self) -> bool {
        self.firing_since.is_none() && self.sums().1 == 0
    }

    fn alert(&self, state: AlertState, started_at: Timestamp, now: Timestamp) -> Alert {
        let (total, count) = self.sums();
        let percent = (percent(count, total) * 10.0).round() / 10.0;
        Alert {
            state,
            value: self.settings.above.value(count, percent),
            count,
            total,
            window: self.settings.window(),
            by: self.values.clone(),
            started_at,
            ended_at: (state == AlertState::Resolved).then_some(now),
            held_back: self.held_back,
            usual: self.usual(now).map(|usual| (usual * 10.0).round() / 10.0),
            common: Vec::new(),
        }
    }
}

/// What is to be done with a rate that is due at `now`.
pub(crate) fn decide(mut rate: Rate, now: Timestamp) -> Decision {
    rate.forget(now);
    let (total, _) = rate.sums();
    let settings = rate.settings;
    let (mut alert, mut repeated) = (None, None);
    if let Some(started_at) = rate.firing_since {
        if rate.is_clear(now) {
            alert = Some(rate.alert(AlertState::Resolved, started_at, now));
            rate.firing_since = None;
            rate.told_at = None;
            rate.repeats = 0;
            rate.held_back = 0;
        } else {
            repeated = rate.repeat(now);
            alert = repeated.map(|_| rate.alert(AlertState::Firing, started_at, now));
        }
    } else if rate.is_above(now) {
        let since = *rate.above_since.get_or_insert(now);
        if now >= since + settings.lasting {
            alert = Some(rate.alert(AlertState::Firing, now, now));
            rate.firing_since = Some(now);
            rate.told_at = Some(now);
            // What the alert before held back stays so where a step is repeated behind its end.
            rate.taken_back = Taken::default();
            rate.told_until = Taken::default();
            rate.above_since = None;
        }
    } else {
        rate.above_since = None;
    }
    let after = if total > 0 {
        let lasting = rate.above_since.map(|since| since + settings.lasting);
        let end = if rate.is_quiet() {
            now + settings.over
        } else {
            rate.bucket_end(now)
        };
        // A rule can come to want it told again meanwhile.
        let look = rate.firing_since.map(|_| now + LOOK);
        let others = [lasting, rate.repeats_at(), look].into_iter().flatten();
        let at = others.fold(end, Timestamp::min);
        Some(Due { rate, at })
    } else if rate.rests && rate.hours.is_empty() {
        None
    } else {
        rate.rests = true;
        // What was usual is remembered for as long as a later day is compared with it.
        let over_at = rate.hours.over_at().unwrap_or(now);
        let at = over_at.max(now + REST);
        Some(Due { rate, at })
    };
    Decision {
        after,
        alert,
        repeated,
    }
}

impl From<&Due> for NewRecord {
    fn from(due: &Due) -> Self {
        Self {
            due: Some(due.at),
            body: due.rate.encode(),
        }
    }
}

#[cfg(test)]
mod tests;
