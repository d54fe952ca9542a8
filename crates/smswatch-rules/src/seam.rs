//! Answers what core asks of the rules: the [`Rules`] seam on top of a [`RuleSet`].

use std::sync::Arc;

use serde_json::Value;
use smswatch_model::{Event, Notification, Timestamp, destination};
use smswatch_plugin::rules::{
    CompiledMatch, InvalidMatch, Measured, OpenWindow, RateSettings, RuleMatch, RuleVerdict, Rules,
    StuckAfter, Throttle, Throttled, Told, UnlessFiring, Words,
};

use crate::compile::compile_match;
use crate::rule::Rule;
use crate::rule_set::RuleSet;

impl Rules for RuleSet {
    fn matches(&self, events: &[Event], told: &Told) -> Vec<RuleMatch> {
        self.matches_of(events, told)
    }

    fn stuck_after(&self) -> Arc<[StuckAfter]> {
        Arc::clone(&self.stuck_after)
    }

    fn rate_settings(&self, rule: &str) -> Option<RateSettings> {
        Some(self.rate_rule(rule)?.settings)
    }

    fn unless_firing(&self, event: &Event) -> Vec<UnlessFiring> {
        self.awaited_by(event)
    }

    fn measured(&self, event: &Event) -> Vec<Measured> {
        self.measured_by(event)
    }

    fn words(&self, notification: &Notification, sink: &str) -> Words {
        self.words_of(notification, sink)
    }

    fn keeps_marks(&self, event: &Event) -> bool {
        let candidates = self.index.candidates(std::slice::from_ref(event));
        let rules = candidates
            .into_iter()
            .map(|position| &self.rules[position as usize]);
        let mut keeping = rules.filter(|rule| rule.is_once || rule.grouping.is_some());
        keeping.any(|rule| self.try_rule(rule, event, &Told::default()).is_ok())
    }

    fn throttled(&self, event: &Event) -> Vec<Throttled> {
        if !self.has_throttles {
            return Vec::new();
        }
        let candidates = self.index.candidates(std::slice::from_ref(event));
        let rules = candidates
            .into_iter()
            .map(|position| &self.rules[position as usize]);
        let rules = rules.filter_map(|rule| Some((rule, rule.throttle_at_once()?)));
        let matching =
            rules.filter(|(rule, _)| self.try_rule(rule, event, &Told::default()).is_ok());
        let of_rule = |(rule, throttle): (&Rule, Throttle)| {
            let targets = rule.targets.iter();
            let throttled = targets.map(move |target| Throttled {
                rule: rule.name.clone(),
                destination: destination(&target.sink, &target.overrides),
                throttle,
            });
            throttled.collect::<Vec<_>>()
        };
        matching.flat_map(of_rule).collect()
    }

    fn explain(&self, event: &Event, told: &Told) -> Vec<RuleVerdict> {
        self.verdicts(event, told)
    }

    fn hold_back(&self, matching: &Value) -> Result<CompiledMatch, InvalidMatch> {
        let Some(silencing) = &self.silencing else {
            let problem = "there is no configuration to silence anything of".to_owned();
            return Err(InvalidMatch(vec![problem]));
        };
        compile_match(matching, silencing)
    }

    fn names(&self) -> Vec<String> {
        self.rules.iter().map(|rule| rule.name.clone()).collect()
    }

    fn open_windows(&self, now: Timestamp) -> Vec<OpenWindow> {
        self.maintenance.open(now)
    }
}
