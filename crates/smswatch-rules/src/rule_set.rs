//! All rules of a configuration: what [`compile`](crate::compile) makes of a file.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use smswatch_plugin::rules::StuckAfter;

use crate::hold_back::Silencing;
use crate::index::RuleIndex;
use crate::maintenance::Maintenance;
use crate::rule::{Rule, Voice};
use crate::template::Templates;

/// All rules of a configuration, ready to be tried; made by [`compile`](crate::compile).
#[derive(Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// Which of them can match an event.
    pub(crate) index: RuleIndex,
    pub(crate) templates: Templates,
    /// How sinks want to be told, by their names, of those that say so.
    pub(crate) voices: BTreeMap<String, Voice>,
    /// The number of destinations that the rules name; their numbers are below it.
    pub(crate) n_destinations: usize,
    /// Whether any of them has a throttle that decides when an event is matched.
    pub(crate) has_throttles: bool,
    /// The positions of those that are rates, by name.
    pub(crate) rates: HashMap<String, usize>,
    /// Whether any of them waits for the alert of a rate to end.
    pub(crate) has_unless_firing: bool,
    /// What silences are compiled against; `None` if there are no rules and no configuration.
    pub(crate) silencing: Option<Silencing>,
    pub(crate) maintenance: Maintenance,
    /// How long after its registration a message is stuck, for any of the rules; ascending.
    pub(crate) stuck_after: Arc<[StuckAfter]>,
}

impl RuleSet {
    /// The same rules with these maintenance windows.
    #[must_use]
    pub fn with_maintenance(self, maintenance: Maintenance) -> Self {
        Self {
            maintenance,
            ..self
        }
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The names of the rules, from top to bottom.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }

    /// The sinks that the rules notify. A sink occurs as often as rules name it.
    pub fn sinks(&self) -> impl Iterator<Item = &str> {
        let targets = self.rules.iter().flat_map(|rule| &rule.targets);
        targets.map(|target| target.sink.as_str())
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.names()).finish()
    }
}
