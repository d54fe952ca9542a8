//! Counts how often each rule fired, by the hour.
//!
//! The counts are written in the route steps that make the notifications, so neither crashes nor replicas lose or double
//! any. At most a week of them is read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

use crate::context::Context;
use crate::form;
use crate::hours;
use crate::store::{RecordChange, RecordKind, Shard, StoreError};

pub(crate) const KIND: RecordKind = RecordKind::new("fired");

const FORMAT: u8 = 1;

const HOURS: hours::Kind<Hour> = hours::Kind::new(KIND, FORMAT, Hour::decode);

/// How many rules one hour of a shard counts. Further ones are not counted.
const MOST_RULES: usize = 1000;

/// The times at which rules fired in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Hour(BTreeMap<String, Times>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Times {
    #[serde(rename = "n")]
    count: u64,
    #[serde(rename = "l")]
    latest: Timestamp,
}

impl Hour {
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        form::decode(FORMAT, bytes)
    }

    /// Notes that these rules fired at `at`.
    fn add<'a>(&mut self, rules: impl IntoIterator<Item = &'a str>, at: Timestamp) {
        for rule in rules {
            if self.0.len() >= MOST_RULES && !self.0.contains_key(rule) {
                continue;
            }
            let times = self.0.entry(rule.to_owned()).or_default();
            times.count += 1;
            times.latest = times.latest.max(at);
        }
    }
}

/// How often a rule fired lately. It fires once for an observation or an event about smswatch itself, however many
/// destinations it notifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fired {
    /// In the last 24 hours and the rest of the hour in which they began.
    pub day: u64,
    /// The same in the last seven days.
    pub week: u64,
    /// When it fired last in these seven days.
    pub latest: Option<Timestamp>,
}

/// The changes that a route step of `shard` at `now` takes along: for each of its entries, the rules that fired.
///
/// # Errors
///
/// The store is not available.
pub(crate) async fn changes(
    context: &Context,
    shard: Shard,
    entries: &[BTreeSet<String>],
    now: Timestamp,
) -> Result<Vec<RecordChange>, StoreError> {
    if entries.iter().all(BTreeSet::is_empty) {
        return Ok(Vec::new());
    }
    let number = hours::number(now);
    let mut stored = HOURS.read_hours(context, shard, &[number]).await?;
    for hour in &mut stored {
        let rules = entries.iter().flatten();
        hour.content.add(rules.map(String::as_str), now);
    }
    Ok(stored.into_iter().map(|hour| hour.change(number)).collect())
}

/// How often each rule fired in the last week. Rules that did not fire are left out.
///
/// # Errors
///
/// The store is not available.
pub(crate) async fn of_late(
    context: &Context,
    now: Timestamp,
) -> Result<BTreeMap<String, Fired>, StoreError> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let first_of_day = hours::number(now - DAY);
    let numbers = hours::of_window(hours::LONGEST, now);
    let shards = context
        .shards()
        .map(|shard| of_shard(context, shard, &numbers));
    let mut fired: BTreeMap<String, Fired> = BTreeMap::new();
    for (number, hour) in try_join_all(shards).await?.into_iter().flatten() {
        for (rule, times) in hour.0 {
            let fired = fired.entry(rule).or_default();
            fired.week += times.count;
            if number >= first_of_day {
                fired.day += times.count;
            }
            fired.latest = fired.latest.max(Some(times.latest));
        }
    }
    Ok(fired)
}

/// What a shard counted in the hours of these numbers.
async fn of_shard(
    context: &Context,
    shard: Shard,
    numbers: &[i64],
) -> Result<Vec<(i64, Hour)>, StoreError> {
    let mut counted = Vec::with_capacity(numbers.len());
    for numbers in numbers.chunks(hours::AT_ONCE) {
        let stored = HOURS.read_hours(context, shard, numbers).await?;
        let contents = stored.into_iter().map(|stored| stored.content);
        counted.extend(numbers.iter().copied().zip(contents));
    }
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_counts_each_rule_and_knows_when_it_fired_last() {
        let at = |second: i64| Timestamp::from_seconds(1_777_636_800 + second);
        let mut hour = Hour::default();
        hour.add(["a", "b"], at(5));
        hour.add(["a"], at(3));
        let times = |count, second| Times {
            count,
            latest: at(second),
        };
        assert_eq!(hour.0["a"], times(2, 5));
        assert_eq!(hour.0["b"], times(1, 5));
        for rule in 0..2 * MOST_RULES {
            hour.add([&*rule.to_string()], at(6));
        }
        assert_eq!(hour.0.len(), MOST_RULES);
        hour.add(["a"], at(7));
        assert_eq!(hour.0["a"], times(3, 7), "those that are known go on");
    }
}
