//! Which rates an event counts in, and which rules wait for the alert of one to end.

use smswatch_model::{Event, EventKind};
use smswatch_plugin::rules::{Measured, Told, UnlessFiring};

use crate::condition::Condition;
use crate::field::View;
use crate::rate::RateRule;
use crate::rule_set::RuleSet;

impl RuleSet {
    /// What the rule of this name measures; `None` if it is no rate.
    pub(crate) fn rate_rule(&self, name: &str) -> Option<&RateRule> {
        self.rules.get(*self.rates.get(name)?)?.rate.as_ref()
    }

    /// Which rules that match `event` wait for the alert of a rate to end, for the values that the event has.
    pub(crate) fn awaited_by(&self, event: &Event) -> Vec<UnlessFiring> {
        if !self.has_unless_firing || !event.kind.is_of_message() {
            return Vec::new();
        }
        let candidates = self.index.candidates(std::slice::from_ref(event));
        let rules = candidates
            .into_iter()
            .map(|position| &self.rules[position as usize]);
        let waiting = rules.filter(|rule| !rule.unless_firing.is_empty());
        let waiting = waiting.filter(|rule| self.try_rule(rule, event, &Told::default()).is_ok());
        let awaited = waiting.flat_map(|rule| {
            let rates = rule.unless_firing.iter();
            rates.filter_map(|name| {
                let rate = self.rate_rule(name)?;
                Some(UnlessFiring {
                    rule: rule.name.clone(),
                    rate: rate.group_of(name, event),
                })
            })
        });
        awaited.collect()
    }

    /// What an event adds to the rates of the rules. One that comes late says nothing about now, and one that
    /// only adds a detail was measured when its status came.
    pub(crate) fn measured_by(&self, event: &Event) -> Vec<Measured> {
        let is_measured = event.kind == EventKind::StatusChanged
            && !event.late
            && !event.backfill
            && !event.refined;
        if !is_measured {
            return Vec::new();
        }
        let view = View::of(event);
        let all =
            |conditions: &[Condition]| conditions.iter().all(|condition| condition.holds(view));
        let rates = self
            .rules
            .iter()
            .filter_map(|rule| Some((rule, rule.rate.as_ref()?)));
        let rates = rates.filter(|(_, rate)| all(&rate.among));
        let measured = rates.map(|(rule, rate)| Measured {
            group: rate.group_of(&rule.name, event),
            counts: all(&rate.count),
        });
        measured.collect()
    }
}
