//! All rules of a configuration, tried on events.

use std::fmt;

use smswatch_core::rules::{Notice, Rules, Trial};
use smswatch_model::{Event, EventKind, Severity, Wishes, notification_id};

use crate::condition::Condition;
use crate::event_word::event_word;
use crate::field::View;
use crate::template::{TemplateData, TemplateName, Templates};
use crate::wording::{default_text, default_title};

/// All rules of a configuration, ready to be tried; made by [`compile`](crate::compile).
#[derive(Default)]
pub struct RuleBook {
    pub(crate) rules: Vec<Rule>,
    pub(crate) templates: Templates,
    /// How many sinks the rules name; their numbers are below this.
    pub(crate) n_sinks: usize,
}

/// One rule, ready to be tried.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) kind: EventKind,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) when: Option<TemplateName>,
    pub(crate) severity: Severity,
    pub(crate) stop: bool,
    pub(crate) targets: Vec<Target>,
    pub(crate) title: Option<TemplateName>,
    pub(crate) text: Option<TemplateName>,
}

/// A sink that hears of a rule's events.
pub(crate) struct Target {
    /// The sink's number among those that the rules name.
    pub(crate) number: usize,
    pub(crate) sink: String,
    pub(crate) wishes: Wishes,
}

/// Why a rule does not match an event.
enum Mismatch<'a> {
    Backfill,
    Kind,
    Condition(&'a Condition),
    When,
    /// It matched before a detail was added, and was told then.
    ToldBeforeRefinement,
}

impl RuleBook {
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

    fn try_rule<'a>(&self, rule: &'a Rule, event: &Event) -> Result<(), Mismatch<'a>> {
        if event.backfill {
            return Err(Mismatch::Backfill);
        }
        if rule.kind != event.kind {
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
        if event.refined && self.matched_before_refinement(rule, event) {
            return Err(Mismatch::ToldBeforeRefinement);
        }
        Ok(())
    }

    fn matched_before_refinement(&self, rule: &Rule, event: &Event) -> bool {
        let before = View::before_refinement(event);
        rule.conditions
            .iter()
            .all(|condition| condition.holds(before))
            && rule.when.as_ref().is_none_or(|when| {
                self.templates
                    .is_true(when, &before.to_event())
                    .unwrap_or(false)
            })
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

impl Rules for RuleBook {
    fn evaluate(&self, events: &[Event]) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut progress = Progress::default();
        for rule in &self.rules {
            let mut matched = Vec::new();
            for (position, event) in events.iter().enumerate() {
                if progress.is_stopped(position) {
                    continue;
                }
                let tried = self.try_rule(rule, event);
                if rule.ends_search(&tried) {
                    progress.begin(self.n_sinks, events.len());
                    progress.stop(position);
                }
                if tried.is_ok() {
                    matched.push(position);
                }
            }
            if matched.is_empty() {
                continue;
            }
            progress.begin(self.n_sinks, events.len());
            let mut last: Option<(Vec<usize>, String, String)> = None;
            for target in &rule.targets {
                let fresh: Vec<usize> = matched
                    .iter()
                    .copied()
                    .filter(|position| progress.tell(target.number, *position))
                    .collect();
                if fresh.is_empty() {
                    continue;
                }
                if last.as_ref().is_none_or(|(events, ..)| *events != fresh) {
                    let told: Vec<&Event> = fresh.iter().map(|at| &events[*at]).collect();
                    let (title, text) = self.words(rule, &told);
                    last = Some((fresh, title, text));
                }
                if let Some((events, title, text)) = &last {
                    notices.push(Notice {
                        rule: rule.name.clone(),
                        sink: target.sink.clone(),
                        wishes: target.wishes.clone(),
                        severity: rule.severity,
                        title: title.clone(),
                        text: text.clone(),
                        group: std::collections::BTreeMap::new(),
                        events: events.clone(),
                    });
                }
            }
        }
        notices
    }

    fn explain(&self, event: &Event) -> Vec<Trial> {
        let mut stopped_by: Option<&str> = None;
        let mut told_by: Vec<Option<&str>> = vec![None; self.n_sinks];
        let mut trials = Vec::new();
        for rule in &self.rules {
            let (fired, because) = if let Some(earlier) = stopped_by {
                (false, format!("`{earlier}` above ends the search"))
            } else {
                let tried = self.try_rule(rule, event);
                if rule.ends_search(&tried) {
                    stopped_by = Some(&rule.name);
                }
                match tried {
                    Ok(()) => rule.fire(&mut told_by),
                    Err(mismatch) => (false, mismatch.because(rule, event)),
                }
            };
            trials.push(Trial {
                rule: rule.name.clone(),
                fired,
                because,
            });
        }
        trials
    }
}

