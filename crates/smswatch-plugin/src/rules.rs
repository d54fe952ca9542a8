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

/// Events that one rule matched for one destination. The words are made later: see [`Rules::words`].
#[derive(Debug, Clone, PartialEq)]
pub struct RuleMatch {
    /// The rule that matched.
    pub rule: String,
    /// The sink that is notified.
    pub sink: String,
    /// What the rule asks of this sink in particular, such as another channel.
    pub overrides: Overrides,
    /// How much it matters.
    pub severity: Severity,
    /// The values that its events share, for a rule that groups.
    pub group: BTreeMap<String, String>,
    /// How its events are gathered into one notification; `None` if they are sent at once.
    pub gathering: Option<Gathering>,
    /// Whether its rule notifies once per message (`once_per: message`).
    pub is_once: bool,
    /// The positions of its events in the list that was tried, in order, at least one.
    pub events: Vec<usize>,
}

/// How a rule gathers events that share the values of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gathering {
    /// How long the first notification of a group waits for more events.
    pub wait: Duration,
    /// The shortest time between two notifications of a group. A group without events for as long is forgotten.
    pub interval: Duration,
    /// How many events a notification shows, at least 1; the others are counted.
    pub max: usize,
    /// The throttle of the rule, if it has one. It counts the notifications of all groups together.
    pub throttle: Option<Throttle>,
}

/// After how long a message without a final status counts as stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StuckAfter {
    /// How long after its registration.
    pub after: Duration,
    /// After how long it is reported again, each time, while the message has no final status.
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
    /// The templates that failed, such as `title`, and were replaced by default words.
    pub failed_templates: Vec<String>,
}

/// What one rule did with one event.
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

/// What was already sent, according to the store: which rule notified which destination of which events, and which
/// rules have notified of which messages. It also knows what is being held back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    events: HashSet<(String, String, EventId)>,
    messages: HashSet<(String, MessageId)>,
    held_back: HashSet<(String, String, EventId)>,
}

impl Told {
    /// Notes that `rule` notified `sink`, with these overrides, of `event`.
    pub fn add(&mut self, rule: &str, sink: &str, overrides: &Overrides, event: &EventId) {
        self.add_to(rule, &destination(sink, overrides), event);
    }

    /// Notes that `rule` notified the [destination] of this name of `event`.
    pub fn add_to(&mut self, rule: &str, destination: &str, event: &EventId) {
        let told = (rule.to_owned(), destination.to_owned(), event.clone());
        self.events.insert(told);
    }

    /// Whether `rule` notified `sink`, with these overrides, of `event`.
    #[must_use]
    pub fn contains(&self, rule: &str, sink: &str, overrides: &Overrides, event: &EventId) -> bool {
        // Nearly always there is nothing, and nothing to be made for the search.
        !self.events.is_empty()
            && self
                .events
                .contains(&(rule.to_owned(), destination(sink, overrides), event.clone()))
    }

    /// Notes that what `rule` sends to the [destination] of this name about `event` is held back.
    pub fn hold_back(&mut self, rule: &str, destination: &str, event: &EventId) {
        let held_back = (rule.to_owned(), destination.to_owned(), event.clone());
        self.held_back.insert(held_back);
    }

    /// Whether what `rule` sends to `sink`, with these overrides, about `event` is held back.
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

    /// Notes that `rule`, which notifies once per message, has notified of this one.
    pub fn add_message(&mut self, rule: &str, message: &MessageId) {
        self.messages.insert((rule.to_owned(), message.clone()));
    }

    /// Whether `rule`, which notifies once per message, has notified of this one.
    #[must_use]
    pub fn has_message(&self, rule: &str, message: &MessageId) -> bool {
        !self.messages.is_empty() && self.messages.contains(&(rule.to_owned(), message.clone()))
    }
}

/// Which rule notifies which sink of an event.
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
    /// Whether it holds back this notification of `event`.
    fn holds(&self, event: &Event, telling: Telling<'_>) -> bool;
}

/// The compiled `match` of a silence.
#[derive(Debug, Clone)]
pub struct CompiledMatch {
    /// What it holds back.
    pub hold_back: Arc<dyn HoldBack>,
    /// Values that are probably a slip, in sentences that name the key.
    pub warnings: Vec<String>,
}

/// What is wrong with the `match` of a silence, in sentences that name the key.
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
/// Core asks in two steps. [`Rules::matches`] returns which rules notify which destinations of which events. Core makes
/// a notification of each match, with its ids, and [`Rules::words`] returns its title, text and links.
///
/// # Contract
///
/// - All calls are pure: the same arguments give the same result, so a step that is repeated after a crash makes
///   deliveries with the same ids and the same words.
/// - A [destination] is notified of an event once: no two matches for one destination share an event.
/// - All events of a match are of one kind, and share the values of its group.
/// - A rule notifies a destination of a [refined](Event::refined) event only if, according to `told`, it has not
///   notified it of the [event that it refines](Event::refined_event). `told` always knows about these events. Guessing
///   from the event as it is now could hide a status.
/// - A rule with `once_per: message` does not match events of a message that it has notified of according to `told`,
///   and matches one kind of events of a message at a time.
/// - What is held back according to `told` is in no match and counts as not sent: a rule below may match it.
/// - Events with `backfill` are never handed in.
/// - Words depend only on [`Notification::data`] and the name of the sink. Core asks once for all destinations of a
///   sink that one rule notifies of the same events.
pub trait Rules: fmt::Debug + Send + Sync {
    /// Tries all rules on the events of one log entry.
    fn matches(&self, events: &[Event], told: &Told) -> Vec<RuleMatch>;

    /// Whether a rule with `group` or `once_per` can match `event`. If so, what it told of the message before must be
    /// known, and what it tells now is noted.
    fn keeps_marks(&self, event: &Event) -> bool {
        let _no_rule_does = event;
        false
    }

    /// Returns the destinations that rules with a throttle would notify of `event` at once. It may return too many: it
    /// looks at the event alone. For what a throttle holds back, core asks [`Rules::matches`] again. A rule that groups
    /// has its throttle in [`Gathering`].
    fn throttled(&self, event: &Event) -> Vec<Throttled> {
        let _no_rule_does = event;
        Vec::new()
    }

    /// Returns how long after its registration a message without a final status is
    /// [stuck](smswatch_model::EventKind::Stuck), in ascending order and whole seconds, without duplicates. Each makes
    /// an event, and each of its repetitions another. Core asks for every poll, because rules can change.
    fn stuck_after(&self) -> Arc<[StuckAfter]>;

    /// Returns the rules that match `event` and hold it back while the alert of a rate fires, once for each rate that
    /// they name. For what is held back, core asks [`Rules::matches`] again.
    fn unless_firing(&self, event: &Event) -> Vec<UnlessFiring> {
        let _no_rule_does = event;
        Vec::new()
    }

    /// Returns the present settings of the rate rule called `rule`; `None` if there is no such rule.
    fn rate_settings(&self, rule: &str) -> Option<RateSettings> {
        let _no_rate_is_known = rule;
        None
    }

    /// Returns the rates in which an event is measured, and whether it counts there.
    fn measured(&self, event: &Event) -> Vec<Measured>;

    /// Returns the title, text and links of a notification for `sink`. If its rule is no longer configured, these are
    /// the sink's own or the default ones.
    fn words(&self, notification: &Notification, sink: &str) -> Words;

    /// Returns what each rule does with one event, from top to bottom.
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
