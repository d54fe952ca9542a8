//! The account of a run: for each event of the log and each sink that the rules name, whether it was told, counted or
//! held back with a reason, as the rules say and no more.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use smswatch_model::{Event, EventKind, Timestamp};

use super::findings::Findings;
use super::letters::Letters;
use super::wanted::{GroupWanted, Matching, Wanted};

/// What an account is made of.
#[derive(Debug)]
pub(super) struct Account<'a> {
    /// The rules, from top to bottom.
    pub(super) rules: &'a [Wanted],
    /// The events of the log, oldest first.
    pub(super) events: &'a [Event],
    /// Which of the rules match each of them.
    pub(super) matching: &'a Matching,
    /// What the receivers were told, what was held back at first and sent by hand included.
    pub(super) letters: &'a [&'a Letters],
    /// Why deliveries were held back, by their ids.
    pub(super) held_back: &'a HashMap<String, String>,
    /// The silences of the run, by their ids: which rule, and which detailed status.
    pub(super) silences: &'a HashMap<String, (&'a str, &'a str)>,
}

/// What an account comes to.
#[derive(Debug, Default)]
pub(super) struct Balance {
    /// How often a sink was told of an event.
    pub(super) told: u64,
    /// How often an event was counted in a notification that did not show it.
    pub(super) omitted: u64,
    /// How often an event was held back from a sink with a reason.
    pub(super) held_back: u64,
    pub(super) lost: Findings,
    pub(super) untrue: Findings,
    /// Events that a sink was told of twice, and not under one id.
    pub(super) doubled: Findings,
}

/// A rule, a sink and an event.
type Place<'a> = (&'a str, &'a str, &'a str);

/// The events of a rule for a sink that share some values.
type GroupName<'a> = (&'a str, &'a str, EventKind, BTreeMap<String, String>);

/// An event that goes into a group, and those that came later with more detail.
type Members<'a> = Vec<Vec<&'a str>>;

/// How a sink was told of an event.
#[derive(Debug, Clone, Copy)]
enum How<'a> {
    Told,
    HeldBack(&'a str),
}

impl Balance {
    /// Whether nothing is missing and nothing is too much.
    pub(super) fn is_even(&self) -> bool {
        let findings = [&self.lost, &self.untrue, &self.doubled];
        findings.iter().all(|found| found.count == 0)
    }
}

