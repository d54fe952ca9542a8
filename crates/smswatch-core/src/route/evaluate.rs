//! Asks the rules what log entries are worth telling.

use std::collections::{BTreeSet, HashMap};
use std::error::Error as _;

use smswatch_model::{Event, EventId, MessageId, Timestamp};
use smswatch_plugin::traces::TraceSpan;

use super::Route;
use super::poison::Problem;
use super::{poison, told, traced};
use crate::codec;
use crate::firing::{Awaited, Firing};
use crate::group::Fold;
use crate::let_through::{Gate, kind, let_through};
use crate::marks::Marks;
use crate::metrics::observe;
use crate::notification;
use crate::panics::without_panic;
use crate::rate::{Counting, countings};
use crate::rules::{RateGroup, RuleMatch, Rules, Told};
use crate::silences::Holds;
use crate::stats::News;
use crate::store::{LogEntry, LogPosition, MAX_STEP_BYTES, NewDelivery, SetAside, StoreError};
use crate::taken::Source;
use crate::throttles::{Origin, TRIES, Throttles};

/// What an entry tells.
pub(super) enum Body {
    /// As the log holds it.
    Stored(Vec<u8>),
    /// As it was before it was written.
    Fresh(Vec<Event>),
}

/// What becomes of an entry.
pub(super) struct Evaluated {
    pub(super) position: LogPosition,
    pub(super) deliveries: Vec<NewDelivery>,
    /// What goes into groups.
    pub(super) folds: Vec<Fold>,
    /// What is counted in rates.
    pub(super) countings: Vec<Counting>,
    /// The rules that tell of each message once and told of these in this entry.
    pub(super) told_once: Vec<(MessageId, String)>,
    /// The entry itself, where it cannot be routed.
    pub(super) set_aside: Option<SetAside>,
    /// What it adds to the figures of what became of messages.
    pub(super) news: Option<News>,
    /// The steps that are told of it once it is routed.
    pub(super) spans: Vec<TraceSpan>,
}

/// About how many bytes it takes to mark something of a message.
const MARK: usize = 512;

impl Evaluated {
    /// The rules that fired.
    pub(super) fn fired(&self) -> BTreeSet<String> {
        let at_once = self.deliveries.iter().map(|delivery| &delivery.rule);
        let grouped = self.folds.iter().map(|fold| &fold.wanted.rule);
        at_once.chain(grouped).cloned().collect()
    }

    /// How many bytes of a step it takes.
    pub(super) fn bytes(&self) -> usize {
        let aside = self.set_aside.as_ref();
        self.deliveries
            .iter()
            .map(NewDelivery::bytes)
            .sum::<usize>()
            + aside.map_or(0, |aside| aside.body.len() + aside.error.len())
            + self
                .told_once
                .iter()
                .map(|(_, rule)| MARK + rule.len())
                .sum::<usize>()
            + (self.folds.len() + self.countings.len()) * MARK
    }
}

/// The stored form of an entry, and why it cannot be routed.
type Unroutable = (Vec<u8>, Problem);

/// An entry whose events are to be routed.
type Readable = Result<Vec<Event>, Unroutable>;

/// Evaluates entries that follow one another behind `settled`, each by itself, so that one that cannot be routed takes no
/// other with it. What is told of one of them counts as told before for the next. Also returns the marks of the
/// messages of which rules keep marks, as they were before. `None` if another process has routed them, as throttles know;
/// that is not asked where it `is_certain` that nothing beyond `settled` is.
///
/// # Errors
///
/// It cannot be read from the store what was told before.
pub(super) async fn all(
    stage: &Route,
    source: &Source,
    (settled, is_certain): (&LogPosition, bool),
    entries: Vec<(LogPosition, Body)>,
    now: Timestamp,
) -> Result<Option<(Vec<Evaluated>, Marks)>, StoreError> {
    let mut news = Vec::with_capacity(entries.len());
    let entries: Vec<(LogPosition, Readable)> = entries
        .into_iter()
        .map(|(position, body)| {
            let readable = readable(body).map(|mut events| {
                news.push(News::of(&events));
                events.retain(|event| !event.backfill);
                events
            });
            if readable.is_err() {
                news.push(None);
            }
            (position, readable)
        })
        .collect();
    for events in entries
        .iter()
        .filter_map(|(_, events)| events.as_ref().ok())
    {
        stage.traffic.add(events, now);
        for event in events {
            let lag = now.since(event.detected_at).as_secs_f64();
            let trace = stage.context.traces.of(event);
            observe(&stage.context.metrics.route_lag_seconds, lag, trace);
        }
    }
    // A reload between two calls must not change what the answers mean.
    let rules = stage.rules.get();
    let events = || entries.iter().flat_map(|(_, events)| events).flatten();
    let marked = events().filter(|event| rules.keeps_marks(event));
    let marked = marked.filter_map(|event| event.message.message_id.clone());
    let mut marks = Marks::read(&stage.context, source.shard(), &marked.collect()).await?;
    let asked = told::asked_of(events());
    let is_asked = !asked.is_empty();
    let (told, untold) = told::of(&stage.context, asked, &marks).await?;
    for (delivery, event) in &untold {
        marks.forget(delivery, event);
    }
    let holds = stage.silences.holds(&stage.context).await;
    let awaited = entries.iter().filter_map(|(position, events)| {
        let events = events.as_ref().ok()?;
        let awaited = Awaited::by(&*rules, &stage.rate_groups, events, now);
        (!awaited.is_empty()).then(|| (position.clone(), awaited))
    });
    let firing = Firing::read(&stage.context, source, awaited.collect()).await?;
    let step = Step {
        stage,
        source,
        settled,
        is_certain,
        rules: &*rules,
        marks: &marks,
        holds: &holds,
        firing: &firing,
        is_asked,
        now,
    };
    let mut throttles = Throttles::of(&*rules, events());
    for _ in 0..TRIES {
        throttles.read(&stage.context).await?;
        let mut evaluated = step.evaluate_all(&entries, told.clone(), &mut throttles);
        if throttles.is_late() {
            return Ok(None);
        }
        if throttles.write(&stage.context, now).await? {
            for (evaluated, news) in evaluated.iter_mut().zip(news) {
                evaluated.news = news;
            }
            return Ok(Some((evaluated, marks)));
        }
    }
    let why = "others change the throttles all the time".to_owned();
    Err(StoreError::Unavailable(why))
}

