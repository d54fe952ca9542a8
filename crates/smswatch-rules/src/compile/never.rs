//! Warns of conditions of which each can hold, and all together never do: no status change has what they ask.

use smswatch_model::{Event, EventKind, Outcome, PreviousStatus, Timestamp, Word};

use super::Compiler;
use super::expect::spot;
use crate::condition::{Condition, ConditionTest};
use crate::field::{Field, Flag, View};
use crate::yaml::Entry;
use smswatch_template::sample::samples;

/// A status that Routee does not document; it stands for all such words.
const OTHER: &str = "\u{1}";

/// What a status change can be like, as far as conditions ask: the values of each thing that they ask for, and one
/// value of everything else.
struct Domain {
    statuses: Vec<String>,
    details: Vec<Option<String>>,
    previous: Vec<Option<String>>,
    outcomes: Vec<Outcome>,
    regression: Vec<bool>,
    refined: Vec<bool>,
}

impl Compiler<'_> {
    /// Warns if no status change can have all that `match` asks. `matching` is where the conditions stand.
    pub(super) fn check_can_hold(&mut self, matching: &Entry, conditions: &[Condition]) {
        let decided: Vec<&Condition> = conditions.iter().filter(|one| is_decided(one)).collect();
        let can_each = || decided.iter().all(|one| self.can_hold(&[one]));
        if decided.len() < 2 || !can_each() || self.can_hold(&decided) {
            return;
        }
        // Those without which the others can hold are to blame; where there are none, all of them are.
        let blamed = decided.iter().enumerate().filter(|(place, _)| {
            let mut others = decided.clone();
            others.remove(*place);
            self.can_hold(&others)
        });
        let mut keys: Vec<String> = blamed.map(|(_, one)| format!("`{}`", one.key)).collect();
        if keys.is_empty() {
            keys = decided.iter().map(|one| format!("`{}`", one.key)).collect();
        }
        keys.sort();
        let problem = self.warning(spot(matching), "this never matches");
        problem.label = Some(format!(
            "no status change has what {} ask together",
            keys.join(" and ")
        ));
    }

    /// Whether a status change can have all that `conditions` ask, as far as is known.
    pub(super) fn can_all_hold(&self, conditions: &[Condition]) -> bool {
        let exclude = |one: &Condition| conditions.iter().any(|other| one.excludes(other));
        let decided: Vec<&Condition> = conditions.iter().filter(|one| is_decided(one)).collect();
        !conditions.iter().any(exclude) && self.can_hold(&decided)
    }

    fn can_hold(&self, conditions: &[&Condition]) -> bool {
        let domain = Domain::of(conditions);
        let [mut event, _] = samples(EventKind::StatusChanged);
        let date = event.time;
        for status in &domain.statuses {
            for detail in &domain.details {
                for previous in &domain.previous {
                    self.take(
                        &mut event,
                        status,
                        detail.as_deref(),
                        previous.as_deref(),
                        date,
                    );
                    if domain.fits(&mut event, conditions) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Makes `event` one in which a part took `status`.
    fn take(
        &self,
        event: &mut Event,
        status: &str,
        detail: Option<&str>,
        previous: Option<&str>,
        date: Timestamp,
    ) {
        if let Some(current) = &mut event.current {
            status.clone_into(&mut current.status);
            current.detailed_status = detail.map(str::to_owned);
            current.is_final = Word::new(status).is_final();
        }
        event.fault = Some(self.options.faults.of(status, detail));
        event.previous = previous.map(|previous| PreviousStatus {
            status: previous.to_owned(),
            detailed_status: None,
            date,
        });
    }
}

/// Whether it asks for something of which all values are known here.
fn is_decided(condition: &Condition) -> bool {
    match &condition.test {
        ConditionTest::Flag(flag, _) => *flag != Flag::Late,
        ConditionTest::Text(field, patterns) => {
            let is_known = matches!(
                field,
                Field::Status
                    | Field::DetailedStatus
                    | Field::PreviousStatus
                    | Field::Outcome
                    | Field::Fault
            );
            is_known && patterns.are_words()
        }
    }
}

impl Domain {
    fn of(conditions: &[&Condition]) -> Self {
        let asks = |wanted: &[Field]| {
            let mut texts = conditions.iter().filter_map(|one| match &one.test {
                ConditionTest::Text(field, _) => Some(field),
                ConditionTest::Flag(..) => None,
            });
            texts.any(|field| wanted.contains(field))
        };
        let asks_flag = |wanted: Flag| {
            let mut tests = conditions.iter().map(|one| &one.test);
            tests.any(|test| matches!(test, ConditionTest::Flag(flag, _) if *flag == wanted))
        };
        let words = |fields: &[Field]| -> Vec<String> {
            let texts = conditions.iter().filter_map(|one| match &one.test {
                ConditionTest::Text(field, patterns) if fields.contains(field) => {
                    patterns.wanted_words()
                }
                _ => None,
            });
            texts.flatten().map(str::to_owned).collect()
        };
        let statuses = || {
            let mut known: Vec<String> = Word::statuses().iter().map(ToString::to_string).collect();
            known.push(OTHER.to_owned());
            known.extend(words(&[Field::Status, Field::PreviousStatus]));
            known
        };
        let mut details = vec![None];
        if asks(&[Field::DetailedStatus, Field::Fault]) || asks_flag(Flag::Refined) {
            details.push(Some(OTHER.to_owned()));
            let documented = Word::details().iter();
            details.extend(documented.map(|detail| Some((*detail).to_owned())));
            details.extend(words(&[Field::DetailedStatus]).into_iter().map(Some));
        }
        let asks_previous = asks(&[Field::PreviousStatus])
            || asks_flag(Flag::FirstSeen)
            || asks_flag(Flag::Regression)
            || asks_flag(Flag::Refined);
        let mut previous = vec![None];
        if asks_previous {
            previous.extend(statuses().into_iter().map(Some));
        }
        let outcomes = match asks(&[Field::Outcome]) {
            true => vec![Outcome::Delivered, Outcome::Failed, Outcome::Pending],
            false => vec![Outcome::Pending],
        };
        let flags = |is_asked: bool| {
            if is_asked {
                vec![false, true]
            } else {
                vec![false]
            }
        };
        Self {
            statuses: statuses(),
            details,
            previous,
            outcomes,
            regression: flags(asks_flag(Flag::Regression)),
            refined: flags(asks_flag(Flag::Refined)),
        }
    }

    /// Whether all conditions hold of `event` with one of the values of what is not decided by its statuses.
    fn fits(&self, event: &mut Event, conditions: &[&Condition]) -> bool {
        for outcome in &self.outcomes {
            for regression in &self.regression {
                for refined in &self.refined {
                    event.message.outcome = Some(*outcome);
                    event.regression = *regression;
                    event.refined = *refined;
                    let view = View::of(event);
                    if is_possible(event) && conditions.iter().all(|one| one.holds(view)) {
                        return true;
                    }
                }
            }
        }
        false
    }
}

/// Whether there can be such an event.
fn is_possible(event: &Event) -> bool {
    let Some(current) = &event.current else {
        return false;
    };
    let previous = event
        .previous
        .as_ref()
        .map(|previous| previous.status.as_str());
    let is_same = |word: &str| word.eq_ignore_ascii_case(&current.status);
    let outcome_fits = match event.message.outcome {
        // All parts were delivered, this one among them.
        Some(Outcome::Delivered) => is_same("Delivered"),
        Some(Outcome::Failed) => current.is_final,
        Some(Outcome::Pending) | None => true,
    };
    let regression_fits =
        !event.regression || previous.is_some_and(|previous| Word::new(previous).is_final());
    // What adds a detail has the status that was there, and a detail.
    let refined_fits = !event.refined
        || !event.regression && current.detailed_status.is_some() && previous.is_some_and(is_same);
    outcome_fits && regression_fits && refined_fits
}
