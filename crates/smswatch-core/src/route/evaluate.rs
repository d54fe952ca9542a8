//! Asks the rules what log entries are worth telling.

use std::error::Error as _;

use smswatch_model::{Event, Timestamp};

use super::Route;
use super::poison::Problem;
use super::{poison, told};
use crate::codec;
use crate::notification;
use crate::rules::{RuleMatch, Told};
use crate::silences::Holds;
use crate::store::{LogEntry, LogPosition, NewDelivery, SetAside, StoreError};

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
    /// The entry itself, where it cannot be routed.
    pub(super) set_aside: Option<SetAside>,
}

impl Evaluated {
    /// How many bytes of a step it takes.
    pub(super) fn bytes(&self) -> usize {
        let aside = self.set_aside.as_ref();
        self.deliveries
            .iter()
            .map(NewDelivery::bytes)
            .sum::<usize>()
            + aside.map_or(0, |aside| aside.body.len() + aside.error.len())
    }
}

/// An entry whose events are to be routed, or its stored form and why they cannot be.
type Readable = Result<Vec<Event>, (Vec<u8>, Problem)>;

/// Evaluates entries that follow one another, each by itself, so that one that cannot be routed takes no
/// other with it. What is told of one of them counts as told before for the next.
///
/// # Errors
///
/// It cannot be read from the store what was told before.
pub(super) async fn all(
    stage: &Route,
    entries: Vec<(LogPosition, Body)>,
    now: Timestamp,
) -> Result<Vec<Evaluated>, StoreError> {
    let entries: Vec<(LogPosition, Readable)> = entries
        .into_iter()
        .map(|(position, body)| (position, readable(body)))
        .collect();
    let events = entries.iter().flat_map(|(_, events)| events).flatten();
    let asked = told::asked_of(events);
    let mut told = told::of(&stage.context, asked).await?;
    let holds = stage.silences.holds(&stage.context).await;
    let evaluated = entries.into_iter().map(|(position, events)| {
        match events.and_then(|events| evaluate(stage, &events, told.as_mut(), &holds, now)) {
            Ok(deliveries) => Evaluated {
                position,
                deliveries,
                set_aside: None,
            },
            Err((body, problem)) => {
                let entry = LogEntry {
                    position: position.clone(),
                    body,
                };
                Evaluated {
                    position,
                    deliveries: Vec::new(),
                    set_aside: Some(poison::set_aside(entry, &problem)),
                }
            }
        }
    });
    Ok(evaluated.collect())
}

fn readable(body: Body) -> Readable {
    let mut events = match body {
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
    events.retain(|event| !event.backfill);
    Ok(events)
}

/// The deliveries of an entry; its stored form and what is wrong with it where there can be none.
/// Where `told` is there it is completed.
fn evaluate(
    stage: &Route,
    events: &[Event],
    told: Option<&mut Told>,
    holds: &Holds,
    now: Timestamp,
) -> Result<Vec<NewDelivery>, (Vec<u8>, Problem)> {
    for event in events {
        let lag = now.since(event.detected_at);
        stage
            .context
            .metrics
            .route_lag_seconds
            .observe(lag.as_secs_f64());
    }
    let nothing = Told::default();
    let known = told.as_deref().unwrap_or(&nothing);
    let routed = poison::without_panic(|| {
        let matches = stage.rules.matches(events, known);
        let (matches, held_back) = holds.part(matches, events, now);
        let mut deliveries = notification::deliveries(&*stage.rules, &matches, events, now);
        let held_back = notification::held_back(&*stage.rules, &held_back, events, now);
        deliveries.extend(held_back);
        (matches, deliveries)
    });
    let (matches, deliveries) = routed.map_err(|error| {
        let is_newer = false;
        (codec::encode_events(events), Problem { error, is_newer })
    })?;
    if let Some(told) = told {
        for rule_match in &matches {
            let RuleMatch {
                rule,
                sink,
                overrides,
                ..
            } = rule_match;
            let events = rule_match.events.iter().filter_map(|at| events.get(*at));
            for event in events {
                told.add(rule, sink, overrides, &event.event_id);
            }
        }
    }
    Ok(deliveries)
}