/// What all entries of a step are evaluated with.
struct Step<'a> {
    stage: &'a Route,
    source: &'a Source,
    /// Up to where all of the source is routed.
    settled: &'a LogPosition,
    is_certain: bool,
    rules: &'a dyn Rules,
    marks: &'a Marks,
    holds: &'a Holds,
    /// What alerts hold back of the entries of which they may.
    firing: &'a HashMap<LogPosition, Firing>,
    /// Whether it matters to later entries what is told of one.
    is_asked: bool,
    now: Timestamp,
}

impl Step<'_> {
    fn evaluate_all(
        &self,
        entries: &[(LogPosition, Readable)],
        mut told: Told,
        throttles: &mut Throttles,
    ) -> Vec<Evaluated> {
        let entries = entries.iter();
        let evaluated = entries.map(|(position, events)| {
            let routed = events.as_deref().map_err(Clone::clone);
            let routed = routed.and_then(|events| {
                let before = match self.source {
                    Source::Log(_) => Some(position),
                    Source::Left(_) => None,
                };
                note_used_up(&mut told, self.marks, events, before);
                let routed = self.evaluate(position, events, &mut told, throttles)?;
                Ok((events, routed))
            });
            match routed {
                Ok((events, routed)) => {
                    routed.note(&mut told, events, self.is_asked);
                    let groups = &self.stage.rate_groups;
                    let mut countings = countings(groups, self.rules, position, events, self.now);
                    if let Some(firing) = self.firing.get(position) {
                        firing.count(&mut countings, &routed.by_alerts, position);
                    }
                    Evaluated {
                        countings,
                        spans: traced::spans(
                            &self.stage.context,
                            events,
                            &routed.deliveries,
                            routed.grouped.len(),
                            self.now,
                        ),
                        ..routed.of_entry(position.clone(), events, self)
                    }
                }
                Err((body, problem)) => set_aside(position.clone(), body, &problem),
            }
        });
        evaluated.collect()
    }

    /// What the rules make of an entry; its stored form and what is wrong with it where they make nothing.
    fn evaluate(
        &self,
        position: &LogPosition,
        events: &[Event],
        told: &mut Told,
        throttles: &mut Throttles,
    ) -> Result<Routed, Unroutable> {
        let source = self.source.key(position);
        let origin = Origin {
            source: &source,
            settled: self.settled,
            is_certain: self.is_certain,
            position,
        };
        let unroutable = |error| {
            let is_newer = false;
            (codec::encode_events(events), Problem { error, is_newer })
        };
        let mut gate = Gate {
            firing: self.firing.get(position),
            throttles,
            origin,
            holds: self.holds,
            now: self.now,
            by_alerts: Vec::new(),
        };
        let matches = |told: &Told| without_panic(|| self.rules.matches(events, told));
        let refuse = |rule_match: &RuleMatch| gate.refuse(rule_match, events);
        let (matches, refused) = let_through(events, told, matches, refuse).map_err(unroutable)?;
        let by_alerts = gate.by_alerts;
        let (rules, now) = (self.rules, self.now);
        let routed = without_panic(|| {
            let matches = matches.iter().cloned();
            let (grouped, at_once): (Vec<_>, Vec<_>) =
                matches.partition(|rule_match| rule_match.gathering.is_some());
            // What goes into a group is judged when the group is told; by now it only matters who gives way there.
            let (at_once, mut held_back) = self.holds.part(at_once, events, now);
            held_back.extend(refused.iter().cloned());
            let mut deliveries = notification::deliveries(rules, &at_once, events, now);
            let held_back = notification::held_back(rules, &held_back, events, now);
            deliveries.extend(held_back);
            Routed {
                at_once,
                deliveries,
                grouped,
                by_alerts: by_alerts.clone(),
            }
        });
        let routed = routed.map_err(unroutable)?;
        let bytes = routed.deliveries.iter().map(NewDelivery::bytes);
        // What goes into a group does so before the cursor moves, as do the first parts of what is too much for one step.
        let goes_before = !routed.grouped.is_empty() || bytes.sum::<usize>() > MAX_STEP_BYTES;
        if goes_before && !refused.is_empty() {
            let refused = refused.iter();
            let refused = refused.map(|(rule_match, _)| (rule_match, kind(rule_match, events)));
            throttles.remember(refused, origin, now);
        }
        Ok(routed)
    }
}

