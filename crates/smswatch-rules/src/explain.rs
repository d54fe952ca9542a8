//! Explains what became of each rule for one event: whether it matched, and if not, why.

use smswatch_model::{Event, EventId};
use smswatch_plugin::rules::{RuleVerdict, Told};

use crate::event_word::event_words;
use crate::field::View;
use crate::matching::Mismatch;
use crate::rule::Rule;
use crate::rule_set::RuleSet;
use smswatch_plugin::Span;

impl RuleSet {
    /// What became of each rule, from top to bottom.
    pub(crate) fn verdicts(&self, event: &Event, told: &Told) -> Vec<RuleVerdict> {
        let mut stopped_by: Option<&str> = None;
        let mut told_by: Vec<Option<&Rule>> = vec![None; self.n_destinations];
        let refined = event.refined_event();
        let mut verdicts = Vec::new();
        for rule in &self.rules {
            let is_told = |rule: &Rule, target: usize| {
                refined.as_ref().is_some_and(|refined: &EventId| {
                    rule.told(&rule.targets[target], refined, told)
                })
            };
            let tried = self.try_rule(rule, event, told);
            let is_about_others = matches!(tried, Err(Mismatch::Kind));
            let (fired, because) = match (tried, stopped_by) {
                (Err(Mismatch::Kind), _) => (false, Mismatch::Kind.because(rule, event)),
                (_, Some(earlier)) => (false, format!("`{earlier}` above has `stop: true`")),
                (Err(mismatch), None) => (false, mismatch.because(rule, event)),
                (Ok(()), None) => {
                    if rule.stop {
                        stopped_by = Some(&rule.name);
                    }
                    rule.fire(event, &mut told_by, |target| is_told(rule, target))
                }
            };
            verdicts.push(RuleVerdict {
                rule: rule.name.clone(),
                fired,
                is_about_others,
                because,
            });
        }
        verdicts
    }
}

impl Rule {
    /// Whether what it tells of `event` can be held back, so that a rule below may tell it.
    fn can_hold_back(&self, event: &Event) -> bool {
        self.throttle_at_once().is_some()
            || !self.unless_firing.is_empty() && event.kind.is_of_message()
    }

    /// What keeps the rule from telling an event that it matches, depending on what was told before.
    fn unless(&self, event: &Event) -> Vec<String> {
        let mut unless = Vec::new();
        if self.is_once && event.message.message_id.is_some() {
            unless.push("it told of this message before (`once_per: message`)".to_owned());
        }
        if !self.unless_firing.is_empty() && event.kind.is_of_message() {
            let rates = self.unless_firing.iter().map(|rate| format!("`{rate}`"));
            let rates: Vec<String> = rates.collect();
            unless.push(format!("the alert of {} fires for it", rates.join(" or ")));
        }
        if let Some(throttle) = self.throttle {
            let allowance = throttle.allowance();
            unless.push(format!("that is more than {allowance} (`throttle`)"));
        }
        unless
    }

    /// Notifies the destinations that do not know of the event yet; whether there was one, and who it
    /// was.
    fn fire<'a>(
        &'a self,
        event: &Event,
        told_by: &mut [Option<&'a Rule>],
        is_told: impl Fn(usize) -> bool,
    ) -> (bool, String) {
        let mut notified = Vec::new();
        let mut knows = Vec::new();
        for (place, target) in self.targets.iter().enumerate() {
            let name = target.name();
            if let Some(earlier) = told_by[target.number] {
                let unless = match earlier.can_hold_back(event) {
                    true => ", and by this rule only if that is held back",
                    false => "",
                };
                let earlier = &earlier.name;
                knows.push(format!("{name} is already notified by `{earlier}`{unless}"));
                continue;
            }
            if is_told(place) {
                knows.push(format!("it notified {name} before the detail was known"));
            } else {
                told_by[target.number] = Some(self);
                notified.push(name);
            }
        }
        let mut because = match (notified.is_empty(), knows.is_empty()) {
            (true, true) => "it matches, and notifies no one".to_owned(),
            (true, false) => format!("it matches, but {}", knows.join(" and ")),
            (false, true) => format!("notifies {}", notified.join(", ")),
            (false, false) => format!("notifies {}; {}", notified.join(", "), knows.join(" and ")),
        };
        if let Some(grouping) = self.grouping.as_ref().filter(|_| !notified.is_empty()) {
            because.push_str(&format!(", {}", grouping.words(event)));
        }
        let unless = match notified.is_empty() {
            true => Vec::new(),
            false => self.unless(event),
        };
        if !unless.is_empty() {
            let unless = unless.join(" or ");
            because.push_str(&format!(", unless {unless}, which is not known here"));
        }
        if self.stop {
            because.push_str("; `stop: true` skips the rules below");
        }
        (!notified.is_empty(), because)
    }
}

impl Mismatch<'_> {
    fn because(&self, rule: &Rule, event: &Event) -> String {
        match self {
            Self::Backfill => {
                "it happened long before the message was first seen (`backfill`); such events are not sent unless the message is registered later".to_owned()
            }
            Self::Kind => format!(
                "event is {}, and the rule wants {}",
                event.kind.word(),
                event_words(&rule.kinds)
            ),
            Self::Rate => match &event.about {
                Some(about) => format!("the alert is that of rule `{}`", about.name),
                None => "the alert does not say of which rule it is".to_owned(),
            },
            Self::After => {
                let told = event.after.map_or_else(
                    || "the event does not say after how long".to_owned(),
                    |after| format!("the event is about {}", Span::from_secs(after)),
                );
                let wanted = Span::from_secs(rule.after.unwrap_or_default());
                format!("{told}, and the rule wants `after: {wanted}`")
            }
            Self::Repeat => {
                let every = event.repeated.map(|repeated| repeated.every);
                let every = Span::from_secs(every.unwrap_or_default());
                format!("the event is told again every {every}, and the rule does not want that")
            }
            Self::Condition(condition) => condition.why_not(View::of(event)),
            Self::When => "the `when` expression is not true".to_owned(),
            Self::UsedUp => "it told of this message before (`once_per: message`)".to_owned(),
        }
    }
}
