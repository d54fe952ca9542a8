//! Warns of rules that never notify anyone, because earlier ones do.

use super::Compiler;
use crate::diagnostic::Place;
use crate::rule_set::Rule;

pub(super) fn warn(compiler: &mut Compiler<'_>, rules: &[(Rule, Place)]) {
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
            wider
                .iter()
                .find(|earlier| earlier.targets.iter().any(|known| known.number == number))
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

/// Whether a rule is more severe than one of those above that notify of the same events.
fn raises(rule: &Rule, wider: &[&Rule]) -> bool {
    wider
        .iter()
        .any(|earlier| earlier.severity < rule.severity && !earlier.targets.is_empty())
}

/// Whether `earlier` also matches every event that `rule` matches, judged by the text of both.
fn matches_all_of(earlier: &Rule, rule: &Rule) -> bool {
    rule.kinds.iter().all(|kind| earlier.kinds.contains(kind))
        && (earlier.after.is_none() || earlier.after == rule.after)
        && earlier.when.is_none()
        && earlier
            .conditions
            .iter()
            .all(|condition| rule.conditions.contains(condition))
}
