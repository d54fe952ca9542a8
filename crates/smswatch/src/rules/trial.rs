//! Rules that somebody writes on a page, to see what they would have told.

use std::sync::Arc;

use smswatch_http::RuleReader;
use smswatch_plugin::model::PhoneNumber;
use smswatch_plugin::rules::Rules;
use smswatch_rules::{Diagnostic, Document, NumberKey, Options, compile, compile_maintenance};

use crate::settings::Configuration;

/// How a document is called of which only lines are told.
const NAME: &str = "rules";

/// What reads them as the configuration has them. What a rule asks of a sink beside its name is not checked.
pub(crate) fn reader(configuration: &Configuration) -> RuleReader {
    let privacy = configuration.privacy.clone();
    let faults = configuration.settings.watch.faults.clone();
    RuleReader::new(move |text, sinks| {
        let keyed = privacy.clone();
        let number_key: NumberKey =
            Arc::new(move |number: &str| keyed.number_key(&PhoneNumber::new(number)));
        let options = Options {
            sinks,
            with_fallback: &[],
            sinks_file: NAME,
            check_overrides: &|_, _| Vec::new(),
            number_key: &number_key,
            texts_are_kept: privacy.keeps_texts(),
            faults: &faults,
        };
        read(text, &options)
    })
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

/// A problem with its line, of which `before` were not written by anybody.
fn in_a_line(problem: &Diagnostic, before: usize) -> String {
    let line = problem.place.map_or(1, |place| place.line);
    let line = line.saturating_sub(before).max(1);
    let more = [&problem.label, &problem.hint].into_iter().flatten();
    let more: String = more.map(|more| format!("; {more}")).collect();
    format!("line {line}: {}{more}", problem.message)
}

#[cfg(test)]
mod tests {
    use smswatch_plugin::model::FaultTable;

    use super::*;

    fn tried(text: &str) -> Result<Vec<String>, Vec<String>> {
        let number_key: NumberKey = Arc::new(str::to_owned);
        let options = Options {
            sinks: &["crm".to_owned()],
            with_fallback: &[],
            sinks_file: NAME,
            check_overrides: &|_, _| Vec::new(),
            number_key: &number_key,
            texts_are_kept: false,
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
}
