//! Tries rules that a visitor writes on a page, to see what they would have sent.

use std::sync::{Arc, Mutex, PoisonError};

use smswatch_core::Privacy;
use smswatch_http::RuleReader;
use smswatch_plugin::model::{FaultTable, PhoneNumber};
use smswatch_plugin::rules::Rules;
use smswatch_rules::{Diagnostic, Document, NumberKey, Options, compile, compile_maintenance};

use crate::settings::{Configuration, OverrideChecks};

/// How a document is called of which only lines are told.
const NAME: &str = "rules";

/// What they are compiled against, as the configuration in force has it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct InForce(Arc<Mutex<(FaultTable, OverrideChecks)>>);

impl InForce {
    pub(crate) fn of(configuration: &Configuration) -> Self {
        Self(Arc::new(Mutex::new(parts(configuration))))
    }

    /// From now on this configuration is in force.
    pub(crate) fn replace(&self, configuration: &Configuration) {
        let parts = parts(configuration);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = parts;
    }

    fn read(
        &self,
        text: &str,
        sinks: &[String],
        privacy: &Privacy,
    ) -> Result<Arc<dyn Rules>, Vec<String>> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (faults, override_checks) = parts.clone();
        drop(parts);
        let keyed = privacy.clone();
        let number_key: NumberKey =
            Arc::new(move |number: &str| keyed.number_key(&PhoneNumber::new(number)));
        let options = Options {
            sinks,
            with_fallback: &[],
            sinks_file: NAME,
            check_overrides: &|sink, overrides| override_checks.problems(sink, overrides),
            number_key: &number_key,
            texts_are_kept: privacy.keeps_texts(),
            numbers_are_masked: privacy.hides_numbers(),
            give_up_after: None,
            faults: &faults,
        };
        read(text, &options)
    }
}

fn parts(configuration: &Configuration) -> (FaultTable, OverrideChecks) {
    let faults = configuration.settings.watch.faults.clone();
    (faults, configuration.override_checks.clone())
}

/// What reads them as they would be read in the configuration's file.
pub(crate) fn reader(configuration: &Configuration, in_force: InForce) -> RuleReader {
    let privacy = configuration.privacy.clone();
    RuleReader::new(move |text, sinks| in_force.read(text, sinks, &privacy))
}

fn read(text: &str, options: &Options<'_>) -> Result<Arc<dyn Rules>, Vec<String>> {
    // A list alone is a list of rules.
    let mut lines = text.lines().map(str::trim_end);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let is_list = first.is_some_and(|first| first.trim_start().starts_with('-'));
    let (text, before) = match is_list {
        true => (format!("rules:\n{text}"), 1),
        false => (text.to_owned(), 0),
    };
    let told = |problems: &[Diagnostic]| {
        let errors = problems.iter().filter(|problem| problem.is_error());
        let lines: Vec<String> = errors.map(|problem| in_a_line(problem, before)).collect();
        lines
    };
    let (document, mut problems) = Document::salvage(NAME, &text);
    let Some(document) = document else {
        return Err(told(&problems));
    };
    let rules = document.find("/rules");
    if rules.is_none() {
        return Err(vec![
            "line 1: expected `rules:` with a list of rules".to_owned(),
        ]);
    }
    let compiled = compile(&document, rules, options);
    let windows = document.find("/maintenance");
    let (maintenance, more) = compile_maintenance(&document, windows, options);
    problems.extend(compiled.problems);
    problems.extend(more);
    match told(&problems) {
        errors if errors.is_empty() => Ok(Arc::new(compiled.rules.with_maintenance(maintenance))),
        errors => Err(errors),
    }
}

/// A problem with its line; `before` lines above it are not the visitor's.
fn in_a_line(problem: &Diagnostic, before: usize) -> String {
    let line = problem.place.map_or(1, |place| place.line);
    let line = line.saturating_sub(before).max(1);
    let more = [&problem.label, &problem.hint].into_iter().flatten();
    let more: String = more.map(|more| format!("; {more}")).collect();
    format!("line {line}: {}{more}", problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{self, Source};

    fn tried(text: &str) -> Result<Vec<String>, Vec<String>> {
        let number_key: NumberKey = Arc::new(str::to_owned);
        let options = Options {
            sinks: &["crm".to_owned()],
            with_fallback: &[],
            sinks_file: NAME,
            check_overrides: &|_, _| Vec::new(),
            number_key: &number_key,
            texts_are_kept: false,
            numbers_are_masked: false,
            give_up_after: None,
            faults: &FaultTable::default(),
        };
        read(text, &options).map(|rules| rules.names())
    }

    #[test]
    fn a_list_of_rules_is_read_with_or_without_its_key() {
        let list = "- name: failed\n  match: {status: Failed}\n  notify: [crm]\n";
        assert_eq!(tried(list), Ok(vec!["failed".to_owned()]));
        assert_eq!(tried(&format!("rules:\n{list}")), tried(list));
    }

    #[test]
    fn each_mistake_is_told_with_the_line_that_somebody_wrote() {
        let list = "- name: failed\n  match: {stat: Failed}\n  notify: [crn]\n";
        let problems = tried(list).expect_err("two mistakes");
        let lines = problems
            .iter()
            .filter_map(|problem| problem.split(':').next());
        assert_eq!(
            lines.collect::<Vec<_>>(),
            ["line 2", "line 3"],
            "{problems:?}"
        );
        for text in ["", "sinks: {}", "rules: [", "\u{0}"] {
            assert!(tried(text).is_err(), "{text:?}");
        }
    }

    fn configuration(sinks: &str) -> Configuration {
        // Whichever test comes first installs it.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let routee = "routee: {application_id: a, application_secret: b}";
        let source = Source {
            file: "smswatch.yaml".into(),
            text: format!("{routee}\nsinks: {sinks}\nrules: [{{name: a, notify: [crm]}}]\n"),
            environment: Box::new(|_| None),
        };
        let types = crate::App::new().into_types();
        let loaded = settings::read(&types, source).expect("it is sound");
        loaded.configuration
    }

    #[test]
    fn what_a_rule_asks_of_a_sink_is_checked_by_the_configuration_in_force() {
        let before = configuration("{crm: {type: console}}");
        let in_force = InForce::of(&before);
        let tried = |notify: &str| {
            let list = format!("- name: a\n  notify: [{notify}]\n");
            let read = in_force.read(&list, &["crm".to_owned()], &before.privacy);
            read.map(|rules| rules.names())
        };
        assert!(tried("crm").is_ok());
        let to = "{sink: crm, to: [ops@example.com]}";
        let refused = tried(to)
            .expect_err("a console has no recipients")
            .join("\n");
        assert!(refused.starts_with("line 2: "), "{refused}");
        assert!(refused.contains("rules cannot set `to`"), "{refused}");

        let mail = "{crm: {type: email, from: a@example.com, to: [b@example.com], \
                    smtp: \"smtp://127.0.0.1:1025\"}}";
        in_force.replace(&configuration(mail));
        assert!(tried(to).is_ok(), "{:?}", tried(to));
        let refused = tried("{sink: crm, too: [ops@example.com]}").expect_err("no such option");
        assert!(refused[0].contains("`too`"), "{refused:?}");
    }
}
