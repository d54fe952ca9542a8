//! Decides which rule notifies which destination of which events.

use std::collections::BTreeMap;

use smswatch_model::{Event, EventId, EventKind};
use smswatch_plugin::rules::{RuleMatch, Told};

use crate::condition::Condition;
use crate::field::View;
use crate::rule::{Rule, Target};
use crate::rule_set::RuleSet;

/// Why a rule does not match an event.
pub(crate) enum Mismatch<'a> {
    Backfill,
    Kind,
    After,
    /// It is told again for the sake of another rule.
    Repeat,
    /// It is about the alert of another rule.
    Rate,
    Condition(&'a Condition),
    When,
    /// It tells of each message once, and told of this one.
    UsedUp,
}

impl RuleSet {
    /// What each rule wants told to each of its destinations, rule by rule from top to bottom.
    pub(crate) fn matches_of(&self, events: &[Event], told: &Told) -> Vec<RuleMatch> {
        let mut matches = Vec::new();
        let mut progress = Progress::default();
        for position in self.index.candidates(events) {
            let rule = &self.rules[position as usize];
            let matched: Vec<usize> = (0..events.len())
                .filter(|position| {
                    !progress.is_stopped(*position)
                        && self.try_rule(rule, &events[*position], told).is_ok()
                })
                .collect();
            if matched.is_empty() {
                continue;
            }
            progress.begin(self.n_destinations, events.len());
            if rule.stop {
                matched.iter().for_each(|position| progress.stop(*position));
            }
            let n_before = matches.len();
            for of_one_kind in by_kind(&matched, events) {
                for target in &rule.targets {
                    let news = rule.news(target, events, &of_one_kind, told, &mut progress);
                    matches.extend(rule.matches_of(target, events, news));
                }
                // All events of one observation are about one message.
                if rule.is_once && matches.len() > n_before {
                    break;
                }
            }
        }
        matches
    }

    /// Tries one rule on one event.
    pub(crate) fn try_rule<'a>(
        &self,
        rule: &'a Rule,
        event: &Event,
        told: &Told,
    ) -> Result<(), Mismatch<'a>> {
        if event.backfill {
            return Err(Mismatch::Backfill);
        }
        if !rule.kinds.contains(&event.kind) {
            return Err(Mismatch::Kind);
        }
        let measured_by = event.about.as_ref().filter(|_| event.kind.is_of_rate());
        if rule.rate.is_some() && measured_by.is_none_or(|about| about.name != rule.name) {
            return Err(Mismatch::Rate);
        }
        if event.kind == EventKind::Stuck && rule.after.is_some() {
            if event.after != rule.after {
                return Err(Mismatch::After);
            }
            let repeated = event.repeated.map(|repeated| repeated.every);
            if repeated.is_some() && repeated != rule.repeat {
                return Err(Mismatch::Repeat);
            }
        }
        let view = View::of(event);
        if let Some(condition) = rule
            .conditions
            .iter()
            .find(|condition| !condition.holds(view))
        {
            return Err(Mismatch::Condition(condition));
        }
        if let Some(when) = &rule.when {
            // An expression that was fine with the samples and fails now lets the event through: an
            // alert too many is seen, one too few is not.
            if !self.templates.is_true(when, event).unwrap_or(true) {
                return Err(Mismatch::When);
            }
        }
        if rule.is_used_up(event, told) {
            return Err(Mismatch::UsedUp);
        }
        Ok(())
    }
}

impl Rule {
    /// The events of `matched` that `target` has not been told of, which it is told of now.
    fn news(
        &self,
        target: &Target,
        events: &[Event],
        matched: &[usize],
        told: &Told,
        progress: &mut Progress,
    ) -> Vec<usize> {
        let mut news: Vec<usize> = Vec::new();
        for position in matched.iter().copied() {
            // What this rule told before the detail was known is no news from it. A rule below may
            // be about the detail: it tells the destination.
            let is_known = events[position].refined_event().is_some_and(|refined| {
                self.told(target, &refined, told)
                    || news.iter().any(|at| events[*at].event_id == refined)
            });
            // What is held back is not told: a rule below may tell it.
            let is_held_back = told.is_held_back(
                &self.name,
                &target.sink,
                &target.overrides,
                &events[position].event_id,
            );
            if !is_known && !is_held_back && progress.note(target.number, position) {
                news.push(position);
            }
        }
        news
    }

    /// Whether this rule told `target` of `event`.
    pub(crate) fn told(&self, target: &Target, event: &EventId, told: &Told) -> bool {
        told.contains(&self.name, &target.sink, &target.overrides, event)
    }

    /// Whether the rule tells of each message once, and told of that of `event`.
    fn is_used_up(&self, event: &Event, told: &Told) -> bool {
        let message = event.message.message_id.as_ref();
        self.is_once && message.is_some_and(|message| told.has_message(&self.name, message))
    }

    /// What is told to `target` of these events: one match, or one for each group that they belong to.
    fn matches_of(&self, target: &Target, events: &[Event], news: Vec<usize>) -> Vec<RuleMatch> {
        let mut groups: Vec<(BTreeMap<String, String>, Vec<usize>)> = Vec::with_capacity(1);
        for position in news {
            let grouping = self.grouping.as_ref();
            let group = grouping.map_or_else(BTreeMap::new, |grouping| {
                grouping.group_of(&events[position])
            });
            match groups.iter_mut().find(|(known, _)| *known == group) {
                Some((_, positions)) => positions.push(position),
                None => groups.push((group, vec![position])),
            }
        }
        let matches = groups.into_iter().map(|(group, events)| RuleMatch {
            rule: self.name.clone(),
            sink: target.sink.clone(),
            overrides: target.overrides.clone(),
            severity: self.severity,
            group,
            gathering: self.grouping.as_ref().map(|grouping| grouping.gathering),
            is_once: self.is_once,
            events,
        });
        matches.collect()
    }
}

/// The same positions grouped by kind of event: a match has events of one kind only.
fn by_kind(matched: &[usize], events: &[Event]) -> Vec<Vec<usize>> {
    let mut kinds: Vec<(EventKind, Vec<usize>)> = Vec::with_capacity(1);
    for position in matched {
        let kind = events[*position].kind;
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, positions)) => positions.push(*position),
            None => kinds.push((kind, vec![*position])),
        }
    }
    kinds.into_iter().map(|(_, positions)| positions).collect()
}

/// Which destinations were told of which events so far, and for which events the search has ended.
#[derive(Default)]
struct Progress {
    n_events: usize,
    /// For each destination and event, whether it was told; empty until something matches.
    told: Vec<bool>,
    stopped: Vec<bool>,
}

impl Progress {
    fn begin(&mut self, n_destinations: usize, n_events: usize) {
        if self.stopped.is_empty() {
            self.n_events = n_events;
            self.told = vec![false; n_destinations * n_events];
            self.stopped = vec![false; n_events];
        }
    }

    fn is_stopped(&self, event: usize) -> bool {
        self.stopped.get(event).is_some_and(|stopped| *stopped)
    }

    /// Notes that a destination is told of an event; `false` if it was told already.
    fn note(&mut self, destination: usize, event: usize) -> bool {
        !std::mem::replace(&mut self.told[destination * self.n_events + event], true)
    }

    fn stop(&mut self, event: usize) {
        self.stopped[event] = true;
    }
}
