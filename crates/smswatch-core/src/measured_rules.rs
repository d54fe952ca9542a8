//! The rules of a configuration, with what is counted and logged of those whose templates fail.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use smswatch_model::{Event, Notification, Timestamp};

use crate::context::Context;
use crate::metrics::RuleLabel;
use crate::rules::{
    CompiledMatch, InvalidMatch, Measured, OpenWindow, RateSettings, RuleMatch, RuleVerdict, Rules,
    StuckAfter, Throttled, Told, UnlessFiring, Words,
};

/// The rules of a configuration. Templates that fail are counted, and logged once a rule.
#[derive(Debug)]
pub(crate) struct MeasuredRules {
    rules: Arc<dyn Rules>,
    context: Arc<Context>,
    /// The rules of which it is logged that a template failed.
    logged: Mutex<BTreeSet<String>>,
}

impl MeasuredRules {
    pub(crate) fn new(rules: Arc<dyn Rules>, context: Arc<Context>) -> Self {
        Self {
            rules,
            context,
            logged: Mutex::default(),
        }
    }

    fn note_failures(&self, rule: &str, templates: &[String]) {
        let label = RuleLabel {
            rule: rule.to_owned(),
        };
        let failures = self.context.metrics.template_failures.get_or_create(&label);
        failures.inc_by(u64::try_from(templates.len()).unwrap_or(u64::MAX));
        if self.logged().insert(rule.to_owned()) {
            let templates = templates.join(", ");
            tracing::error!(
                rule.name = rule,
                "a template of rule `{rule}`, or of the sink that it notifies, failed ({templates}); alerts have default words in its place"
            );
        }
    }

    fn logged(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rules for MeasuredRules {
    fn matches(&self, events: &[Event], told: &Told) -> Vec<RuleMatch> {
        self.rules.matches(events, told)
    }

    fn keeps_marks(&self, event: &Event) -> bool {
        self.rules.keeps_marks(event)
    }

    fn throttled(&self, event: &Event) -> Vec<Throttled> {
        self.rules.throttled(event)
    }

    fn stuck_after(&self) -> Arc<[StuckAfter]> {
        self.rules.stuck_after()
    }

    fn unless_firing(&self, event: &Event) -> Vec<UnlessFiring> {
        self.rules.unless_firing(event)
    }

    fn rate_settings(&self, rule: &str) -> Option<RateSettings> {
        self.rules.rate_settings(rule)
    }

    fn measured(&self, event: &Event) -> Vec<Measured> {
        self.rules.measured(event)
    }

    fn hold_back(&self, matching: &Value) -> Result<CompiledMatch, InvalidMatch> {
        self.rules.hold_back(matching)
    }

    fn names(&self) -> Vec<String> {
        self.rules.names()
    }

    fn open_windows(&self, now: Timestamp) -> Vec<OpenWindow> {
        self.rules.open_windows(now)
    }

    fn words(&self, notification: &Notification, sink: &str) -> Words {
        let words = self.rules.words(notification, sink);
        if !words.failed_templates.is_empty() {
            self.note_failures(&notification.rule, &words.failed_templates);
        }
        words
    }

    fn explain(&self, event: &Event, told: &Told) -> Vec<RuleVerdict> {
        self.rules.explain(event, told)
    }
}
