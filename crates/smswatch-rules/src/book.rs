//! All rules of a configuration, tried on events.

mod explain;

use std::fmt;

use smswatch_model::{Event, EventId, EventKind, Overrides, Severity, notification_id};
use smswatch_plugin::rules::{RuleMatch, RuleVerdict, Rules, Told};

use crate::condition::Condition;
use crate::field::View;
use crate::template::{TemplateData, TemplateName, Templates};
use crate::wording::{default_text, default_title};

/// All rules of a configuration, ready to be tried; made by [`compile`](crate::compile).
#[derive(Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) templates: Templates,
    /// How many destinations the rules name; their numbers are below this.
    pub(crate) n_destinations: usize,
}

/// One rule, ready to be tried.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The kinds of events that it is about, at least one.
    pub(crate) kinds: Vec<EventKind>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) when: Option<TemplateName>,
    pub(crate) severity: Severity,
    pub(crate) stop: bool,
    pub(crate) targets: Vec<Target>,
    pub(crate) title: Option<TemplateName>,
    pub(crate) text: Option<TemplateName>,
}

/// A destination that is notified of a rule's events.
pub(crate) struct Target {
    /// Its number among the destinations that the rules name.
    pub(crate) number: usize,
    pub(crate) sink: String,
    pub(crate) overrides: Overrides,
}

/// Why a rule does not match an event.
enum Mismatch<'a> {
    Backfill,
    Kind,
    Condition(&'a Condition),
    When,
}

impl RuleSet {
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

    /// The sinks that the rules notify; one is named as often as rules name it.
    pub fn sinks(&self) -> impl Iterator<Item = &str> {
        let targets = self.rules.iter().flat_map(|rule| &rule.targets);
        targets.map(|target| target.sink.as_str())
    }

    fn try_rule<'a>(&self, rule: &'a Rule, event: &Event) -> Result<(), Mismatch<'a>> {
        if event.backfill {
            return Err(Mismatch::Backfill);
        }
        if !rule.kinds.contains(&event.kind) {
            return Err(Mismatch::Kind);
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
        Ok(())
    }

    /// The title and the text of a notification.
    fn words(&self, rule: &Rule, events: &[&Event]) -> (String, String) {
        let defaults = (default_title(events), default_text(events));
        if rule.title.is_none() && rule.text.is_none() {
            return defaults;
        }
        let ids: Vec<_> = events.iter().map(|event| &event.event_id).collect();
        let id = notification_id(&rule.name, &ids);
        let key = id.as_str().replacen("ntf_", "key_", 1);
        let data = TemplateData::new(
            &rule.name,
            rule.severity,
            (&defaults.0, &defaults.1),
            (id.as_str(), &key),
            events,
        );
        let title = rule
            .title
            .as_ref()
            .map(|name| self.templates.title(name, &data));
        let text = rule
            .text
            .as_ref()
            .map(|name| self.templates.text(name, &data));
        let is_broken = matches!(title, Some(None)) || matches!(text, Some(None));
        let title = title.flatten().filter(|title| !title.is_empty());
        let mut text = text.flatten().unwrap_or_else(|| defaults.1.clone());
        if is_broken {
            text.push_str(&format!(
                "\n(The template of rule {} failed for this.)",
                rule.name
            ));
        }
        (title.unwrap_or(defaults.0), text)
    }
}

impl Rules for RuleSet {
    fn evaluate(&self, events: &[Event], told: &Told) -> Vec<RuleMatch> {
        let mut matches = Vec::new();
        let mut progress = Progress::default();
        for rule in &self.rules {
            let matched: Vec<usize> = (0..events.len())
                .filter(|position| {
                    !progress.is_stopped(*position)
                        && self.try_rule(rule, &events[*position]).is_ok()
                })
                .collect();
            if matched.is_empty() {
                continue;
            }
            progress.begin(self.n_destinations, events.len());
            if rule.stop {
                matched.iter().for_each(|position| progress.stop(*position));
            }
            for of_one_kind in by_kind(&matched, events) {
                self.notify(
                    rule,
                    events,
                    &of_one_kind,
                    told,
                    &mut progress,
                    &mut matches,
                );
            }
        }
        matches
    }

    fn explain(&self, event: &Event, told: &Told) -> Vec<RuleVerdict> {
        self.trials(event, told)
    }
}

impl RuleSet {
    /// Adds what `rule` tells its destinations of the events that it matched.
    fn notify(
        &self,
        rule: &Rule,
        events: &[Event],
        matched: &[usize],
        told: &Told,
        progress: &mut Progress,
        matches: &mut Vec<RuleMatch>,
    ) {
        let mut last: Option<(Vec<usize>, String, String)> = None;
        for target in &rule.targets {
            let mut news: Vec<usize> = Vec::new();
            for position in matched.iter().copied() {
                // What this rule told before the detail was known is no news from it. A rule below may
                // be about the detail: it tells the destination.
                let is_known = events[position].refined_event().is_some_and(|refined| {
                    target.was_told(&rule.name, &refined, told)
                        || news.iter().any(|at| events[*at].event_id == refined)
                });
                if !is_known && progress.tell(target.number, position) {
                    news.push(position);
                }
            }
            if news.is_empty() {
                continue;
            }
            if last.as_ref().is_none_or(|(events, ..)| *events != news) {
                let told: Vec<&Event> = news.iter().map(|at| &events[*at]).collect();
                let (title, text) = self.words(rule, &told);
                last = Some((news, title, text));
            }
            if let Some((events, title, text)) = &last {
                matches.push(RuleMatch {
                    rule: rule.name.clone(),
                    sink: target.sink.clone(),
                    overrides: target.overrides.clone(),
                    severity: rule.severity,
                    title: title.clone(),
                    text: text.clone(),
                    group: std::collections::BTreeMap::new(),
                    events: events.clone(),
                });
            }
        }
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

    /// Whether `rule` told this destination of `event`.
    fn was_told(&self, rule: &str, event: &EventId, told: &Told) -> bool {
        told.contains(rule, &self.sink, &self.overrides, event)
    }
}

/// The same positions, those of events of one kind together: what is told together is of one kind.
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

/// What was told to whom, and for which events the search has ended.
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
    fn tell(&mut self, destination: usize, event: usize) -> bool {
        !std::mem::replace(&mut self.told[destination * self.n_events + event], true)
    }

    fn stop(&mut self, event: usize) {
        self.stopped[event] = true;
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
