//! The seam to the rules: which events matter, and who hears of them.

use std::collections::BTreeMap;
use std::fmt;

use smswatch_model::{Event, Severity, Wishes};

/// What one rule wants told to one sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The rule that fired.
    pub rule: String,
    /// The sink that is to hear of it.
    pub sink: String,
    /// What the rule wants of this sink in particular.
    pub wishes: Wishes,
    /// How much it matters.
    pub severity: Severity,
    /// What happened, in one line.
    pub title: String,
    /// What happened, in a few lines.
    pub text: String,
    /// The values that its events share, for a rule that groups.
    pub group: BTreeMap<String, String>,
    /// Positions in the list of events that was evaluated, in order, at least one.
    pub events: Vec<usize>,
}

/// What became of one rule when it was tried on one event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Trial {
    /// The rule.
    pub rule: String,
    /// Whether it fired.
    pub fired: bool,
    /// Why it did not, or what it did, in words for a person.
    pub because: String,
}

/// All rules of a configuration, ready to be tried.
///
/// # Contract
///
/// - Both calls are pure: the same events bring the same notices, so doing the step again after a
///   crash makes deliveries with the same ids.
/// - A sink hears of one event once: no two notices for one sink share an event.
/// - Events with `backfill` are never handed in.
pub trait Rules: fmt::Debug + Send + Sync {
    /// Tries all rules on the events of one log entry.
    fn evaluate(&self, events: &[Event]) -> Vec<Notice>;

    /// Tells of each rule, from top to bottom, what became of it for one event.
    fn explain(&self, event: &Event) -> Vec<Trial>;
}
