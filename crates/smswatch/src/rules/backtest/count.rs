//! Counts what a set of rules tells of a history.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use smswatch_core::rehearsal::{PastSilence, Replay};
use smswatch_plugin::model::{Event, EventKind, FaultTable, Timestamp};

use super::Told;
use super::history::Entry;
use crate::settings::Configuration;

/// The provider that the events are from.
const PROVIDER: &str = "routee";

/// An hour, and how many notifications there were in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Busy {
    /// When it begins.
    pub(super) at: Timestamp,
    pub(super) notifications: u64,
}

/// Rules that are tried, and what they told until now.
pub(super) struct Trial<'a> {
    replay: Replay<'a>,
    faults: &'a FaultTable,
    counts: Counts,
}

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Counts {
    rules: BTreeMap<(String, String), Told>,
    /// By sink and hour.
    hours: HashMap<(String, i64), u64>,
}

impl<'a> Trial<'a> {
    /// Tries the rules of a configuration from `start` on, as far as these silences let them.
    pub(super) fn new(
        configuration: &'a Configuration,
        silences: &'a [PastSilence],
        start: Timestamp,
    ) -> Self {
        let replay = Replay::new(&configuration.rules, PROVIDER, start);
        Self {
            replay: replay.with_silences(silences),
            faults: &configuration.settings.watch.faults,
            counts: Counts::default(),
        }
    }

    /// Tries the next log entry.
    pub(super) fn take(&mut self, entry: &Entry) {
        self.replay.pass(entry.detected_at);
        let events = entry.events.iter();
        let routed = events.filter(|event| !is_made_anew(event.kind));
        let routed: Vec<Event> = routed.map(|event| self.judged(event)).collect();
        self.replay.route(&routed);
        self.count();
    }

    /// Lets the time pass until `until`, and until what waits in groups then is told, and returns what was told in all.
    pub(super) fn finish(mut self, until: Timestamp) -> Counts {
        self.replay.pass(until);
        self.replay.tell_waiting();
        self.count();
        self.counts
    }

    /// The event with the fault that this configuration sees in it.
    fn judged(&self, event: &Event) -> Event {
        let mut event = event.clone();
        if let Some(current) = &event.current {
            let detail = current.detailed_status.as_deref();
            event.fault = Some(self.faults.of(&current.status, detail));
        }
        event
    }

    fn count(&mut self) {
        for made in self.replay.take_made() {
            let key = (made.notification.rule, made.sink.clone());
            let told = self.counts.rules.entry(key).or_default();
            if made.held_back.is_some() {
                told.held_back += 1;
                continue;
            }
            told.notifications += 1;
            let hour = made.at.as_seconds().div_euclid(3600);
            *self.counts.hours.entry((made.sink, hour)).or_default() += 1;
        }
    }
}

/// Whether the rules make events of this kind themselves, from those of messages.
fn is_made_anew(kind: EventKind) -> bool {
    matches!(kind, EventKind::AlertFiring | EventKind::AlertResolved)
}

impl Counts {
    /// What each rule told each sink.
    pub(super) fn of_rules(&self) -> BTreeMap<(Option<String>, String), Told> {
        let rules = self.rules.iter();
        let keyed = rules.map(|((rule, sink), told)| ((Some(rule.clone()), sink.clone()), *told));
        keyed.collect()
    }

    /// Those of these rules that notified no one.
    pub(super) fn silent<'a>(&self, rules: impl Iterator<Item = &'a str>) -> Vec<String> {
        let told: BTreeSet<&str> = self.rules.keys().map(|(rule, _)| rule.as_str()).collect();
        let silent = rules.filter(|rule| !told.contains(rule));
        silent.map(str::to_owned).collect()
    }

    /// What all rules told each sink.
    pub(super) fn of_sinks(&self) -> BTreeMap<(Option<String>, String), Told> {
        let mut sinks: BTreeMap<(Option<String>, String), Told> = BTreeMap::new();
        for ((_, sink), told) in &self.rules {
            let sum = sinks.entry((None, sink.clone())).or_default();
            sum.notifications += told.notifications;
            sum.held_back += told.held_back;
            sum.busiest_hour = self.busiest_hour(sink);
        }
        sinks
    }

    /// The first hour of those with the most notifications to a sink.
    fn busiest_hour(&self, sink: &str) -> Option<Busy> {
        let hours = self.hours.iter().filter(|((known, _), _)| known == sink);
        let busiest = hours.max_by_key(|((_, hour), count)| (**count, -hour));
        busiest.map(|((_, hour), count)| Busy {
            at: Timestamp::from_seconds(hour * 3600),
            notifications: *count,
        })
    }
}
