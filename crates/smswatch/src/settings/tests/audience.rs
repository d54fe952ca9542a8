//! A configuration that notifies nobody is warned of.

use super::{ROUTEE, load};

fn warned(text: &str) -> String {
    let loaded = load(&format!("{ROUTEE}{text}")).expect("it is sound");
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    warnings.join("\n\n")
}

#[test]
fn who_notifies_nobody_is_told_so() {
    insta::assert_snapshot!(
        [
            warned(""),
            warned("sinks: {ops: {type: console}}"),
            warned("sinks: {ops: {type: console}}\nrules: []"),
            warned("sinks: {ops: {type: console}}\nrules: [{name: quiet, stop: true}]"),
        ]
        .join("\n----\n")
    );
}

#[test]
fn a_sink_that_no_rule_and_no_fallback_names_is_told() {
    let sinks = "sinks:\n  ops: {type: console, fallback: mail}\n  mail: {type: console}\n";
    let rule = "rules: [{name: all, notify: [ops]}]";
    assert_eq!(warned(&format!("{sinks}{rule}")), "");
    insta::assert_snapshot!(warned(&format!("{sinks}  crm: {{type: console}}\n{rule}")));
}
