//! Tells that a sink, or a destination of it, went down or works again: in the log, in the health report
//! and as events.

use smswatch_model::{Event, EventKind, Timestamp, derived_event_id};

use super::super::{Circuit, Destination, News};
use super::{Breaker, Flow};
use crate::context::Context;
use crate::event::own_event;
use crate::spoken::spoken;

/// What others are to be told of the sink, and of its destinations.
pub(super) type AllNews = Vec<(Option<Destination>, News)>;

/// A destination of a sink whose deliveries wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationState {
    /// What a rule asked of the sink, for people.
    pub destination: String,
    /// Since when its breaker is open.
    pub open_since: Option<Timestamp>,
    /// Why they wait, for people.
    pub trouble: String,
}

impl Breaker {
    /// Tells those who wait for it since when the receiver takes nothing, and the log what is new about it.
    pub(super) fn publish(&self, before: &Circuit, view: &Circuit, now: Timestamp) {
        let absence = view.absence(now);
        self.absence
            .send_if_modified(|known| std::mem::replace(known, absence) != absence);
        self.changes(before, view, "", now);
        for (key, destined) in view.destinations() {
            let to = format!(" for {}", destined.words);
            let unknown = Circuit::default();
            self.changes(
                before.of(key).unwrap_or(&unknown),
                &destined.circuit,
                &to,
                now,
            );
        }
    }

    /// Logs that the breaker of the sink, or of the destination `to`, opened or closed.
    fn changes(&self, before: &Circuit, after: &Circuit, to: &str, now: Timestamp) {
        let sink = &self.sink;
        match (before.open_since(), after.open_since()) {
            (None, Some(_)) => {
                let reason = after.open_reason().unwrap_or_default();
                tracing::warn!("sink `{sink}` is down{to}: {reason}");
            }
            (Some(since), None) => {
                let after = spoken(now.since(since));
                tracing::info!("sink `{sink}` works again{to} after {after}");
            }
            _ => {}
        }
    }

    /// Tells the health report how the sink is, and its destinations, by what the attempts of all
    /// processes said.
    pub(super) fn report_health(&self, context: &Context, now: Timestamp) {
        let mut known = self.known();
        let troubles = [known.view.trouble(now), self.refusals.trouble()];
        let troubles: Vec<String> = troubles.into_iter().flatten().collect();
        match troubles.is_empty() {
            true => context.health.well(&self.part),
            false => context.health.trouble(&self.part, &troubles.join("; ")),
        }
        let mut told = std::mem::take(&mut known.told);
        told.retain(|key| {
            let is_in_trouble = known
                .view
                .of(key)
                .is_some_and(|of| of.trouble(now).is_some());
            if !is_in_trouble {
                context.health.forget(&self.part_of(key));
            }
            is_in_trouble
        });
        for (key, destined) in known.view.destinations() {
            if let Some(trouble) = destined.circuit.trouble(now) {
                let trouble = format!("{}: {trouble}", destined.words);
                context.health.trouble(&self.part_of(key), &trouble);
                told.insert(key.to_owned());
            }
        }
        known.told = told;
    }

    /// The name of a destination in the health report. What it is stands in its trouble, which not
    /// everybody is shown.
    fn part_of(&self, key: &str) -> String {
        format!("{}/{}", self.part, &key[..key.len().min(6)])
    }

    /// The event that the sink, or a destination of it, went down or works again.
    pub(super) fn event(
        &self,
        destination: Option<&Destination>,
        news: News,
        provider: &str,
        now: Timestamp,
    ) -> Event {
        let subject = match destination {
            Some(destination) => format!("{} {}", self.sink, destination.key()),
            None => self.sink.clone(),
        };
        // The moment of the attempt that opened it stands in the note, by which its end finds this name.
        let down = |since, opening| derived_event_id(&subject, EventKind::SinkDown, since, opening);
        let own = |kind, text, n| own_event(kind, &subject, text, provider, now, n);
        let mut event = match news {
            News::Down {
                reason,
                since,
                opening,
            } => Event {
                event_id: down(since, opening),
                ..own(EventKind::SinkDown, reason, opening)
            },
            News::Recovered {
                since,
                opening,
                has_name,
            } => {
                let text = format!("it was down for {}", spoken(now.since(since)));
                Event {
                    ends: has_name.then(|| down(since, opening)),
                    ..own(EventKind::SinkRecovered, text, opening)
                }
            }
        };
        if let (Some(destination), Some(about)) = (destination, &mut event.about) {
            about.name.clone_from(&self.sink);
            about.destination = Some(destination.words().to_owned());
        }
        event
    }

    /// Counts events that were written, and has them routed.
    pub(super) fn announce(&self, context: &Context, events: &[Event]) {
        for event in events {
            context.metrics.count_event(event.kind);
        }
        if !events.is_empty() {
            self.log.hint_now(self.shard);
        }
    }

    /// The destinations that take nothing, by their keys, and since when.
    pub(crate) fn absent_destinations(&self, now: Timestamp) -> Vec<(String, Timestamp)> {
        let known = self.known();
        let absent = known.view.destinations().filter_map(|(key, destined)| {
            let absence = destined.circuit.absence(now)?;
            Some((key.to_owned(), absence.since))
        });
        absent.collect()
    }

    /// The destinations whose deliveries wait.
    pub(crate) fn held_destinations(&self, now: Timestamp) -> Vec<DestinationState> {
        let known = self.known();
        let held = known.view.destinations().filter_map(|(_, destined)| {
            let circuit = &destined.circuit;
            if matches!(circuit.flow(now), Flow::Open { .. }) {
                return None;
            }
            Some(DestinationState {
                destination: destined.words.clone(),
                open_since: circuit.open_since(),
                trouble: circuit.trouble(now).unwrap_or_default(),
            })
        });
        held.collect()
    }
}