impl Account<'_> {
    /// Compares what was told with what the rules say.
    pub(super) fn balance(&self) -> Balance {
        let mut balance = Balance::default();
        let told = self.told(&mut balance);
        let mut walk = Walk::new(self, &told);
        for event in self.events {
            walk.event(event, &mut balance);
        }
        let Walk { wanted, groups, .. } = walk;
        for (rule, sink, event) in told.keys().filter(|place| !wanted.contains(*place)) {
            balance
                .untrue
                .add(|| format!("{rule} told {sink} of {event}, which no rule wants"));
        }
        self.judge_groups(&groups, &told, &mut balance);
        self.judge_throttles(&mut balance);
        balance
    }

    /// How each sink was told of each event by each rule.
    fn told(&self, balance: &mut Balance) -> HashMap<Place<'_>, How<'_>> {
        let mut told = HashMap::new();
        let mut ids: HashMap<Place<'_>, &str> = HashMap::new();
        for (id, letter) in self.letters.iter().flat_map(|letters| letters.taken()) {
            let how = match self.held_back.get(id) {
                Some(reason) => How::HeldBack(reason),
                None => How::Told,
            };
            for event in &letter.events {
                let place = (letter.rule.as_str(), letter.sink.as_str(), event.as_str());
                if let Some(other) = ids.insert(place, id) {
                    balance
                        .doubled
                        .add(|| format!("{place:?} came as {other} and as {id}"));
                }
                told.insert(place, how);
            }
        }
        for altered in self.letters.iter().flat_map(|letters| letters.altered()) {
            balance.doubled.add(|| altered.clone());
        }
        told
    }

    /// Whether `reason` says why a rule may hold back an event.
    fn is_reason(&self, reason: &str, rule: &Wanted, event: &Event) -> bool {
        if let Some(silence) = reason.strip_prefix("silence:") {
            return self.is_silenced(rule, event)
                && self
                    .silences
                    .get(silence)
                    .is_some_and(|(of, _)| *of == rule.name);
        }
        let of_throttle = format!("throttle of {}:", rule.name);
        let of_alert = rule.unless_firing.as_ref();
        let of_alert = of_alert.map(|rate| format!("the alert of {rate} fires"));
        rule.at_most.is_some() && reason.starts_with(&of_throttle)
            || of_alert.is_some_and(|of_alert| reason == of_alert)
    }

    fn is_silenced(&self, rule: &Wanted, event: &Event) -> bool {
        let current = event.current.as_ref();
        let detail = current.and_then(|current| current.detailed_status.as_deref());
        let mut silences = self.silences.values();
        silences.any(|(of, status)| *of == rule.name && detail == Some(*status))
    }

    /// Each event of a group is shown by one of its notifications, or counted by it.
    fn judge_groups(
        &self,
        groups: &HashMap<GroupName<'_>, Members<'_>>,
        told: &HashMap<Place<'_>, How<'_>>,
        balance: &mut Balance,
    ) {
        let mut counted: HashMap<GroupName<'_>, u64> = HashMap::new();
        for (_, letter) in self.letters.iter().flat_map(|letters| letters.taken()) {
            let (rule, sink) = (letter.rule.as_str(), letter.sink.as_str());
            let wanted = self.rules.iter().find(|known| known.name == rule);
            let Some(GroupWanted { max, .. }) = wanted.and_then(|known| known.group.as_ref())
            else {
                continue;
            };
            if letter.events.len() > *max {
                balance
                    .untrue
                    .add(|| format!("{rule} showed {sink} more than {max} events at once"));
            }
            let name = (rule, sink, letter.kind, letter.group.clone());
            *counted.entry(name).or_default() += letter.omitted;
        }
        for (name, members) in groups {
            let (rule, sink, ..) = name;
            let is_shown = |event: &&str| told.contains_key(&(*rule, *sink, *event));
            let mut missing = members.iter().filter(|member| !member.iter().any(is_shown));
            let n_missing = missing.clone().count() as u64;
            let n_counted = counted.remove(name).unwrap_or_default();
            balance.omitted += n_counted.min(n_missing);
            for _ in n_counted..n_missing {
                let example = missing.next();
                balance.lost.add(|| {
                    format!(
                        "{name:?}: {n_missing} are not shown and {n_counted} counted: {example:?}"
                    )
                });
            }
            for _ in n_missing..n_counted {
                balance
                    .untrue
                    .add(|| format!("{name:?}: {n_counted} are counted and {n_missing} not shown"));
            }
        }
        for (name, n_counted) in counted.into_iter().filter(|(_, n_counted)| *n_counted > 0) {
            balance
                .untrue
                .add(|| format!("{name:?}: {n_counted} are counted of a group that is not there"));
        }
    }

    /// A throttle whose span is longer than the run lets through as many as it may before it holds back any.
    fn judge_throttles(&self, balance: &mut Balance) {
        let throttles = self
            .rules
            .iter()
            .filter_map(|rule| Some((rule, rule.at_most?)));
        for (rule, at_most) in throttles {
            for sink in &rule.sinks {
                let letters = self.letters.iter().flat_map(|letters| letters.taken());
                let of_rule =
                    letters.filter(|(_, letter)| letter.rule == rule.name && letter.sink == *sink);
                let (held_back, told): (Vec<_>, Vec<_>) =
                    of_rule.partition(|(id, _)| self.held_back.contains_key(*id));
                let (told, name) = (told.len(), &rule.name);
                if told > at_most {
                    balance
                        .untrue
                        .add(|| format!("the throttle of {name} let {told} through to {sink}"));
                }
                if told < at_most && !held_back.is_empty() {
                    balance.lost.add(|| {
                        format!("the throttle of {name} let {told} through to {sink} only")
                    });
                }
            }
        }
    }
}