/// An entry that cannot be routed.
fn set_aside(position: LogPosition, body: Vec<u8>, problem: &Problem) -> Evaluated {
    let entry = LogEntry {
        position: position.clone(),
        body,
    };
    Evaluated {
        position,
        deliveries: Vec::new(),
        folds: Vec::new(),
        countings: Vec::new(),
        told_once: Vec::new(),
        set_aside: Some(poison::set_aside(entry, problem)),
        news: None,
        spans: Vec::new(),
    }
}

/// Adds which rules told of the messages of `events` in earlier entries.
fn note_used_up(told: &mut Told, marks: &Marks, events: &[Event], position: Option<&LogPosition>) {
    for message in events
        .iter()
        .filter_map(|event| event.message.message_id.as_ref())
    {
        for rule in marks.used_up(message, position) {
            told.add_message(rule, message);
        }
    }
}

fn readable(body: Body) -> Readable {
    let events = match body {
        Body::Fresh(events) => events,
        Body::Stored(body) => match codec::decode_events(&body) {
            Ok(events) => events,
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}"));
                let problem = Problem {
                    error: format!("{error}{}", cause.unwrap_or_default()),
                    is_newer: error.is_newer(),
                };
                return Err((body, problem));
            }
        },
    };
    Ok(events)
}

/// What rules want told of an entry.
pub(super) struct Routed {
    /// At once, with the deliveries that do it.
    at_once: Vec<RuleMatch>,
    pub(super) deliveries: Vec<NewDelivery>,
    /// In groups.
    pub(super) grouped: Vec<RuleMatch>,
    /// The events that were held back because the alerts of these rates fire.
    by_alerts: Vec<(RateGroup, EventId)>,
}

impl Routed {
    /// Adds what the next entries count as told: what went into a group still waits there, and an event with more
    /// detail takes its place.
    fn note(&self, told: &mut Told, events: &[Event], is_asked: bool) {
        for rule_match in &self.at_once {
            let events = rule_match.events.iter().filter_map(|at| events.get(*at));
            for event in events.filter(|_| is_asked) {
                let RuleMatch {
                    rule,
                    sink,
                    overrides,
                    ..
                } = rule_match;
                told.add(rule, sink, overrides, &event.event_id);
            }
        }
        for (message, rule) in self.told_once(events) {
            told.add_message(&rule, &message);
        }
    }

    /// The rules that tell of each message once and tell of these now, each once.
    fn told_once(&self, events: &[Event]) -> Vec<(MessageId, String)> {
        let mut told: Vec<(MessageId, String)> = Vec::new();
        let once = self.at_once.iter().chain(&self.grouped);
        for rule_match in once.filter(|rule_match| rule_match.is_once) {
            let events = rule_match.events.iter().filter_map(|at| events.get(*at));
            let messages = events.filter_map(|event| event.message.message_id.clone());
            told.extend(messages.map(|message| (message, rule_match.rule.clone())));
        }
        told.dedup();
        told
    }

    fn of_entry(self, position: LogPosition, events: &[Event], step: &Step<'_>) -> Evaluated {
        let told_once = self.told_once(events);
        let mut folds: Vec<Fold> = Vec::with_capacity(self.grouped.len());
        for wanted in self.grouped {
            let events = wanted.events.iter().filter_map(|at| events.get(*at));
            let events: Vec<Event> = events.cloned().collect();
            let is_held_back = |event: &&Event| step.holds.hold(&wanted, event, step.now);
            let held_back = events.iter().filter(is_held_back);
            let fold = Fold {
                position: position.clone(),
                known: step.marks.known_in(&wanted, &events),
                held_back: held_back.map(|event| event.event_id.clone()).collect(),
                wanted,
                events,
            };
            // A group takes an entry once: what rules want of it in several matches goes in together.
            let id = fold.group_id();
            match folds.iter_mut().find(|known| known.group_id() == id) {
                Some(known) => {
                    known.events.extend(fold.events);
                    known.held_back.extend(fold.held_back);
                }
                None => folds.push(fold),
            }
        }
        Evaluated {
            deliveries: self.deliveries,
            folds,
            countings: Vec::new(),
            told_once,
            set_aside: None,
            news: None,
            spans: Vec::new(),
            position,
        }
    }
}
