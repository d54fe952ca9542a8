//! Compiles the rules that an operator wrote, and reports everything that is wrong with them, not just the
//! first mistake.

mod conditions;
mod events;
mod expect;
mod expressions;
mod grouping;
mod hold_back;
mod links;
mod lonely;
mod maintenance;
mod never;
mod numbers;
mod options;
mod rate;
mod repeat;
mod shadow;
mod stuck;
mod tags;
mod targets;
mod throttle;
mod unless_firing;
mod usual;
mod voices;

use std::collections::BTreeSet;
use std::time::Duration;

use smswatch_model::{EventKind, Severity};
use smswatch_plugin::rules::StuckAfter;

use crate::diagnostic::{Diagnostic, Place};
use crate::grouping::Grouping;
use crate::hold_back::Silencing;
use crate::index::RuleIndex;
use crate::maintenance::Maintenance;
use crate::pattern::NumberKey;
use crate::rate::RateRule;
use crate::rule::Rule;
use crate::rule_set::RuleSet;
use crate::template::Templates;
use crate::yaml::{Document, Entry, Node};
use smswatch_template::did_you_mean;
use smswatch_template::sample::{sample_notifications, with_group, with_links};

pub(crate) use hold_back::compile_match;
pub use maintenance::compile_maintenance;
pub use options::{CheckOverrides, Compiled, Options, OverrideProblem};

use expect::spot;
use expressions::Shown;

/// The keys of a rule, beside those that only [rates](rate::RATE_KEYS) have.
const KEYS: [&str; 15] = [
    "name",
    "event",
    "after",
    "match",
    "when",
    "once_per",
    "group",
    "throttle",
    "repeat",
    "unless_firing",
    "severity",
    "stop",
    "notify",
    "template",
    "links",
];

/// How much something can matter.
const SEVERITIES: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];

/// How long a rule's name may get, in characters.
const MAX_NAME: usize = 100;

/// Compiles `rules`, the list of rules in `document`; `None` stands for an empty list.
///
/// Callers need not check anything about the list before, not even that it is one.
#[must_use]
pub fn compile(document: &Document, rules: Option<&Node>, options: &Options<'_>) -> Compiled {
    let mut compiler = Compiler::new(document, options);
    let compiled = rules.map(|rules| compiler.rules(rules)).unwrap_or_default();
    compiler.check_awaited(&compiled);
    compiler.check_tags(rules);
    shadow::warn(&mut compiler, &compiled);
    let voices = compiler.voices(&compiled);
    let tags = tags::tag_names(rules);
    let (rules, places): (Vec<Rule>, Vec<Place>) = compiled.into_iter().unzip();
    let rules = RuleSet {
        index: RuleIndex::new(&rules),
        rates: rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.rate.is_some())
            .map(|(position, rule)| (rule.name.clone(), position))
            .collect(),
        has_unless_firing: rules.iter().any(|rule| !rule.unless_firing.is_empty()),
        has_throttles: rules.iter().any(|rule| rule.throttle_at_once().is_some()),
        rules,
        voices,
        templates: std::mem::take(&mut compiler.templates),
        n_destinations: compiler.destinations.len(),
        silencing: Some(Silencing {
            number_key: NumberKey::clone(options.number_key),
            texts_are_kept: options.texts_are_kept,
            numbers_are_masked: options.numbers_are_masked,
            tags,
        }),
        maintenance: Maintenance::default(),
        stuck_after: compiler
            .stuck_after
            .iter()
            .map(|(after, repeat)| StuckAfter {
                after: Duration::from_secs(*after),
                repeat: repeat.map(Duration::from_secs),
            })
            .collect(),
    };
    lonely::warn(&mut compiler, &rules, &places);
    let mut problems = compiler.problems;
    problems.sort_by_key(|problem| problem.place);
    Compiled { rules, problems }
}

