//! What a rule with `event: rate` measures: among which events, and by which values.

use std::collections::BTreeMap;

use smswatch_model::Event;
use smswatch_plugin::rules::{RateGroup, RateSettings};

use crate::condition::Condition;
use crate::grouping::GroupKey;

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

impl RateRule {
    /// With what `event` is measured by this rate, whose rule is called `name`.
    pub(crate) fn group_of(&self, name: &str, event: &Event) -> RateGroup {
        let values: BTreeMap<_, _> = self.by.iter().map(|key| key.of(event)).collect();
        RateGroup {
            rule: name.to_owned(),
            values,
            settings: self.settings,
        }
    }
}
