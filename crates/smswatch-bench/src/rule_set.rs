//! Compiles rules as the service does, for sinks that take whatever a rule asks of them.

use std::sync::Arc;

use anyhow::bail;
use smswatch_model::FaultTable;
use smswatch_rules::{Diagnostic, Document, NumberKey, Options, RuleSet, compile};

/// The rules below `path` of a file, or those that are the whole of it.
///
/// # Errors
///
/// The text is not YAML, or the rules have mistakes; the error has all of them.
pub fn rule_set(
    file: &str,
    text: &str,
    path: Option<&str>,
    sinks: &[String],
) -> anyhow::Result<RuleSet> {
    let document = match Document::parse(file, text) {
        Ok(document) => document,
        Err(problems) => bail!("{file} is not YAML:\n{}", told(problems.iter())),
    };
    let rules = match path {
        Some(path) => document.find(path),
        None => Some(document.root()),
    };
    let number_key: NumberKey = Arc::new(str::to_owned);
    let options = Options {
        sinks,
        with_fallback: &[],
        sinks_file: file,
        check_overrides: &|_, _| Vec::new(),
        number_key: &number_key,
        texts_are_kept: false,
        numbers_are_masked: true,
        give_up_after: None,
        faults: &FaultTable::default(),
    };
    let compiled = compile(&document, rules, &options);
    let mut errors = compiled.problems.iter().filter(|one| one.is_error());
    match errors.next() {
        Some(first) => {
            let all = std::iter::once(first).chain(errors);
            bail!("the rules of {file} have mistakes:\n{}", told(all))
        }
        None => Ok(compiled.rules),
    }
}

fn told<'a>(problems: impl Iterator<Item = &'a Diagnostic>) -> String {
    let problems: Vec<String> = problems.map(Diagnostic::to_string).collect();
    problems.join("\n")
}
