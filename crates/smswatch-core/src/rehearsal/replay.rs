//! What rules make of events one after another: groups, rates and maintenance windows as a running engine keeps them,
//! on a clock that goes only where it is told, without a store.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::Arc;

use smswatch_model::{Event, EventId, EventKind, MessageId, Notification, Timestamp};

use crate::event::alert_event;
use crate::firing::{Awaited, Firing};
use crate::group::{self, Fold};
use crate::let_through::{Gate, HeldBack, let_through};
use crate::notification::{of_group_parted, of_match};
use crate::rate::{self, Rate, RateGroups, countings, rate_id};
use crate::rules::{HoldBack, RateGroup, RuleMatch, Rules, Told};
use crate::silences::{Hold, Holds};
use crate::store::{LogPosition, RecordId, Shard};
use crate::taken::Source;
use crate::throttles::{Origin, Throttles};

/// All that is replayed stands in one log.
const LOG: Source = Source::Log(Shard(0));

/// A notification that would have been made.
#[derive(Debug, Clone, PartialEq)]
pub struct Rehearsed {
    /// When it was made.
    pub at: Timestamp,
    /// The sink that would be notified.
    pub sink: String,
    /// What it would be sent. A [`Replay`] leaves title, text and links empty.
    pub notification: Notification,
    /// Why it would be held back, such as `maintenance:night`; `None` if it would be sent.
    pub held_back: Option<Arc<str>>,
}

/// Rules, what they keep, and a clock.
#[derive(Debug)]
pub struct Replay<'a> {
    rules: &'a dyn Rules,
    provider: &'a str,
    now: Timestamp,
    told: Told,
    groups: Kept<Gathered>,
    rates: Kept<rate::Rate>,
    rate_groups: RateGroups,
    throttles: Throttles,
    /// Other rules whose maintenance windows hold back as well.
    windows: Option<&'a dyn Rules>,
    silences: &'a [PastSilence],
    /// How many entries the log would have.
    n_entries: u64,
    made: Vec<Rehearsed>,
}

/// A silence that holds back for a while, now or in the past.
#[derive(Debug, Clone)]
pub struct PastSilence {
    /// When it was made.
    pub since: Timestamp,
    /// When it ends, or did.
    pub until: Timestamp,
    /// Its name.
    pub id: String,
    /// What it holds back.
    pub hold_back: Arc<dyn HoldBack>,
}

/// A group of events, and all that went into it.
#[derive(Debug)]
struct Gathered {
    id: RecordId,
    group: group::Group,
    known: Vec<EventId>,
}

impl<'a> Replay<'a> {
    /// Begins at `now`, with nothing known. `provider` is the name of the source of messages.
    #[must_use]
    pub fn new(rules: &'a dyn Rules, provider: &'a str, now: Timestamp) -> Self {
        Self {
            rules,
            provider,
            now,
            told: Told::default(),
            groups: Kept::default(),
            rates: Kept::default(),
            rate_groups: RateGroups::default(),
            throttles: Throttles::default(),
            windows: None,
            silences: &[],
            n_entries: 0,
            made: Vec::new(),
        }
    }

    /// The maintenance windows of `rules` hold back as well.
    #[must_use]
    pub fn with_windows_of(self, rules: &'a dyn Rules) -> Self {
        Self {
            windows: Some(rules),
            ..self
        }
    }

    /// These silences hold back what they match.
    #[must_use]
    pub fn with_silences(self, silences: &'a [PastSilence]) -> Self {
        Self { silences, ..self }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// When something that the rules keep is due next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let due = [self.groups.first_due(), self.rates.first_due()];
        due.into_iter().flatten().min()
    }

