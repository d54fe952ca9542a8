//! Warns of a configuration that notifies no one, and of sinks that are never used.

use serde_json::Value;
use smswatch_rules::RuleSet;

use super::problem::Problem;

/// What is odd about who is notified: nothing, in a configuration that does its job.
pub(super) fn warnings(configuration: &Value, rules: &RuleSet) -> Vec<Problem> {
    let sinks = configuration["sinks"].as_object();
    let sinks: Vec<(&String, &Value)> = sinks.into_iter().flatten().collect();
    let Some((first, _)) = sinks.first() else {
        let problem = Problem::new("/sinks", "there are no sinks: no one is notified");
        return vec![problem.hint("such as `sinks: {ops: {type: console}}`")];
    };
    if rules.is_empty() {
        let problem = Problem::new("/rules", "there are no rules: no one is notified");
        let rule =
            format!("{{name: undelivered, match: {{status: Undelivered}}, notify: [{first}]}}");
        return vec![problem.hint(format!("such as `rules: [{rule}]`"))];
    }
    if rules.sinks().next().is_none() {
        let problem = Problem::new("/rules", "no rule notifies anyone");
        return vec![problem.hint(format!("name a sink in a rule: `notify: [{first}]`"))];
    }
    let is_fallback = |name: &str| sinks.iter().any(|(_, other)| other["fallback"] == name);
    let unused = sinks
        .iter()
        .filter(|(name, _)| !rules.sinks().any(|used| used == name.as_str()) && !is_fallback(name));
    unused
        .map(|(name, _)| {
            let message =
                format!("sink `{name}` is never used: no rule and no `fallback` names it");
            Problem::new("/sinks", message)
                .at_key(name.as_str())
                .hint("name it in the `notify` of a rule")
        })
        .collect()
}
