//! Finds what rules want told once all that is held back is left out: rules are asked again without it, because
//! others may then tell it.

use std::sync::Arc;

use smswatch_model::{Event, EventId, EventKind, Timestamp, destination};

use crate::firing::{self, Firing};
use crate::rules::{RateGroup, RuleMatch, Told};
use crate::silences::Holds;
use crate::throttle::AskedAlert;
use crate::throttles::{Origin, Throttles};

/// A match, or the part of one, that is held back, and why.
pub(crate) type HeldBack = (RuleMatch, Arc<str>);

/// What holds back what rules want told of an entry, beside silences: alerts that fire, and throttles.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    /// What alerts hold back of it; `None` if they can hold back nothing.
    pub(crate) firing: Option<&'a Firing>,
    pub(crate) throttles: &'a mut Throttles,
    /// Where the entry stands.
    pub(crate) origin: Origin<'a>,
    /// What is silenced takes no place in a throttle, and is no count of an alert.
    pub(crate) holds: &'a Holds,
    pub(crate) now: Timestamp,
    /// Which events alerts held back.
    pub(crate) by_alerts: Vec<(RateGroup, EventId)>,
}

impl Gate<'_> {
    /// What of a match is held back, and why; `None` if nothing is.
    pub(crate) fn refuse(&mut self, rule_match: &RuleMatch, events: &[Event]) -> Option<HeldBack> {
        if let Some((held_back, rate)) = self.waits_for(rule_match, events) {
            let reason = firing::reason(rate).into();
            let rate = rate.clone();
            let ids = held_back
                .events
                .iter()
                .map(|at| events[*at].event_id.clone());
            self.by_alerts.extend(ids.map(|id| (rate.clone(), id)));
            return Some((held_back, reason));
        }
        if self.throttles.is_empty() || self.holds.hold_all(rule_match, events, self.now) {
            return None;
        }
        let kind = kind(rule_match, events);
        let first = rule_match.events.first().and_then(|at| events.get(*at));
        let alert = first.and_then(AskedAlert::of);
        let (throttles, origin) = (&mut *self.throttles, self.origin);
        let reason = throttles.refuses(rule_match, kind, alert.as_ref(), origin, self.now)?;
        Some((rule_match.clone(), reason))
    }

    /// The part of a match whose events wait for the alert of a rate to end, and that rate.
    fn waits_for(
        &self,
        rule_match: &RuleMatch,
        events: &[Event],
    ) -> Option<(RuleMatch, &RateGroup)> {
        let firing = self.firing.filter(|firing| !firing.is_empty())?;
        let rate_of = |at: &usize| {
            let rate = firing.rate_of(&rule_match.rule, &events[*at].event_id)?;
            let is_silent = self.holds.hold(rule_match, &events[*at], self.now);
            (!is_silent).then_some(rate)
        };
        let rate = rule_match.events.iter().find_map(rate_of)?;
        let mut held_back = rule_match.clone();
        held_back.events.retain(|at| rate_of(at) == Some(rate));
        Some((held_back, rate))
    }
}

/// The kind of the events that a match tells, which all are of one.
pub(crate) fn kind(rule_match: &RuleMatch, events: &[Event]) -> EventKind {
    let first = rule_match.events.first().and_then(|at| events.get(*at));
    first.map_or(EventKind::Test, |event| event.kind)
}

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