struct Compiler<'a> {
    document: &'a Document,
    options: &'a Options<'a>,
    problems: Vec<Diagnostic>,
    templates: Templates,
    /// The names of the rates so far.
    rates: Vec<String>,
    /// The names of rates for whose alerts rules wait, and where.
    awaited: Vec<(String, Place)>,
    /// The names given so far, and where.
    named: Vec<(String, Place)>,
    /// The destinations that the rules name; each one's place is its number.
    destinations: Vec<String>,
    /// How long after its registration a message is stuck for any of the rules, and how long after that it is told
    /// again, in seconds.
    stuck_after: BTreeSet<(u64, Option<u64>)>,
}

impl<'a> Compiler<'a> {
    fn new(document: &'a Document, options: &'a Options<'a>) -> Self {
        Self {
            document,
            options,
            problems: Vec::new(),
            templates: Templates::default(),
            rates: Vec::new(),
            awaited: Vec::new(),
            named: Vec::new(),
            destinations: Vec::new(),
            stuck_after: BTreeSet::new(),
        }
    }

    /// The rules that could be compiled, each with where it stands.
    fn rules(&mut self, rules: &'a Node) -> Vec<(Rule, Place)> {
        if *rules.content() == crate::yaml::Content::Null {
            return Vec::new();
        }
        let Some(items) = rules.as_sequence() else {
            self.error(
                rules.place(),
                format!("expected a list of rules, found {}", rules.kind()),
            )
            .hint = Some("each rule begins with `- name: …`".to_owned());
            return Vec::new();
        };
        let compiled = items
            .iter()
            .enumerate()
            .map(|(position, node)| self.rule(position, node));
        compiled.collect::<Vec<_>>().into_iter().flatten().collect()
    }

    fn rule(&mut self, position: usize, node: &'a Node) -> Option<(Rule, Place)> {
        let n_errors = self.n_errors();
        let Some(entries) = node.as_mapping() else {
            self.error(
                node.place(),
                format!("expected a rule, found {}", node.kind()),
            )
            .hint = Some("a rule begins with `- name: …`".to_owned());
            return None;
        };
        for entry in entries {
            self.check_key(entry);
        }
        let name = self.name(node);
        let place = node.entry("name").map_or(node.place(), spot);
        let kinds = self.kinds(node);
        let repeat = self.repeat(node, &kinds);
        let after = self.after(node, &kinds, repeat);
        let severity = node
            .entry("severity")
            .and_then(|entry| self.severity(entry));
        let stop = node
            .entry("stop")
            .and_then(|entry| self.boolean(entry))
            .unwrap_or(false);
        let matching = node.entry("match");
        let conditions = matching
            .map(|entry| self.conditions(entry, &kinds))
            .unwrap_or_default();
        let when = node
            .entry("when")
            .and_then(|entry| self.when(position, entry, &kinds));
        let is_once = node
            .entry("once_per")
            .is_some_and(|entry| self.once_per(entry));
        let throttle = node
            .entry("throttle")
            .and_then(|entry| self.throttle(entry));
        let unless_firing = node
            .entry("unless_firing")
            .map(|entry| self.unless_firing(entry, &kinds))
            .unwrap_or_default();
        let grouping = node.entry("group");
        let grouping = grouping.and_then(|entry| self.grouping(entry, throttle));
        let rate = self.rate(node, &kinds, repeat);
        let group_keys = group_keys(grouping.as_ref(), rate.as_ref());
        let samples = kinds.iter().copied().flat_map(sample_notifications);
        let samples: Vec<_> = samples
            .map(|sample| with_group(sample, &group_keys))
            .collect();
        // What groups wrongly is told already.
        let is_known = node.entry("group").is_none_or(|_| grouping.is_some())
            && (rate.is_some() || !is_rate(&kinds));
        let group_keys = is_known.then_some(&group_keys[..]);
        let shown = |samples| Shown {
            samples,
            group_keys,
        };
        let links = node
            .entry("links")
            .map(|entry| self.links(position, entry, shown(&samples)))
            .unwrap_or_default();
        let samples: Vec<_> = samples
            .iter()
            .map(|sample| with_links(sample, links.len()))
            .collect();
        let (title, text) = match node.entry("template") {
            Some(entry) => self.template(&position.to_string(), entry, shown(&samples)),
            None => (None, None),
        };
        if let Some(name) = name.as_ref().filter(|_| is_rate(&kinds)) {
            self.rates.push(name.clone());
        }
        let targets = self.targets(node, stop);
        let rule = Rule {
            name: name.unwrap_or_default(),
            kinds,
            after,
            repeat,
            conditions,
            when,
            severity: severity.unwrap_or_default(),
            stop,
            is_once,
            grouping,
            throttle,
            unless_firing,
            rate,
            targets,
            title,
            text,
            links,
        };
        (self.n_errors() == n_errors).then_some((rule, place))
    }