/// Goes from event to event, and remembers what rules told before.
struct Walk<'a> {
    account: &'a Account<'a>,
    told: &'a HashMap<Place<'a>, How<'a>>,
    /// Everything that rules may have told.
    wanted: HashSet<Place<'a>>,
    groups: HashMap<GroupName<'a>, Members<'a>>,
    /// By rule and message, when the entry was noticed of which the rule told that message once.
    once: HashMap<(&'a str, &'a str), Timestamp>,
}

impl<'a> Walk<'a> {
    fn new(account: &'a Account<'a>, told: &'a HashMap<Place<'a>, How<'a>>) -> Self {
        Self {
            account,
            told,
            wanted: HashSet::new(),
            groups: HashMap::new(),
            once: HashMap::new(),
        }
    }

    /// Goes through all rules with one event.
    fn event(&mut self, event: &'a Event, balance: &mut Balance) {
        if event.backfill {
            return;
        }
        let mut knows: BTreeSet<&str> = BTreeSet::new();
        for place in self.account.matching.of(event) {
            let rule = &self.account.rules[*place];
            let message = event.message.message_id.as_ref();
            let once = message.filter(|_| rule.is_once);
            let once = once.map(|message| (rule.name.as_str(), message.as_str()));
            let told_at = once.and_then(|once| self.once.get(&once));
            if told_at.is_some_and(|told_at| *told_at != event.detected_at) {
                continue;
            }
            for sink in &rule.sinks {
                if knows.contains(sink.as_str()) || self.knew(rule, sink, event) {
                    continue;
                }
                if self.tell(rule, sink, event, balance) {
                    knows.insert(sink);
                    if let Some(once) = once {
                        self.once.insert(once, event.detected_at);
                    }
                }
            }
            if rule.stops {
                return;
            }
        }
    }

    /// Whether a rule told a sink of the event before its detail was known.
    fn knew(&mut self, rule: &'a Wanted, sink: &'a str, event: &'a Event) -> bool {
        let Some(before) = event.refined_event() else {
            return false;
        };
        if let Some(group) = &rule.group {
            let name = (rule.name.as_str(), sink, event.kind, group.of(event));
            let members = self.groups.get_mut(&name);
            let mut members = members.into_iter().flatten();
            let member = members.find(|member| member.contains(&before.as_str()));
            return match member {
                Some(member) => {
                    let id = event.event_id.as_str();
                    member.push(id);
                    self.wanted.insert((rule.name.as_str(), sink, id));
                    true
                }
                None => false,
            };
        }
        let place = (rule.name.as_str(), sink, before.as_str());
        matches!(self.told.get(&place), Some(How::Told))
    }

    /// Finds how a sink was told of an event that a rule wants it to be told of; returns whether it counts as told.
    fn tell(
        &mut self,
        rule: &'a Wanted,
        sink: &'a str,
        event: &'a Event,
        balance: &mut Balance,
    ) -> bool {
        let place = (rule.name.as_str(), sink, event.event_id.as_str());
        self.wanted.insert(place);
        if let Some(group) = &rule.group {
            let name = (rule.name.as_str(), sink, event.kind, group.of(event));
            self.groups.entry(name).or_default().push(vec![place.2]);
        }
        let is_silenced = self.account.is_silenced(rule, event);
        match self.told.get(&place) {
            Some(How::Told) => {
                balance.told += 1;
                if is_silenced {
                    balance
                        .untrue
                        .add(|| format!("{place:?} was told although it is silenced"));
                }
                true
            }
            Some(How::HeldBack(reason)) => {
                balance.held_back += 1;
                if !self.account.is_reason(reason, rule, event) {
                    balance
                        .untrue
                        .add(|| format!("{place:?} was held back: {reason}"));
                }
                // What a silence holds back is told to nobody else; what the others do, rules below may tell.
                reason.starts_with("silence:")
            }
            None => {
                if rule.group.is_none() {
                    balance.lost.add(|| format!("{place:?} {event:?}"));
                }
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
