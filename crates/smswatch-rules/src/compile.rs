//! Makes rules of what an operator wrote, and finds all that is wrong with it, not just the first.

mod conditions;
mod events;
mod expect;
mod expressions;
mod lonely;
mod shadow;
mod targets;

use std::fmt;

use smswatch_model::{Overrides, Severity};

use crate::diagnostic::{Diagnostic, Place};
use crate::pattern::NumberKey;
use crate::rule_set::{Rule, RuleSet};
use crate::suggest::did_you_mean;
use crate::template::Templates;
use crate::yaml::{Document, Entry, Node};

use expect::spot;

/// The keys of a rule.
const KEYS: [&str; 8] = [
    "name", "event", "match", "when", "severity", "stop", "notify", "template",
];

/// Keys that rules of a later version understand.
const LATER_KEYS: [&str; 13] = [
    "once_per",
    "group",
    "throttle",
    "repeat",
    "after",
    "count",
    "among",
    "by",
    "over",
    "above",
    "clear_below",
    "at_least",
    "for",
];

/// How long a rule's name may get, in characters.
const MAX_NAME: usize = 100;

/// Says what is wrong with what a rule wants of a sink, by the sink's name.
pub type CheckOverrides<'a> = &'a dyn Fn(&str, &Overrides) -> Vec<OverrideProblem>;

/// What rules are compiled against.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The names of the sinks that there are.
    pub sinks: &'a [String],
    /// Those of them of which another sink gets what they do not take.
    pub with_fallback: &'a [String],
    /// The name of the file in which the sinks stand, for people.
    pub sinks_file: &'a str,
    /// Checks what a rule wants of a sink.
    pub check_overrides: CheckOverrides<'a>,
    /// Hashes telephone numbers as events carry them in `to_key`.
    pub number_key: &'a NumberKey,
    /// Whether events carry the message's text.
    pub texts_are_kept: bool,
}

/// Something that a rule cannot want of a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideProblem {
    /// The key that is wrong, if it is one.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Rules and all that is wrong with them.
#[derive(Debug)]
pub struct Compiled {
    /// The rules without an error; to be used only when no problem is one.
    pub rules: RuleSet,
    /// Errors and warnings, in the order of the file.
    pub problems: Vec<Diagnostic>,
}

impl Compiled {
    /// The rules and the warnings about them.
    ///
    /// # Errors
    ///
    /// All problems, when one of them is an error.
    pub fn into_result(self) -> Result<(RuleSet, Vec<Diagnostic>), Vec<Diagnostic>> {
        if self.problems.iter().any(Diagnostic::is_error) {
            Err(self.problems)
        } else {
            Ok((self.rules, self.problems))
        }
    }
}

/// Compiles `rules`, the list of rules in `document`; without one there are no rules.
///
/// Nothing about the list needs to be checked before, not even that it is one.
#[must_use]
pub fn compile(document: &Document, rules: Option<&Node>, options: &Options<'_>) -> Compiled {
    let mut compiler = Compiler {
        document,
        options,
        problems: Vec::new(),
        templates: Templates::default(),
        named: Vec::new(),
        destinations: Vec::new(),
    };
    let compiled = rules.map(|rules| compiler.rules(rules)).unwrap_or_default();
    shadow::warn(&mut compiler, &compiled);
    let (rules, places): (_, Vec<Place>) = compiled.into_iter().unzip();
    let rules = RuleSet {
        rules,
        templates: std::mem::take(&mut compiler.templates),
        n_destinations: compiler.destinations.len(),
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
    /// The names given so far, and where.
    named: Vec<(String, Place)>,
    /// The destinations that the rules name; each one's place is its number.
    destinations: Vec<String>,
}

impl<'a> Compiler<'a> {
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
        let (title, text) = match node.entry("template") {
            Some(entry) => self.template(position, entry, &kinds),
            None => (None, None),
        };
        let targets = self.targets(node, stop);
        let rule = Rule {
            name: name.unwrap_or_default(),
            kinds,
            conditions,
            when,
            severity: severity.unwrap_or_default(),
            stop,
            targets,
            title,
            text,
        };
        (self.n_errors() == n_errors).then_some((rule, place))
    }

    fn check_key(&mut self, entry: &Entry) {
        let name = entry.key.name.as_str();
        if KEYS.contains(&name) {
            return;
        }
        if LATER_KEYS.contains(&name) {
            self.error(entry.key.place, format!("`{name}` is not supported yet"))
                .hint = Some("remove it".to_owned());
            return;
        }
        let hint = match did_you_mean(name, KEYS) {
            _ if name == "on" => "did you mean `event`?".to_owned(),
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("expected one of: {}", KEYS.join(", ")),
        };
        self.error(entry.key.place, format!("unknown key `{name}` in a rule"))
            .hint = Some(hint);
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
        const ALL: [Severity; 3] = [Severity::Info, Severity::Warning, Severity::Critical];
        let word = self.text(entry)?;
        if let Some(severity) = ALL.into_iter().find(|severity| severity.as_str() == word) {
            return Some(severity);
        }
        let hint = did_you_mean(word, ALL.map(Severity::as_str));
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

/// A value as the file has it, never as the environment does.
fn shown(node: &Node) -> &str {
    node.written().unwrap_or_default()
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("sinks", &self.sinks)
            .finish_non_exhaustive()
    }
}
