//! Where fallbacks lead: to sinks that there are and that may see as much, and never back to where they came from.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::problem::{Problem, escaped};

/// What is wrong with the fallbacks of a configuration.
pub(super) fn problems(configuration: &Value) -> Vec<Problem> {
    let sinks = configuration["sinks"].as_object().into_iter().flatten();
    let sinks: BTreeMap<&str, Option<&str>> = sinks
        .map(|(name, section)| (name.as_str(), section["fallback"].as_str()))
        .collect();
    let led = sinks
        .iter()
        .filter_map(|(name, fallback)| Some((*name, (*fallback)?)));
    led.filter_map(|(name, fallback)| {
        let led_nowhere = problem(name, fallback, &sinks);
        led_nowhere.or_else(|| sees_less(name, fallback, &configuration["sinks"]))
    })
    .collect()
}

/// A fallback gets a notification in the words that were made for the first sink: it must be allowed to see all that
/// they may tell.
fn sees_less(name: &str, fallback: &str, sinks: &Value) -> Option<Problem> {
    let tags = |sink: &str| {
        let tags = sinks[sink]["privacy"]["tags"].as_array()?;
        Some(
            tags.iter()
                .filter_map(Value::as_str)
                .collect::<BTreeSet<_>>(),
        )
    };
    let allowed = tags(fallback)?;
    let missing = match tags(name) {
        None => "all tags".to_owned(),
        Some(seen) => {
            let missing: Vec<_> = seen
                .difference(&allowed)
                .map(|tag| format!("`{tag}`"))
                .collect();
            match missing.as_slice() {
                [] => return None,
                [one] => format!("the tag {one}"),
                several => format!("the tags {}", several.join(", ")),
            }
        }
    };
    let message = format!("`{fallback}` may not see {missing}, which `{name}` may see");
    let place = format!("/sinks/{}/fallback", escaped(name));
    let hint = "a fallback gets the words that were made for the first sink: change `privacy.tags` of one of them";
    Some(Problem::new(place, message).hint(hint))
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
