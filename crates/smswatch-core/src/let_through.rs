//! Finds what rules want told once all that is held back is left out: rules are asked again without it, because
//! others may then tell it.

use std::sync::Arc;

use smswatch_model::{Event, destination};

use crate::rules::{RuleMatch, Told};

/// A match, or the part of one, that is held back, and why.
pub(crate) type HeldBack = (RuleMatch, Arc<str>);

/// What rules want told of `events`, and what of it is held back. `refuse` is asked about each match from top to
/// bottom, about one that was let through possibly again, and returns what of it is held back. `matches` asks the
/// rules.
///
/// # Errors
///
/// The rules could not be asked.
pub(crate) fn let_through<E>(
    events: &[Event],
    told: &mut Told,
    matches: impl Fn(&Told) -> Result<Vec<RuleMatch>, E>,
    mut refuse: impl FnMut(&RuleMatch) -> Option<HeldBack>,
) -> Result<(Vec<RuleMatch>, Vec<HeldBack>), E> {
    let mut held_back: Vec<HeldBack> = Vec::new();
    loop {
        let mut wanted = matches(told)?;
        if !held_back.is_empty() {
            leave_out(&mut wanted, events, told);
        }
        let Some((rule_match, reason)) = wanted.iter().find_map(&mut refuse) else {
            return Ok((wanted, held_back));
        };
        let destination = destination(&rule_match.sink, &rule_match.overrides);
        for event in rule_match.events.iter().filter_map(|at| events.get(*at)) {
            told.hold_back(&rule_match.rule, &destination, &event.event_id);
        }
        held_back.push((rule_match, reason));
    }
}

/// Leaves out what rules want although it is held back: those that do not know about that.
fn leave_out(wanted: &mut Vec<RuleMatch>, events: &[Event], told: &Told) {
    for rule_match in wanted.iter_mut() {
        let RuleMatch {
            rule,
            sink,
            overrides,
            events: positions,
            ..
        } = rule_match;
        positions.retain(|at| {
            let event = events.get(*at);
            event.is_some_and(|event| !told.is_held_back(rule, sink, overrides, &event.event_id))
        });
    }
    wanted.retain(|rule_match| !rule_match.events.is_empty());
}
