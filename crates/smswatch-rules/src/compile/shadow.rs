//! Warns of rules that never notify anyone, because earlier ones do.

use super::Compiler;
use crate::condition::Condition;
use crate::diagnostic::Place;
use crate::rule::Rule;

pub(super) fn warn(compiler: &mut Compiler<'_>, rules: &[(Rule, Place)]) {
    warn_of_groups(compiler, rules);
    for (position, (rule, place)) in rules.iter().enumerate() {
        let above = rules[..position].iter().map(|(rule, _)| rule);
        let wider: Vec<&Rule> = above
            .filter(|earlier| matches_all_of(earlier, rule))
            .collect();
        let name = &rule.name;
        if let Some(earlier) = wider.iter().find(|earlier| earlier.stop) {
            let message = format!("rule `{name}` is never reached");
            let problem = compiler.warning(*place, message);
            problem.label = Some(format!(
                "`{}` above has `stop: true` and matches all of its events",
                earlier.name
            ));
            problem.hint = Some("put the narrower rule first".to_owned());
            continue;
        }
        let told_above = |number: usize| {
            // What a throttle or an alert holds back is left to the rules below.
            let mut sure = wider.iter().filter(|earlier| {
                earlier.throttle_at_once().is_none() && earlier.unless_firing.is_empty()
            });
            sure.find(|earlier| earlier.targets.iter().any(|known| known.number == number))
        };
        let shadows: Vec<_> = rule
            .targets
            .iter()
            .filter_map(|target| Some((target.name(), &told_above(target.number)?.name)))
            .collect();
        if shadows.is_empty() || shadows.len() < rule.targets.len() && !raises(rule, &wider) {
            continue;
        }
        let who = shadows
            .iter()
            .map(|(destination, by)| format!("{destination} is already notified by `{by}`"));
        let who = who.collect::<Vec<_>>().join(", ");
        let message = if shadows.len() == rule.targets.len() {
            format!("rule `{name}` never notifies anyone: earlier rules already notify its sinks")
        } else {
            format!("rule `{name}` never notifies some of its sinks: less severe rules already do")
        };
        let problem = compiler.warning(*place, message);
        problem.label = Some(who);
        problem.hint = Some("put the narrower rule first".to_owned());
    }
}

/// Warns of rules that take from a destination what a more severe rule below would tell it: those that group hold it back,
/// and those with a throttle tell it less severely.
fn warn_of_groups(compiler: &mut Compiler<'_>, rules: &[(Rule, Place)]) {
    for (position, (rule, place)) in rules.iter().enumerate() {
        let above = rules[..position].iter().map(|(rule, _)| rule);
        let takes = |earlier: &&Rule| {
            let delays = earlier.grouping.is_some() && !matches_all_of(earlier, rule);
            (delays || earlier.throttle_at_once().is_some())
                && earlier.severity < rule.severity
                && can_match_the_same(earlier, rule)
        };
        let taken: Vec<(String, &Rule)> = above
            .filter(takes)
            .flat_map(|earlier| {
                let shared = rule.targets.iter().filter(|target| {
                    let mut known = earlier.targets.iter();
                    known.any(|known| known.number == target.number)
                });
                shared.map(move |target| (target.name(), earlier))
            })
            .collect();
        let Some((destination, earlier)) = taken.first() else {
            continue;
        };
        let (name, by) = (&rule.name, &earlier.name);
        let (message, does) = match earlier.grouping {
            Some(_) => (
                format!("rule `{by}` can hold back what `{name}` would tell at once"),
                "groups",
            ),
            None => (
                format!("rule `{by}` can tell less severely what `{name}` would tell"),
                "has a throttle",
            ),
        };
        let label = format!(
            "`{by}` above {does}, is less severe, and notifies {destination} of the events that both match"
        );
        let problem = compiler.warning(*place, message);
        problem.label = Some(label);
        problem.hint = Some("put the more severe rule first".to_owned());
    }
}

/// Whether an event can match both rules, as far as their text tells.
fn can_match_the_same(one: &Rule, other: &Rule) -> bool {
    let exclude = |condition: &Condition| {
        let mut others = other.conditions.iter();
        others.any(|other| condition.excludes(other))
    };
    other.kinds.iter().any(|kind| one.kinds.contains(kind)) && !one.conditions.iter().any(exclude)
}

/// Whether a rule is more severe than one of those above that notify of the same events.
fn raises(rule: &Rule, wider: &[&Rule]) -> bool {
    wider
        .iter()
        .any(|earlier| earlier.severity < rule.severity && !earlier.targets.is_empty())
}

/// Whether `earlier` also matches every event that `rule` matches, judged by the text of both.
fn matches_all_of(earlier: &Rule, rule: &Rule) -> bool {
    rule.kinds.iter().all(|kind| earlier.kinds.contains(kind))
        && earlier.rate.is_none()
        && (earlier.after.is_none() || earlier.after == rule.after)
        && earlier.when.is_none()
        && !earlier.is_once
        && earlier
            .conditions
            .iter()
            .all(|condition| rule.conditions.contains(condition))
}
