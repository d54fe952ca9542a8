//! Where fallbacks lead: to sinks that there are, and never back to where they came from.

use std::collections::BTreeMap;

use serde_json::Value;

use super::problem::{Problem, escaped};

/// What is wrong with the fallbacks of a configuration.
pub(super) fn problems(configuration: &Value) -> Vec<Problem> {
    let sinks = configuration["sinks"].as_object().into_iter().flatten();
    let sinks: BTreeMap<&str, Option<&str>> = sinks
        .map(|(name, section)| (name.as_str(), section["fallback"].as_str()))
        .collect();
    sinks
        .iter()
        .filter_map(|(name, fallback)| problem(name, (*fallback)?, &sinks))
        .collect()
}

fn problem(name: &str, fallback: &str, sinks: &BTreeMap<&str, Option<&str>>) -> Option<Problem> {
    let at = |message: String| Problem::new(format!("/sinks/{}/fallback", escaped(name)), message);
    if fallback == name {
        let problem = at("a sink cannot be its own fallback".to_owned());
        return Some(problem.hint("name another sink"));
    }
    // What is too short for a name is told by the schema.
    if !sinks.contains_key(fallback) && !fallback.is_empty() {
        let problem = at(format!("there is no sink `{fallback}`"));
        let others = || sinks.keys().copied().filter(|other| *other != name);
        return Some(match smswatch_rules::did_you_mean(fallback, others()) {
            Some(word) => problem.hint(format!("did you mean `{word}`?")),
            None if others().next().is_none() => problem.hint("there is no other sink"),
            None => {
                let others: Vec<&str> = others().collect();
                problem.hint(format!("other sinks: {}", others.join(", ")))
            }
        });
    }
    let way = circle(name, sinks)?;
    let problem = at(format!("fallbacks lead in a circle: {way}"));
    Some(problem.hint("the last sink of a chain has no fallback"))
}

/// The way from a sink back to itself, if there is one.
fn circle(name: &str, sinks: &BTreeMap<&str, Option<&str>>) -> Option<String> {
    let mut way = vec![name];
    let mut here = name;
    // A way that is longer than there are sinks is in a circle that began behind this sink.
    while way.len() <= sinks.len() {
        here = sinks.get(here).copied().flatten()?;
        way.push(here);
        if here == name {
            return Some(way.join(" → "));
        }
    }
    None
}
