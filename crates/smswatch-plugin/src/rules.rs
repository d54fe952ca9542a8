//! The seam to the rules: which events matter, who is notified of them, and in which words.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{Event, EventId, Link, Notification, Overrides, Severity, destination};

/// Which events one rule wants told to one destination. The words are made later: see
/// [`Rules::words`].
#[derive(Debug, Clone, PartialEq)]
pub struct RuleMatch {
    /// The rule that matched.
    pub rule: String,
    /// The sink that is notified.
    pub sink: String,
    /// What the rule wants of this sink in particular.
    pub overrides: Overrides,
    /// How much it matters.
    pub severity: Severity,
    /// The values that its events share, for a rule that groups.
    pub group: BTreeMap<String, String>,
    /// Positions in the list of events that were tried, in order, at least one.
    pub events: Vec<usize>,
}

/// What a notification says to a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Words {
    /// What happened, in one line.
    pub title: String,
    /// What happened, in a few lines.
    pub text: String,
    /// Where a person can look further.
    pub links: Vec<Link>,
    /// The templates that failed, such as `title`, in whose place default words stand.
    pub failed_templates: Vec<String>,
}

/// What one rule made of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    /// The rule.
    pub rule: String,
    /// Whether it fired.
    pub fired: bool,
    /// Whether the rule is about other kinds of events, so that it was not tried.
    pub is_about_others: bool,
    /// What it did, or why it did not fire, in words for a person.
    pub because: String,
}

/// Which rule told which destination of which events, according to the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told(HashSet<(String, String, EventId)>);

impl Told {
    /// Notes that `rule` told `sink`, of which it asked `overrides`, of `event`.
    pub fn add(&mut self, rule: &str, sink: &str, overrides: &Overrides, event: &EventId) {
        let destination = destination(sink, overrides);
        self.0.insert((rule.to_owned(), destination, event.clone()));
    }

    /// Whether `rule` told `sink`, of which it asks `overrides`, of `event`.
    #[must_use]
    pub fn contains(&self, rule: &str, sink: &str, overrides: &Overrides, event: &EventId) -> bool {
        // Nearly always there is nothing, and nothing to be made for the search.
        !self.0.is_empty()
            && self
                .0
                .contains(&(rule.to_owned(), destination(sink, overrides), event.clone()))
    }
}

/// All rules of a configuration, ready to be tried.
///
/// Core asks in two steps. [`Rules::matches`] returns which rule wants which events told to whom. Core makes
/// a notification of each match and gives it its ids, and [`Rules::words`] returns its title, text and links.
///
/// # Contract
///
/// - All calls are pure: the same arguments bring the same answer, so doing a step again after a crash
///   makes deliveries with the same ids and the same words.
/// - A [destination] is told of one event once: no two matches for one destination share an event.
/// - All events of a match are of one kind.
/// - A rule tells a destination of a [refined](Event::refined) event only if `told` does not say that it
///   told it of the [event that it refines](Event::refined_event). `told` knows of these events at
///   least; what it says is a fact, while a guess from the event as it is now can hide a status.
/// - Events with `backfill` are never handed in.
/// - Words depend on [`Notification::data`] and the name of the sink alone. Core asks once for all destinations
///   of a sink that one rule tells of the same events.
pub trait Rules: fmt::Debug + Send + Sync {
    /// Tries all rules on the events of one log entry.
    fn matches(&self, events: &[Event], told: &Told) -> Vec<RuleMatch>;

    /// Returns how long after its registration a message without a final status is
    /// [stuck](smswatch_model::EventKind::Stuck), in ascending order and whole seconds, each once: an event
    /// is made of each. Core asks again for every answer, because rules can change.
    fn stuck_after(&self) -> Arc<[Duration]>;

    /// Returns the title, text and links of a notification for `sink`, which has none yet. If its rule has left
    /// the configuration meanwhile, these are the sink's own or the default ones.
    fn words(&self, notification: &Notification, sink: &str) -> Words;

    /// Returns what each rule makes of one event, from top to bottom.
    fn explain(&self, event: &Event, told: &Told) -> Vec<RuleVerdict>;
}
