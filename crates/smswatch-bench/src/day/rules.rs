//! The rules of `config/rules.default.yaml`, compiled as the service compiles them.

use smswatch_rules::RuleSet;

use crate::rule_set;

/// Where they stand, for messages.
const FILE: &str = "config/rules.default.yaml";

const TEXT: &str = include_str!("../../../../config/rules.default.yaml");

/// The sinks that they notify.
pub(super) const SINKS: [&str; 2] = ["oncall", "channel"];

/// Compiles them.
pub(super) fn default_rules() -> anyhow::Result<RuleSet> {
    rule_set(FILE, TEXT, Some("/rules"), &SINKS.map(str::to_owned))
}
