//! Compiles `unless_firing`: the rates whose alerts keep a rule from telling what belongs to them.

use smswatch_model::EventKind;

use super::Compiler;
use crate::diagnostic::Place;
use crate::rule::Rule;
use crate::yaml::Entry;
use smswatch_template::did_you_mean;

impl Compiler<'_> {
    /// The names of rates. Whether there are such rates is [checked](Self::check_awaited) once all rules are known.
    pub(super) fn unless_firing(&mut self, entry: &Entry, kinds: &[EventKind]) -> Vec<String> {
        if !kinds.iter().any(|kind| kind.is_of_message()) {
            let message = "`unless_firing` is for rules about messages";
            self.error(entry.key.place, message).hint =
                Some("other events belong to no rate: remove it".to_owned());
            return Vec::new();
        }
        let mut names = Vec::new();
        for (node, place) in self.one_or_several(entry) {
            if let Some(name) = self.text_of(node, place).map(str::to_owned) {
                self.awaited.push((name.clone(), place));
                names.push(name);
            }
        }
        names
    }

    /// Reports names that are not those of rates, and warns of those that may not be told: then no one is notified of what
    /// waits for them either.
    pub(super) fn check_awaited(&mut self, rules: &[(Rule, Place)]) {
        for (name, place) in std::mem::take(&mut self.awaited) {
            if self.rates.contains(&name) {
                let mut named = rules.iter().filter(|(rule, _)| rule.name == name);
                if named.any(|(rule, _)| rule.throttle.is_some()) {
                    let message =
                        format!("the `throttle` of `{name}` can keep its alerts from being told");
                    let problem = self.warning(place, message);
                    problem.label = Some("what waits for them is not sent either".to_owned());
                    problem.hint = Some(format!("remove the throttle of `{name}`"));
                }
                continue;
            }
            let is_rule = self.named.iter().any(|(known, _)| *known == name);
            let message = if is_rule {
                format!("rule `{name}` measures no rate")
            } else {
                format!("there is no rule `{name}`")
            };
            let hint = match did_you_mean(&name, self.rates.iter().map(String::as_str)) {
                Some(word) => format!("did you mean `{word}`?"),
                None if self.rates.is_empty() => "no rule has `event: rate`".to_owned(),
                None => format!("rules with `event: rate`: {}", self.rates.join(", ")),
            };
            self.error(place, message).hint = Some(hint);
        }
    }
}
