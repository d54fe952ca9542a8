//! The rules of `config/rules.default.yaml`, compiled as the service compiles them.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use smswatch_model::FaultTable;
use smswatch_rules::{Diagnostic, Document, NumberKey, Options, RuleSet, compile};

/// Where they stand, for messages.
const FILE: &str = "config/rules.default.yaml";

const TEXT: &str = include_str!("../../../../config/rules.default.yaml");

/// The sinks that they notify.
pub(super) const SINKS: [&str; 2] = ["oncall", "channel"];

/// Compiles them.
pub(super) fn default_rules() -> anyhow::Result<RuleSet> {
    let (document, problems) = Document::salvage(FILE, TEXT);
    let document = document
        .filter(|_| problems.is_empty())
        .context("the default rules are not YAML")?;
    let number_key: NumberKey = Arc::new(str::to_owned);
    let options = Options {
        sinks: &SINKS.map(str::to_owned),
        with_fallback: &[],
        sinks_file: FILE,
        check_overrides: &|_, _| Vec::new(),
        number_key: &number_key,
        texts_are_kept: false,
        numbers_are_masked: true,
        give_up_after: None,
        faults: &FaultTable::default(),
    };
    let compiled = compile(&document, document.find("/rules"), &options);
    let errors = compiled.problems.iter().filter(|one| one.is_error());
    let errors: Vec<String> = errors.map(Diagnostic::to_string).collect();
    if !errors.is_empty() {
        bail!("the default rules have mistakes:\n{}", errors.join("\n"));
    }
    Ok(compiled.rules)
}
