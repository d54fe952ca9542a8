//! The seam to the rules: which events matter, who is notified of them, and in which words.

mod rate;
mod throttle;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use smswatch_model::{
    Event, EventId, Link, MessageId, Notification, Overrides, Severity, Timestamp, destination,
};

pub use self::rate::{
    Measured, More, RateBound, RateGroup, RateSettings, UnlessFiring, UsualBound,
};
pub use self::throttle::{Throttle, Throttled};

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
    /// How its events are gathered into one notification; `None` if they are told at once.
    pub gathering: Option<Gathering>,
    /// Whether its rule tells of each message once.
    pub is_once: bool,
    /// Positions in the list of events that were tried, in order, at least one.
    pub events: Vec<usize>,
}

/// How a rule gathers events that share the values of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathering {
    /// How long the first notification of a group waits for more events.
    pub wait: Duration,
    /// How long lies between two notifications of a group at least; one that has no event for as long is
    /// forgotten.
    pub interval: Duration,
    /// How many events a notification shows, at least 1; the others are counted.
    pub max: usize,
    /// How many notifications of all groups of the rule its destination gets at most, if the rule limits that.
    pub throttle: Option<Throttle>,
}

/// When a message without a final status is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StuckAfter {
    /// How long after its registration.
    pub after: Duration,
    /// How long after that it is told again, and so on, while the message has no final status.
    pub repeat: Option<Duration>,
}

/// One that is told once.
impl From<Duration> for StuckAfter {
    fn from(after: Duration) -> Self {
        let repeat = None;
        Self { after, repeat }
    }
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

/// What was told before, according to the store: which rule told which destination of which events, and which
/// rule told of which messages. It also knows what is held back just now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    events: HashSet<(String, String, EventId)>,
    messages: HashSet<(String, MessageId)>,
    held_back: HashSet<(String, String, EventId)>,
}

impl Told {
    /// Notes that `rule` told `sink`, of which it asked `overrides`, of `event`.
    pub fn add(&mut self, rule: &str, sink: &str, overrides: &Overrides, event: &EventId) {
        self.add_to(rule, &destination(sink, overrides), event);
    }

    /// Notes that `rule` told the [destination] of this name of `event`.
    pub fn add_to(&mut self, rule: &str, destination: &str, event: &EventId) {
        let told = (rule.to_owned(), destination.to_owned(), event.clone());
        self.events.insert(told);
    }

    /// Whether `rule` told `sink`, of which it asks `overrides`, of `event`.
    #[must_use]
    pub fn contains(&self, rule: &str, sink: &str, overrides: &Overrides, event: &EventId) -> bool {
        // Nearly always there is nothing, and nothing to be made for the search.
        !self.events.is_empty()
            && self
                .events
                .contains(&(rule.to_owned(), destination(sink, overrides), event.clone()))
    }

    /// Notes that it is held back that `rule` tells the [destination] of this name of `event`.
    pub fn hold_back(&mut self, rule: &str, destination: &str, event: &EventId) {
        let held_back = (rule.to_owned(), destination.to_owned(), event.clone());
        self.held_back.insert(held_back);
    }

    /// Whether it is held back that `rule` tells `sink`, of which it asks `overrides`, of `event`.
    #[must_use]
    pub fn is_held_back(
        &self,
        rule: &str,
        sink: &str,
        overrides: &Overrides,
        event: &EventId,
    ) -> bool {
        !self.held_back.is_empty()
            && self.held_back.contains(&(
                rule.to_owned(),
                destination(sink, overrides),
                event.clone(),
            ))
    }

    /// Notes that `rule`, which tells of each message once, told of this one.
    pub fn add_message(&mut self, rule: &str, message: &MessageId) {
        self.messages.insert((rule.to_owned(), message.clone()));
    }

    /// Whether `rule`, which tells of each message once, told of this one.
    #[must_use]
    pub fn has_message(&self, rule: &str, message: &MessageId) -> bool {
        !self.messages.is_empty() && self.messages.contains(&(rule.to_owned(), message.clone()))
    }
}

/// Who wants to tell an event to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Telling<'a> {
    /// The rule.
    pub rule: &'a str,
    /// The sink.
    pub sink: &'a str,
    /// How much it matters to the rule.
    pub severity: Severity,
}

