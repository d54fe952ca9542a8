//! One rule, ready to be tried: its conditions, whom it notifies, and in which words.

use std::collections::BTreeSet;
use std::fmt;

use smswatch_model::{EventKind, Overrides, Severity};
use smswatch_plugin::rules::Throttle;

use crate::condition::Condition;
use crate::grouping::Grouping;
use crate::rate::RateRule;
use crate::template::TemplateName;

/// One rule, ready to be tried.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The kinds of events that it is about, at least one.
    pub(crate) kinds: Vec<EventKind>,
    /// How long after its registration a message is stuck for this rule, in seconds; `None` if the rule does
    /// not name `stuck`.
    pub(crate) after: Option<u64>,
    /// After how many seconds it tells what lasts again, each time.
    pub(crate) repeat: Option<u64>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) when: Option<TemplateName>,
    pub(crate) severity: Severity,
    pub(crate) stop: bool,
    /// Whether it tells of each message once.
    pub(crate) is_once: bool,
    /// How it groups events, if it does.
    pub(crate) grouping: Option<Grouping>,
    /// How many notifications each of its destinations gets at most, if it limits that.
    pub(crate) throttle: Option<Throttle>,
    /// The rates whose alerts keep it from telling what belongs to them while they fire.
    pub(crate) unless_firing: Vec<String>,
    /// What it measures, if it is a rate.
    pub(crate) rate: Option<RateRule>,
    pub(crate) targets: Vec<Target>,
    /// The rule's own template of the title, if it has one.
    pub(crate) title: Option<TemplateName>,
    /// The rule's own template of the text, if it has one.
    pub(crate) text: Option<TemplateName>,
    /// Where a person can look further.
    pub(crate) links: Vec<LinkTemplate>,
}

/// A link whose title and address are templates.
#[derive(Debug)]
pub(crate) struct LinkTemplate {
    pub(crate) title: TemplateName,
    pub(crate) url: TemplateName,
}

/// How a sink wants to be told, whichever rule tells it.
#[derive(Debug, Default)]
pub(crate) struct Voice {
    /// Its template of the title, for rules that have none.
    pub(crate) title: Option<TemplateName>,
    /// Its template of the text, for rules that have none.
    pub(crate) text: Option<TemplateName>,
    /// The name of the timezone in which templates write instants; UTC without one.
    pub(crate) timezone: Option<String>,
    /// The tags that it may see; all of them without this.
    pub(crate) tags: Option<BTreeSet<String>>,
}

/// A destination that is notified of a rule's events.
pub(crate) struct Target {
    /// Its number among the destinations that the rules name.
    pub(crate) number: usize,
    pub(crate) sink: String,
    pub(crate) overrides: Overrides,
}

impl Rule {
    /// The throttle that decides when an event is matched; a rule that groups has it decide when a group is told.
    pub(crate) fn throttle_at_once(&self) -> Option<Throttle> {
        self.throttle.filter(|_| self.grouping.is_none())
    }
}

impl Target {
    /// The destination for a person: the sink, and which of its options the rule sets. What it sets them
    /// to is not shown: that can be an address.
    pub(crate) fn name(&self) -> String {
        if self.overrides.is_empty() {
            return format!("`{}`", self.sink);
        }
        let keys: Vec<&str> = self.overrides.keys().map(String::as_str).collect();
        format!("`{}` with its own {}", self.sink, keys.join(" and "))
    }
}

impl fmt::Debug for Target {
    /// Overrides are not shown: they can hold addresses, and secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Target").field(&self.sink).finish()
    }
}
