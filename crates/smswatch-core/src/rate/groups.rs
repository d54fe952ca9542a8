//! Which rates the events of a log entry are counted in.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use smswatch_model::{Event, Timestamp};

use super::{Counting, Failure};
use crate::rules::{RateGroup, Rules};
use crate::store::LogPosition;

/// How many groups of one rule are measured by themselves; the others are measured together.
const MOST_GROUPS: usize = 10_000;

/// What the values of those are called that are measured together.
const OTHER: &str = "other";

/// The groups that this process has seen of late, by rule, and when it saw them last.
#[derive(Debug, Default)]
pub(crate) struct RateGroups(Mutex<HashMap<String, HashMap<Vec<String>, Timestamp>>>);

impl RateGroups {
    /// The group itself; the one of all others if there are too many of its rule in a window.
    pub(crate) fn admit(&self, group: RateGroup, now: Timestamp) -> RateGroup {
        let values: Vec<String> = group.values.values().cloned().collect();
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = rules.entry(group.rule.clone()).or_default();
        if known.len() >= MOST_GROUPS && !known.contains_key(&values) {
            known.retain(|_, seen| *seen + group.settings.over > now);
        }
        if known.len() < MOST_GROUPS || known.contains_key(&values) {
            known.insert(values, now);
            return group;
        }
        let values = group.values.into_keys();
        let values: BTreeMap<_, _> = values.map(|key| (key, OTHER.to_owned())).collect();
        RateGroup { values, ..group }
    }
}

/// What the events of the entry at `position` add to rates, each rate once.
pub(crate) fn countings(
    groups: &RateGroups,
    rules: &dyn Rules,
    position: &LogPosition,
    events: &[Event],
    now: Timestamp,
) -> Vec<Counting> {
    let mut countings: Vec<Counting> = Vec::new();
    for event in events {
        for measured in rules.measured(event) {
            let wanted = groups.admit(measured.group, now);
            let noticed = (event.detected_at, measured.counts);
            let failure = measured.counts.then(|| Failure::of(event)).flatten();
            match countings.iter_mut().find(|known| known.wanted == wanted) {
                Some(known) => {
                    known.events.push(noticed);
                    known.failures.extend(failure);
                }
                None => countings.push(Counting {
                    wanted,
                    position: position.clone(),
                    events: vec![noticed],
                    held_back: 0,
                    failures: failure.into_iter().collect(),
                }),
            }
        }
    }
    countings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::rules::{RateBound, RateSettings};

    fn group(number: usize) -> RateGroup {
        RateGroup {
            rule: "rate".to_owned(),
            values: BTreeMap::from([("label".to_owned(), number.to_string())]),
            settings: RateSettings {
                over: Duration::from_secs(60),
                above: RateBound::Count(1),
                clear_below: RateBound::Count(1),
                at_least: 1,
                lasting: Duration::ZERO,
                repeat: None,
                usual: None,
            },
        }
    }

    #[test]
    fn too_many_groups_are_measured_together_until_others_are_over() {
        let (groups, start) = (
            RateGroups::default(),
            Timestamp::from_seconds(1_777_636_800),
        );
        for number in 0..MOST_GROUPS {
            assert_eq!(groups.admit(group(number), start), group(number));
        }
        let surplus = groups.admit(group(MOST_GROUPS), start);
        assert_eq!(surplus.values["label"], OTHER);
        assert_eq!(groups.admit(group(7), start), group(7));
        let later = start + Duration::from_secs(61);
        assert_eq!(groups.admit(group(MOST_GROUPS), later), group(MOST_GROUPS));
    }
}
