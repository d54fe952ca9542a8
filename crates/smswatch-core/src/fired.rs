//! How often each rule fired, counted by the hour in the route steps that make its notifications: so no crash and no
//! number of replicas loses or doubles any, and whoever asks reads a week at most.

mod hours;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

use crate::context::Context;
use crate::form;
use crate::store::{RecordChange, RecordKind, Shard, StoreError};

pub(crate) const KIND: RecordKind = RecordKind::new("fired");

const FORMAT: u8 = 1;

/// How many rules are told apart in one hour of a shard; what is beyond is not counted.
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
/// The store is not there.
pub(crate) async fn changes(
    context: &Context,
    shard: Shard,
    entries: &[BTreeSet<String>],
    now: Timestamp,
) -> Result<Vec<RecordChange>, StoreError> {
    if entries.iter().all(BTreeSet::is_empty) {
        return Ok(Vec::new());
    }
    let change = hours::change(context, shard, now, |hour| {
        let rules = entries.iter().flatten();
        hour.add(rules.map(String::as_str), now);
    });
    Ok(vec![change.await?])
}

/// How often each rule fired in the last week. Rules that did not fire are left out.
///
/// # Errors
///
/// The store is not there.
pub(crate) async fn of_late(
    context: &Context,
    now: Timestamp,
) -> Result<BTreeMap<String, Fired>, StoreError> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    const WEEK: Duration = Duration::from_secs(hours::MOST.unsigned_abs() * 3600);
    let day = hours::begin(hours::number(now - DAY));
    let numbers = hours::of_window(WEEK, now);
    let mut fired: BTreeMap<String, Fired> = BTreeMap::new();
    for (begin, hour) in hours::read_all(context, &numbers).await? {
        for (rule, times) in hour.0 {
            let fired = fired.entry(rule).or_default();
            fired.week += times.count;
            if begin >= day {
                fired.day += times.count;
            }
            fired.latest = fired.latest.max(Some(times.latest));
        }
    }
    Ok(fired)
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
