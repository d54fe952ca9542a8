//! Which rates the events of a log entry are counted in.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use smswatch_model::{Event, Timestamp};

use super::{Counting, Failure};
use crate::rules::{RateGroup, Rules};
use crate::store::LogPosition;

/// How many groups of one rule are measured by themselves; the others are measured together.
const MOST_GROUPS: usize = 10_000;

/// What the values of those are called that are measured together.
const OTHER: &str = "other";

/// For which part of a window those stay that were seen before it: going through all of them for each event of a group
/// that has no room would cost more the more there are.
const LOOKED_THROUGH_EVERY: u32 = 60;

/// The groups that this process has seen of late, by rule.
#[derive(Debug, Default)]
pub(crate) struct RateGroups(Mutex<HashMap<String, Known>>);

/// The groups of one rule.
#[derive(Debug, Default)]
struct Known {
    /// When each was seen last, by its values.
    seen: HashMap<Vec<String>, Timestamp>,
    /// Until when it is not looked for those that were seen too long ago.
    full_until: Timestamp,
}

impl Known {
    /// Makes room if it is full of groups that were seen too long ago.
    fn make_room(&mut self, over: Duration, now: Timestamp) {
        if self.seen.len() >= MOST_GROUPS && now >= self.full_until {
            self.seen.retain(|_, seen| *seen + over > now);
            self.full_until = now + over / LOOKED_THROUGH_EVERY;
        }
    }
}

impl RateGroups {
    /// The group itself; the one of all others if there are too many of its rule in a window.
    pub(crate) fn admit(&self, group: RateGroup, now: Timestamp) -> RateGroup {
        let values: Vec<String> = group.values.values().cloned().collect();
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = rules.entry(group.rule.clone()).or_default();
        if !known.seen.contains_key(&values) {
            known.make_room(group.settings.over, now);
        }
        if known.seen.len() < MOST_GROUPS || known.seen.contains_key(&values) {
            known.seen.insert(values, now);
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
                    fires: None,
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
        // Each further one costs no more than the first: it is not looked for room until a part of the window is over.
        let full_until = || groups.0.lock().expect("nobody panicked")["rate"].full_until;
        let looked_at = full_until();
        assert!(looked_at > start);
        for number in MOST_GROUPS..MOST_GROUPS + 100 {
            assert_eq!(groups.admit(group(number), start).values["label"], OTHER);
        }
        assert_eq!(full_until(), looked_at);
        let later = start + Duration::from_secs(61);
        assert_eq!(groups.admit(group(MOST_GROUPS), later), group(MOST_GROUPS));
    }
}
