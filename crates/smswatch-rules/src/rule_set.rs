//! All rules of a configuration: what [`compile`](crate::compile) makes of a file.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use smswatch_model::{Event, EventKind, Notification, Overrides, Severity, Timestamp, destination};
use smswatch_plugin::rules::{
    CompiledMatch, InvalidMatch, Measured, OpenWindow, RateSettings, RuleMatch, RuleVerdict, Rules,
    StuckAfter, Throttle, Throttled, Told, UnlessFiring, Words,
};

use crate::compile::compile_match;
use crate::condition::Condition;
use crate::grouping::Grouping;
use crate::index::RuleIndex;
use crate::maintenance::Maintenance;
use crate::pattern::NumberKey;
use crate::rate::RateRule;
use crate::template::{TemplateName, Templates};

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

/// What the `match` of silences is compiled against.
pub(crate) struct Silencing {
    pub(crate) number_key: NumberKey,
    pub(crate) texts_are_kept: bool,
    pub(crate) numbers_are_masked: bool,
    /// The names of the tags that the rules use.
    pub(crate) tags: Vec<String>,
}

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

impl Rules for RuleSet {
    fn matches(&self, events: &[Event], told: &Told) -> Vec<RuleMatch> {
        self.matches_of(events, told)
    }

    fn stuck_after(&self) -> Arc<[StuckAfter]> {
        Arc::clone(&self.stuck_after)
    }

    fn rate_settings(&self, rule: &str) -> Option<RateSettings> {
        Some(self.rate_rule(rule)?.settings)
    }

    fn unless_firing(&self, event: &Event) -> Vec<UnlessFiring> {
        self.awaited_by(event)
    }

    fn measured(&self, event: &Event) -> Vec<Measured> {
        self.measured_by(event)
    }

    fn words(&self, notification: &Notification, sink: &str) -> Words {
        self.words_of(notification, sink)
    }

    fn keeps_marks(&self, event: &Event) -> bool {
        let candidates = self.index.candidates(std::slice::from_ref(event));
        let rules = candidates
            .into_iter()
            .map(|position| &self.rules[position as usize]);
        let mut keeping = rules.filter(|rule| rule.is_once || rule.grouping.is_some());
        keeping.any(|rule| self.try_rule(rule, event, &Told::default()).is_ok())
    }

    fn throttled(&self, event: &Event) -> Vec<Throttled> {
        if !self.has_throttles {
            return Vec::new();
        }
        let candidates = self.index.candidates(std::slice::from_ref(event));
        let rules = candidates
            .into_iter()
            .map(|position| &self.rules[position as usize]);
        let rules = rules.filter_map(|rule| Some((rule, rule.throttle_at_once()?)));
        let matching =
            rules.filter(|(rule, _)| self.try_rule(rule, event, &Told::default()).is_ok());
        let of_rule = |(rule, throttle): (&Rule, Throttle)| {
            let targets = rule.targets.iter();
            let throttled = targets.map(move |target| Throttled {
                rule: rule.name.clone(),
                destination: destination(&target.sink, &target.overrides),
                throttle,
            });
            throttled.collect::<Vec<_>>()
        };
        matching.flat_map(of_rule).collect()
    }

    fn explain(&self, event: &Event, told: &Told) -> Vec<RuleVerdict> {
        self.verdicts(event, told)
    }

    fn hold_back(&self, matching: &Value) -> Result<CompiledMatch, InvalidMatch> {
        let Some(silencing) = &self.silencing else {
            let problem = "there is no configuration to silence anything of".to_owned();
            return Err(InvalidMatch(vec![problem]));
        };
        compile_match(matching, silencing)
    }

    fn names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    fn open_windows(&self, now: Timestamp) -> Vec<OpenWindow> {
        self.maintenance.open(now)
    }
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

impl fmt::Debug for RuleSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.names()).finish()
    }
}

impl fmt::Debug for Target {
    /// Overrides are not shown: they can hold addresses, and secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Target").field(&self.sink).finish()
    }
}