    /// Lets the time pass until `until`.
    pub fn pass(&mut self, until: Timestamp) {
        while let Some(due) = self.next_due().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            if self.rates.first_due() == Some(due) {
                self.judge_rate();
            } else {
                self.tell_group();
            }
        }
        self.now = self.now.max(until);
    }

    /// Lets the time pass until all that waits in groups is told; rates are not measured any more.
    pub fn tell_waiting(&mut self) {
        // A group that was told rests, and goes.
        while let Some(due) = self.groups.first_due() {
            self.now = self.now.max(due);
            self.tell_group();
        }
    }

    /// Sets the clock on to `now`, before which nothing is due.
    pub(super) fn pass_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    /// Asks the rules about the events of one log entry. Those with `backfill` are not routed.
    pub fn route(&mut self, events: &[Event]) {
        let events: Vec<Event> = events
            .iter()
            .filter(|event| !event.backfill)
            .cloned()
            .collect();
        if events.is_empty() {
            return;
        }
        let place = |number: u64| LogPosition(format!("{number:020}"));
        let settled = place(self.n_entries);
        self.n_entries += 1;
        let position = place(self.n_entries);
        let holds = self.holds();
        let firing = self.firing(&events);
        let origin = Origin {
            source: "log",
            settled: &settled,
            is_certain: false,
            position: &position,
        };
        let (matches, refused, by_alerts) = self.let_through(&events, &holds, &firing, origin);
        let (grouped, at_once): (Vec<_>, Vec<_>) = matches
            .into_iter()
            .partition(|wanted| wanted.gathering.is_some());
        let (at_once, mut held_back) = holds.part(at_once, &events, self.now);
        held_back.extend(refused);
        for wanted in &at_once {
            self.note(wanted, &events);
            self.make(&wanted.sink, of_match(wanted, &events, self.now), None);
        }
        for (wanted, reason) in &held_back {
            let reason = Some(Arc::clone(reason));
            self.make(&wanted.sink, of_match(wanted, &events, self.now), reason);
        }
        for wanted in grouped {
            self.note_once(&wanted, &events);
            let positions = wanted.events.iter();
            let gathered = positions
                .filter_map(|at| events.get(*at))
                .cloned()
                .collect();
            self.gather(wanted, &position, gathered);
        }
        let mut counted = countings(&self.rate_groups, self.rules, &position, &events, self.now);
        firing.count(&mut counted, &by_alerts, &position);
        for counting in counted {
            let key = counting.rate_id().as_str().to_owned();
            let before = self.rates.take(&key);
            let before = before.map(|(at, rate)| rate::Due { rate, at });
            let (due, _) = rate::count_all(before, &[&counting], &LOG, self.now);
            self.rates.put(key, due.at, due.rate);
        }
    }

    /// What alerts hold back of an entry's events.
    fn firing(&self, events: &[Event]) -> Firing {
        let awaited = Awaited::by(self.rules, &self.rate_groups, events, self.now);
        let fires = |rate: &RateGroup| {
            let rate = self.rates.get(rate_id(rate).as_str());
            rate.map(Rate::is_firing)
        };
        Firing::of(awaited, fires)
    }

    /// What the rules want told, what of it is held back by alerts that fire and by throttles, and which events alerts
    /// hold back.
    fn let_through(
        &mut self,
        events: &[Event],
        holds: &Holds,
        firing: &Firing,
        origin: Origin<'_>,
    ) -> (Vec<RuleMatch>, Vec<HeldBack>, Vec<(RateGroup, EventId)>) {
        let rules = self.rules;
        let throttled = events.iter().flat_map(|event| rules.throttled(event));
        self.throttles.keep(throttled);
        let mut gate = Gate {
            firing: Some(firing),
            throttles: &mut self.throttles,
            origin,
            holds,
            now: self.now,
            by_alerts: Vec::new(),
        };
        let matches = |told: &Told| Ok::<_, Infallible>(rules.matches(events, told));
        let refuse = |wanted: &RuleMatch| gate.refuse(wanted, events);
        let Ok((wanted, refused)) = let_through(events, &mut self.told, matches, refuse);
        (wanted, refused, gate.by_alerts)
    }

    /// What was made since this was asked last, in order.
    pub fn take_made(&mut self) -> Vec<Rehearsed> {
        std::mem::take(&mut self.made)
    }

    fn holds(&self) -> Holds {
        let others = self.windows.map(|rules| rules.open_windows(self.now));
        let mut windows = self.rules.open_windows(self.now);
        windows.extend(others.into_iter().flatten());
        let mut holds = Holds::of_windows(windows);
        let began = |silence: &&PastSilence| silence.since <= self.now;
        for silence in self.silences.iter().filter(began) {
            let hold_back = Arc::clone(&silence.hold_back);
            holds.add(Hold::of_silence(&silence.id, silence.until, hold_back));
        }
        holds
    }

    /// Remembers what later events ask for: whether a rule told of an event to which they add a detail, and of
    /// which messages.
    fn note(&mut self, wanted: &RuleMatch, events: &[Event]) {
        for event in wanted.events.iter().filter_map(|at| events.get(*at)) {
            if can_be_refined(event) {
                let RuleMatch {
                    rule,
                    sink,
                    overrides,
                    ..
                } = wanted;
                self.told.add(rule, sink, overrides, &event.event_id);
            }
        }
        self.note_once(wanted, events);
    }

    fn note_once(&mut self, wanted: &RuleMatch, events: &[Event]) {
        if wanted.is_once {
            for message in wanted
                .events
                .iter()
                .filter_map(|at| message_of(events.get(*at)?))
            {
                self.told.add_message(&wanted.rule, message);
            }
        }
    }

    /// Puts events into the group in which their rule gathers them.
    fn gather(&mut self, wanted: RuleMatch, position: &LogPosition, events: Vec<Event>) {
        let holds = self.holds();
        let held_back = events
            .iter()
            .filter(|event| holds.hold(&wanted, event, self.now));
        let mut folded = Fold {
            held_back: held_back.map(|event| event.event_id.clone()).collect(),
            wanted,
            position: position.clone(),
            events,
            known: Vec::new(),
        };
        let id = folded.group_id();
        let (before, mut known) = match self.groups.take(id.as_str()) {
            Some((at, gathered)) => {
                let group = gathered.group;
                (Some(group::Due { group, at }), gathered.known)
            }
            None => (None, Vec::new()),
        };
        folded.known.clone_from(&known);
        known.extend(
            folded
                .events
                .iter()
                .filter(|event| can_be_refined(event))
                .map(|event| event.event_id.clone()),
        );
        if let Some(group::Due { group, at }) = group::fold(before, &folded, &LOG, self.now) {
            let key = id.as_str().to_owned();
            self.groups.put(key, at, Gathered { id, group, known });
        }
    }

    /// Does what is to be done for the group that is due first.
    fn tell_group(&mut self) {
        let Some((key, mut gathered)) = self.groups.take_first() else {
            return;
        };
        let next = match group::decide(gathered.group.clone(), self.now) {
            group::Decision::Tell(group, next) => {
                let mut parted = of_group_parted(&gathered.id, &group, &self.holds(), self.now);
                if let Some((_, reason @ None)) = parted.first_mut() {
                    self.throttles.keep(group.throttled());
                    *reason = self.throttles.refuses_group(&gathered.id, &group, self.now);
                }
                for (notification, reason) in parted {
                    self.make(&group.sink, notification, reason);
                }
                next
            }
            group::Decision::Rest(next) => next,
            group::Decision::Remove => return,
        };
        gathered.group = next.group;
        self.groups.put(key, next.at, gathered);
    }

    /// Does what is to be done for the rate that is due first.
    fn judge_rate(&mut self) {
        let Some((key, rate)) = self.rates.take_first() else {
            return;
        };
        let rule = rate.rule.clone();
        let rate::Decision {
            after,
            alert,
            repeated,
        } = rate::decide(rate, self.now);
        if let Some(rate::Due { rate, at }) = after {
            self.rates.put(key.clone(), at, rate);
        }
        if let Some(alert) = alert {
            let event = alert_event(&rule, &key, alert, repeated, self.provider, self.now);
            self.route(&[event]);
        }
    }

    fn make(&mut self, sink: &str, notification: Notification, held_back: Option<Arc<str>>) {
        self.made.push(Rehearsed {
            at: self.now,
            sink: sink.to_owned(),
            notification,
            held_back,
        });
    }
}

