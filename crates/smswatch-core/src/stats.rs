//! What became of messages, counted by the hour in which it was noticed.
//!
//! Each shard has a record for each hour, and one of what is not in its hour yet. They are written in the route step
//! of the entries that they count: so no crash and no number of replicas loses or doubles any. A record has a bounded
//! number of countries with their operators, and is kept for a bounded number of hours, so neither the records nor
//! reading them grows with what the store holds.

mod open;
mod tally;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{Event, EventKind, Timestamp};

pub(crate) use self::open::Open;
pub use self::tally::{Seconds, Tally};
use crate::context::Context;
use crate::form;
use crate::hours;
use crate::store::{RecordChange, RecordKind, Shard, StoreError};

pub(crate) const KIND: RecordKind = RecordKind::new("stats");

const FORMAT: u8 = 1;

const HOURS: hours::Kind<Hour> = hours::Kind::new(KIND, FORMAT, Hour::decode);

/// How many countries with an operator are told apart in one hour of a shard. What is beyond counts as [`OTHER`].
const MOST_GROUPS: usize = 100;

/// How many characters of a country or an operator are kept.
const MOST_CHARS: usize = 80;

/// How often a shard is read anew whose figures were moved meanwhile.
const MOST_READS: u32 = 4;

/// The country or operator of a message for which Routee names none.
pub const UNKNOWN: &str = "unknown";

/// The country and operator of messages beyond the bound of those that are told apart.
pub const OTHER: &str = "other";

/// What happened in one hour, by country and operator.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hour(BTreeMap<String, BTreeMap<String, Tally>>);

/// What one log entry adds to the figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct News {
    /// The number of the hour since 1970.
    hour: i64,
    country: String,
    operator: String,
    tally: Tally,
}

/// What became of messages in a length of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// When the first hour began that is counted.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// All messages together.
    pub total: Tally,
    /// The same by the recipient's country.
    pub by_country: BTreeMap<String, Tally>,
    /// The same by the recipient's operator.
    pub by_operator: BTreeMap<String, Tally>,
    /// The same by the hour in which it was noticed: when each hour of the window began, oldest first.
    pub by_hour: BTreeMap<Timestamp, Tally>,
}

impl Stats {
    /// The longest time of which there are figures.
    pub const MAX_WINDOW: Duration = hours::LONGEST;

    /// Figures of nothing, for the hours of `window` before `to`.
    fn of(numbers: &[i64], to: Timestamp) -> Self {
        let begin = |number: &i64| hours::begin(*number);
        let by_hour = numbers
            .iter()
            .map(|number| (begin(number), Tally::default()));
        Self {
            from: numbers.first().map(begin).unwrap_or_default(),
            to,
            by_hour: by_hour.collect(),
            ..Self::default()
        }
    }

    /// Adds what a shard counted in the hour that began at `begin`.
    fn add(&mut self, begin: Timestamp, hour: &Hour) {
        let of_hour = self.by_hour.entry(begin).or_default();
        for (country, operators) in &hour.0 {
            let of_country = self.by_country.entry(country.clone()).or_default();
            for (operator, tally) in operators {
                of_country.add(tally);
                of_hour.add(tally);
                let of_operator = self.by_operator.entry(operator.clone()).or_default();
                of_operator.add(tally);
                self.total.add(tally);
            }
        }
    }
}

impl Hour {
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        form::decode(FORMAT, bytes)
    }

    /// How many countries with an operator it tells apart.
    fn n_groups(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    fn add(&mut self, country: &str, operator: &str, tally: &Tally) {
        let known = self.0.get(country);
        let is_known = known.is_some_and(|operators| operators.contains_key(operator));
        let (country, operator) = match is_known || self.n_groups() < MOST_GROUPS {
            true => (country, operator),
            false => (OTHER, OTHER),
        };
        let operators = self.0.entry(country.to_owned()).or_default();
        let sum = operators.entry(operator.to_owned()).or_default();
        sum.add(tally);
    }

    fn add_all(&mut self, other: &Self) {
        for (country, operators) in &other.0 {
            for (operator, tally) in operators {
                self.add(country, operator, tally);
            }
        }
    }
}

impl News {
    /// What the events of one log entry, which are about one message, add.
    pub(crate) fn of(events: &[Event]) -> Option<Self> {
        // What is told after it was recorded was counted then.
        let is_change = |event: &&Event| event.kind == EventKind::StatusChanged && !event.recorded;
        let changes: Vec<&Event> = events.iter().filter(is_change).collect();
        let last = changes.last()?;
        let message = &last.message;
        Some(Self {
            hour: hours::number(last.detected_at),
            country: name(message.country.as_deref()),
            operator: name(message.operator.as_deref()),
            tally: Tally::of(&changes),
        })
    }
}

fn name(text: Option<&str>) -> String {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.unwrap_or(UNKNOWN).chars().take(MOST_CHARS).collect()
}

/// The changes that a route step of `shard` takes along.
///
/// # Errors
///
/// The store is not there.
pub(crate) async fn changes(
    context: &Context,
    shard: Shard,
    news: &[News],
) -> Result<Vec<RecordChange>, StoreError> {
    let Some(latest) = news.iter().map(|news| news.hour).max() else {
        return Ok(Vec::new());
    };
    let mut open = Open::load(context, shard).await?;
    for news in news {
        open.content.add(news);
    }
    if !open.content.is_full() {
        return Ok(vec![open.change(latest)]);
    }
    let moved = open.content.take();
    let numbers: Vec<i64> = moved.keys().copied().collect();
    let stored = HOURS.read_hours(context, shard, &numbers).await?;
    let to_hours = stored
        .into_iter()
        .zip(moved)
        .map(|(mut stored, (number, news))| {
            stored.content.add_all(&news);
            stored.change(number)
        });
    let mut changes: Vec<RecordChange> = to_hours.collect();
    changes.push(open.change(latest));
    Ok(changes)
}

/// The figures of `shards` for the last `window`, in whole hours, at most [`Stats::MAX_WINDOW`].
///
/// # Errors
///
/// The store is not there.
pub(crate) async fn of_window(
    context: &Context,
    window: Duration,
    now: Timestamp,
) -> Result<Stats, StoreError> {
    let numbers = hours::of_window(window, now);
    let mut stats = Stats::of(&numbers, now);
    for shard in context.shards() {
        for (number, hour) in of_shard(context, shard, &numbers).await? {
            stats.add(hours::begin(number), &hour);
        }
    }
    Ok(stats)
}

/// What a shard counted in the hours of these numbers. An hour may come in two pieces.
async fn of_shard(
    context: &Context,
    shard: Shard,
    numbers: &[i64],
) -> Result<Vec<(i64, Hour)>, StoreError> {
    let mut open = Open::load(context, shard).await?;
    let mut reads = 1;
    loop {
        let mut counted = Vec::with_capacity(numbers.len());
        for some in numbers.chunks(hours::AT_ONCE) {
            let stored = HOURS.read_hours(context, shard, some).await?;
            let stored = stored.into_iter().map(|stored| stored.content);
            counted.extend(some.iter().copied().zip(stored));
        }
        // What was moved while the hours were read would be counted twice, or not at all.
        let after = Open::load(context, shard).await?;
        if after.version == open.version || reads == MOST_READS {
            let opened = numbers.iter().filter_map(|number| {
                let hour = open.content.hour(*number)?;
                Some((*number, hour.clone()))
            });
            counted.extend(opened);
            return Ok(counted);
        }
        open = after;
        reads += 1;
    }
}

#[cfg(test)]
mod tests;
