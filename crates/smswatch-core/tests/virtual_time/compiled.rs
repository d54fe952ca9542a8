//! Rules in YAML, compiled for the sinks of a world.

use std::sync::Arc;

use smswatch_rules::{Document, NumberKey, Options, RuleSet, compile};

/// The rules of a text, which are without fault.
pub(crate) fn compiled(text: &str, sinks: &[String]) -> RuleSet {
    let (document, problems) = Document::salvage("rules.yaml", text);
    assert_eq!(problems, []);
    let document = document.expect("a document");
    let number_key: NumberKey = Arc::new(str::to_owned);
    let options = Options {
        sinks,
        with_fallback: &[],
        sinks_file: "smswatch.yaml",
        check_overrides: &|_, _| Vec::new(),
        number_key: &number_key,
        texts_are_kept: false,
        numbers_are_masked: true,
        give_up_after: None,
        faults: &smswatch_model::FaultTable::default(),
    };
    let compiled = compile(&document, document.find("/rules"), &options);
    let problems = compiled.problems.iter().map(ToString::to_string);
    assert_eq!(problems.collect::<Vec<_>>(), Vec::<String>::new());
    compiled.rules
}