/// What a silence or a maintenance window holds back.
pub trait HoldBack: fmt::Debug + Send + Sync {
    /// Whether it holds back that `event` is told like this.
    fn holds(&self, event: &Event, telling: Telling<'_>) -> bool;
}

/// What the `match` of a silence was made into.
#[derive(Debug, Clone)]
pub struct CompiledMatch {
    /// What it holds back.
    pub hold_back: Arc<dyn HoldBack>,
    /// What probably is not what was meant, in sentences that name the key.
    pub warnings: Vec<String>,
}

/// Why the `match` of a silence cannot be used: everything that is wrong with it, in sentences that name
/// the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct InvalidMatch(pub Vec<String>);

/// A maintenance window that is open.
#[derive(Debug, Clone)]
pub struct OpenWindow {
    /// Its name, or its number in the configuration, from 1.
    pub name: String,
    /// When it opened.
    pub since: Timestamp,
    /// When it closes.
    pub until: Timestamp,
    /// Its `match`, as the configuration has it.
    pub matching: Value,
    /// What it holds back.
    pub hold_back: Arc<dyn HoldBack>,
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
/// - All events of a match are of one kind, and share the values of its group.
/// - A rule tells a destination of a [refined](Event::refined) event only if `told` does not say that it
///   told it of the [event that it refines](Event::refined_event). `told` knows of these events at
///   least; what it says is a fact, while a guess from the event as it is now can hide a status.
/// - A rule that tells of each message once does not match an event of a message that it told of according
///   to `told`, and tells of one kind of events of a message at a time.
/// - What `told` says is held back is in no match, and counts as not told: a rule below may tell it.
/// - Events with `backfill` are never handed in.
/// - Words depend on [`Notification::data`] and the name of the sink alone. Core asks once for all destinations
///   of a sink that one rule tells of the same events.
pub trait Rules: fmt::Debug + Send + Sync {
    /// Tries all rules on the events of one log entry.
    fn matches(&self, events: &[Event], told: &Told) -> Vec<RuleMatch>;

    /// Whether a rule that groups, or tells of each message once, can match `event`: what it told of the
    /// message before must then be known, and what it tells now is noted.
    fn keeps_marks(&self, event: &Event) -> bool {
        let _no_rule_does = event;
        false
    }

    /// Returns which destinations rules with a throttle would notify of `event` at once, as far as its own
    /// text tells; one too many does no harm. What a throttle holds back core asks [`Rules::matches`] again
    /// about. A rule that groups has its throttle in [`Gathering`].
    fn throttled(&self, event: &Event) -> Vec<Throttled> {
        let _no_rule_does = event;
        Vec::new()
    }

    /// Returns how long after its registration a message without a final status is
    /// [stuck](smswatch_model::EventKind::Stuck), in ascending order and whole seconds, each once: an event
    /// is made of each, and of each of its repetitions. Core asks again for every answer, because rules can change.
    fn stuck_after(&self) -> Arc<[StuckAfter]>;

    /// Returns which rules that match `event` do not tell it while the alert of a rate fires, once for each rate that
    /// they name. What is held back for that reason core asks [`Rules::matches`] again about.
    fn unless_firing(&self, event: &Event) -> Vec<UnlessFiring> {
        let _no_rule_does = event;
        Vec::new()
    }

    /// Returns what the configuration says now about the rates of the rule called `rule`; `None` if there is no such
    /// rule.
    fn rate_settings(&self, rule: &str) -> Option<RateSettings> {
        let _no_rate_is_known = rule;
        None
    }

    /// Returns which rates an event is measured in, and whether it counts there.
    fn measured(&self, event: &Event) -> Vec<Measured>;

    /// Returns the title, text and links of a notification for `sink`, which has none yet. If its rule has left
    /// the configuration meanwhile, these are the sink's own or the default ones.
    fn words(&self, notification: &Notification, sink: &str) -> Words;

    /// Returns what each rule makes of one event, from top to bottom.
    fn explain(&self, event: &Event, told: &Told) -> Vec<RuleVerdict>;

    /// Compiles the `match` of a silence, which has the keys of a rule's `match` and `rule`, `sink`,
    /// `severity` and `event`. An empty one holds back everything.
    ///
    /// # Errors
    ///
    /// Something is wrong with it, or these rules know no silences.
    fn hold_back(&self, matching: &Value) -> Result<CompiledMatch, InvalidMatch> {
        let _ = matching;
        Err(InvalidMatch(vec![
            "these rules know no silences".to_owned(),
        ]))
    }

    /// Returns the names of all rules, from top to bottom.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the maintenance windows that are open at `now`.
    fn open_windows(&self, now: Timestamp) -> Vec<OpenWindow> {
        let _ = now;
        Vec::new()
    }
}