    fn check_key(&mut self, entry: &Entry) {
        let name = entry.key.name.as_str();
        let known = [&KEYS[..], &rate::RATE_KEYS].concat();
        if known.contains(&name) {
            return;
        }
        if name == "on" {
            let message = format!("unknown key `{name}` in a rule");
            self.error(entry.key.place, message).hint = Some("did you mean `event`?".to_owned());
            return;
        }
        self.unknown_key(entry, "a rule", &known);
    }

    fn name(&mut self, rule: &Node) -> Option<String> {
        let Some(entry) = rule.entry("name") else {
            self.error(rule.place(), "this rule has no name").hint =
                Some("add a `name` that no other rule has".to_owned());
            return None;
        };
        let name = self.text(entry)?.to_owned();
        let place = spot(entry);
        if name.trim().is_empty() || name.chars().count() > MAX_NAME {
            self.error(
                place,
                format!("a name must have 1 to {MAX_NAME} characters"),
            );
            return None;
        }
        if name.chars().any(char::is_control) {
            self.error(place, "a name must be one line of text");
            return None;
        }
        if let Some((_, first)) = self.named.iter().find(|(known, _)| *known == name) {
            let label = format!("first used in line {}", first.line);
            self.error(
                place,
                format!("two rules are named `{}`", shown(&entry.value)),
            )
            .label = Some(label);
            return None;
        }
        self.named.push((name.clone(), place));
        Some(name)
    }

    fn severity(&mut self, entry: &Entry) -> Option<Severity> {
        let word = self.text(entry)?;
        if let Some(severity) = SEVERITIES
            .into_iter()
            .find(|severity| severity.as_str() == word)
        {
            return Some(severity);
        }
        let hint = did_you_mean(word, SEVERITIES.map(Severity::as_str));
        let problem = self.error(
            spot(entry),
            format!("unknown severity `{}`", shown(&entry.value)),
        );
        problem.label = Some("expected one of: info, warning, critical".to_owned());
        problem.hint = hint.map(|word| format!("did you mean `{word}`?"));
        None
    }

    fn error(&mut self, place: Place, message: impl Into<String>) -> &mut Diagnostic {
        self.report(self.document.error(place, message))
    }

    fn warning(&mut self, place: Place, message: impl Into<String>) -> &mut Diagnostic {
        self.report(self.document.warning(place, message))
    }

    fn report(&mut self, problem: Diagnostic) -> &mut Diagnostic {
        self.problems.push(problem);
        self.problems.last_mut().expect("one was just pushed")
    }

    fn n_errors(&self) -> usize {
        self.problems
            .iter()
            .filter(|problem| problem.is_error())
            .count()
    }
}

/// Whether a rule about events of these kinds is a rate.
fn is_rate(kinds: &[EventKind]) -> bool {
    kinds.iter().all(|kind| kind.is_of_rate())
}

/// By what a rule groups what it tells.
fn group_keys(grouping: Option<&Grouping>, rate: Option<&RateRule>) -> Vec<String> {
    let by = grouping.map(|grouping| &grouping.by);
    let by = by.into_iter().chain(rate.map(|rate| &rate.by)).flatten();
    by.map(|key| key.name.clone()).collect()
}

/// A value as the file has it, without what environment variables stand for.
fn shown(node: &Node) -> &str {
    node.written().unwrap_or_default()
}
