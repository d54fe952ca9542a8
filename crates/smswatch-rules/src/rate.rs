//! Which events a rule measures, and which of them count.

use std::collections::BTreeMap;

use smswatch_model::{Event, EventKind};
use smswatch_plugin::rules::{Measured, RateGroup, RateSettings};

use crate::condition::Condition;
use crate::field::View;
use crate::grouping::GroupKey;
use crate::rule_set::RuleSet;

/// What a rule measures.
#[derive(Debug)]
pub(crate) struct RateRule {
    /// What must hold of an event to be measured.
    pub(crate) among: Vec<Condition>,
    /// What must hold of one of those to count.
    pub(crate) count: Vec<Condition>,
    pub(crate) by: Vec<GroupKey>,
    pub(crate) settings: RateSettings,
}

impl RuleSet {
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
        let measured = rates.map(|(rule, rate)| {
            let values: BTreeMap<_, _> = rate.by.iter().map(|key| key.of(event)).collect();
            Measured {
                group: RateGroup {
                    rule: rule.name.clone(),
                    values,
                    settings: rate.settings,
                },
                counts: all(&rate.count),
            }
        });
        measured.collect()
    }
}