fn message_of(event: &Event) -> Option<&MessageId> {
    event.message.message_id.as_ref()
}

/// Whether a later event can add a detail to this one.
fn can_be_refined(event: &Event) -> bool {
    let current = event.current.as_ref();
    event.kind == EventKind::StatusChanged
        && current.is_some_and(|current| current.detailed_status.is_none())
}

/// Things by their names, and when each is due.
#[derive(Debug)]
struct Kept<T> {
    things: HashMap<String, (Timestamp, T)>,
    due: BTreeSet<(Timestamp, String)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            things: HashMap::new(),
            due: BTreeSet::new(),
        }
    }
}

impl<T> Kept<T> {
    fn first_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    fn get(&self, key: &str) -> Option<&T> {
        self.things.get(key).map(|(_, thing)| thing)
    }

    fn take_first(&mut self) -> Option<(String, T)> {
        let (_, key) = self.due.pop_first()?;
        let (_, thing) = self.things.remove(&key)?;
        Some((key, thing))
    }

    fn take(&mut self, key: &str) -> Option<(Timestamp, T)> {
        let (due, thing) = self.things.remove(key)?;
        self.due.remove(&(due, key.to_owned()));
        Some((due, thing))
    }

    fn put(&mut self, key: String, due: Timestamp, thing: T) {
        self.due.insert((due, key.clone()));
        self.things.insert(key, (due, thing));
    }
}