impl Rule {
    /// Whether no rule below hears of the event. What this rule told before its detail was known,
    /// it would have kept from them had the detail been known at once.
    fn ends_search(&self, tried: &Result<(), Mismatch<'_>>) -> bool {
        self.stop && matches!(tried, Ok(()) | Err(Mismatch::ToldBeforeRefinement))
    }

    /// Tells the sinks that have not heard yet; whether there was one, and who hears of it.
    fn fire<'a>(&'a self, told_by: &mut [Option<&'a str>]) -> (bool, String) {
        let mut tells = Vec::new();
        let mut knows = Vec::new();
        for target in &self.targets {
            match told_by[target.number] {
                Some(earlier) => {
                    knows.push(format!("`{}` hears of it from `{earlier}`", target.sink))
                }
                None => {
                    told_by[target.number] = Some(&self.name);
                    tells.push(format!("`{}`", target.sink));
                }
            }
        }
        let mut because = match (tells.is_empty(), knows.is_empty()) {
            (true, true) => "it matches and tells nobody".to_owned(),
            (true, false) => format!("it matches, but {}", knows.join(", ")),
            (false, true) => format!("tells {}", tells.join(", ")),
            (false, false) => format!("tells {}; {}", tells.join(", "), knows.join(", ")),
        };
        if self.stop {
            because.push_str(", and ends the search");
        }
        (!tells.is_empty(), because)
    }
}

impl Mismatch<'_> {
    fn because(&self, rule: &Rule, event: &Event) -> String {
        match self {
            Self::Backfill => {
                "it happened before anybody wanted to know; such events are not told".to_owned()
            }
            Self::Kind => format!(
                "event is {}, and the rule wants {}",
                event_word(event.kind),
                event_word(rule.kind)
            ),
            Self::Condition(condition) => condition.why_not(View::of(event)),
            Self::When => "the expression in `when` is not true".to_owned(),
            Self::ToldBeforeRefinement => {
                "it matched before the detail was known, and was told then".to_owned()
            }
        }
    }
}

/// What was told to whom, and for which events the search has ended.
#[derive(Default)]
struct Progress {
    n_events: usize,
    /// For each sink and event, whether the sink has heard of it; empty until something matches.
    told: Vec<bool>,
    stopped: Vec<bool>,
}

impl Progress {
    fn begin(&mut self, n_sinks: usize, n_events: usize) {
        if self.stopped.is_empty() {
            self.n_events = n_events;
            self.told = vec![false; n_sinks * n_events];
            self.stopped = vec![false; n_events];
        }
    }

    fn is_stopped(&self, event: usize) -> bool {
        self.stopped.get(event).is_some_and(|stopped| *stopped)
    }

    /// Notes that a sink hears of an event; false when it has heard of it already.
    fn tell(&mut self, sink: usize, event: usize) -> bool {
        !std::mem::replace(&mut self.told[sink * self.n_events + event], true)
    }

    fn stop(&mut self, event: usize) {
        self.stopped[event] = true;
    }
}

impl fmt::Debug for RuleBook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.names()).finish()
    }
}

impl fmt::Debug for Target {
    /// Wishes are not shown: they can hold addresses, and secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Target").field(&self.sink).finish()
    }
}
