//! Finds what is wrong: parts in trouble, alerts that fire, sinks that are down, dead letters.

use maud::{Markup, html};
use serde_json::{Map, Value};
use smswatch_api::health::{QueueReply, ReadyReply};
use smswatch_api::sinks::{SinkReply, SinkState};
use smswatch_model::{Alert, Event, Fault, Timestamp};

use super::cause;
use super::coming::{borrowed, fields, groups, late, stuck};
use super::wrong::{Level, Wrong};
use super::{Known, Now};
use crate::{link, matching, words};

/// Everything that is wrong, in no particular order.
pub(super) fn all(now: &Now, at: Timestamp) -> Vec<Wrong> {
    let mut wrong = parts(&now.health, now.known.as_ref());
    if let Some(known) = &now.known {
        wrong.extend(known.firing.iter().filter_map(|event| firing(event, known)));
        for sink in &known.sinks {
            let queue = known
                .status
                .queues
                .iter()
                .find(|queue| queue.sink == sink.sink);
            wrong.extend(troubled(sink, queue, at));
        }
        wrong.extend(known.status.queues.iter().filter_map(dead));
        wrong.extend(set_aside(known));
        wrong.extend(stuck(&known.stuck));
        let polling = now.health.parts.get("polling");
        wrong.extend(late(
            known.lag_seconds,
            polling.is_some_and(|part| !part.ok),
        ));
        wrong.extend(groups(&known.groups, at));
    }
    wrong
}

/// The parts of the process that are in trouble, without those sinks that tell more of themselves.
fn parts(health: &ReadyReply, known: Option<&Known>) -> Vec<Wrong> {
    let tells_more = |name: &str| {
        let sink = name.strip_prefix("sink:");
        let sinks = known.map_or(&[][..], |known| &known.sinks);
        sink.is_some_and(|name| {
            sinks
                .iter()
                .any(|sink| sink.sink == name && sink.state != SinkState::Delivering)
        })
    };
    let parts = health
        .parts
        .iter()
        .filter(|(name, part)| !part.ok && !tells_more(name));
    let wrong = parts.map(|(name, part)| {
        let (level, what) = match name.split(':').next().unwrap_or_default() {
            "store" => (Level::Critical, "The store cannot be used"),
            "provider" => (Level::Critical, "The provider does not answer as it should"),
            "polling" => (Level::Critical, "Polling is behind"),
            "callbacks" => (Level::Warning, "Callbacks do not arrive"),
            "sweep" => (Level::Warning, "A sweep fails"),
            "replicas" => (Level::Warning, "The replicas do not agree"),
            "contents" => (
                Level::Warning,
                "The store holds what this version cannot read",
            ),
            "heartbeat" => (Level::Warning, "The heartbeat does not arrive"),
            "configuration" => (Level::Warning, "The configuration file is not in force"),
            _ => {
                let trouble =
                    words::paragraph(part.trouble.as_deref().unwrap_or("it is in trouble"));
                let name = name.strip_prefix("sink:").unwrap_or(name);
                return Wrong::new(
                    Level::Warning,
                    html! { (words::line(name)) " is in trouble" },
                )
                .fact(trouble);
            }
        };
        let wrong = Wrong::new(level, html! { (what) });
        match &part.trouble {
            Some(trouble) => wrong.fact(words::paragraph(trouble)),
            None => wrong,
        }
    });
    wrong.collect()
}

/// An alert that fires.
fn firing(event: &Event, known: &Known) -> Option<Wrong> {
    let alert = event.alert.as_ref()?;
    let rule = event
        .about
        .as_ref()
        .map_or("an alert", |about| about.name.as_str());
    let what = html! {
        (words::line(rule)) " fires"
        @for (key, value) in &alert.by { ": " (key) " " strong { (words::line(value)) } }
    };
    let figures = html! { strong { (alert.figures()) } ", over " (alert.window) };
    let mut wrong = Wrong::new(Level::Critical, what)
        .since(Some(alert.started_at))
        .fact(figures);
    let failures = cause::failures(alert, &known.latest);
    let is_fault_told = failures.is_some();
    wrong.facts.extend(failures);
    wrong.facts.extend(in_common(alert));
    if let Some(usual) = alert.usual {
        wrong = wrong.fact(html! { "usual at this hour: " (usual) " %" });
    }
    if alert.held_back > 0 {
        let held_back = words::count(alert.held_back, "event was", "events were");
        wrong = wrong.fact(html! { (held_back) " held back while it fires" });
    }
    let wrong = match event.fault {
        _ if is_fault_told => wrong,
        Some(Fault::None) | None => wrong,
        Some(fault) => wrong.fact(html! { "at fault: the " (fault.as_str()) }),
    };
    let of_rule = link::query("/deliveries", [("rule", rule)]);
    let told = cause::told(rule, alert, &known.told.deliveries);
    let wrong = told.into_iter().fold(wrong, Wrong::fact);
    Some(
        wrong
            .link("Messages that failed", failed(alert))
            .link("Who was told", of_rule)
            .go("Silence it…", silence(rule, alert)),
    )
}

/// The messages that an alert is about, as far as a search can name them.
fn failed(alert: &Alert) -> String {
    let known = fields(&alert.by);
    let known = known.iter().map(borrowed);
    link::query(
        "/messages",
        [("outcome", "failed")].into_iter().chain(known),
    )
}

/// The form for a silence of an alert. It holds back that it is resolved, too.
fn silence(rule: &str, alert: &Alert) -> String {
    let mut matching = Map::from_iter([
        ("rule".to_owned(), Value::from(rule)),
        ("event".to_owned(), Value::from("rate")),
    ]);
    // A value that begins like this would be a pattern.
    let by = alert.by.iter();
    let by = by.filter(|(_, value)| !value.is_empty() && !value.starts_with(['!', '/']));
    matching.extend(by.map(|(key, value)| (key.clone(), Value::from(value.as_str()))));
    let matching = matching::write(&matching);
    link::query("/silences/new", [("match", matching.as_str())])
}

/// What the failures of an alert share.
fn in_common(alert: &Alert) -> Option<Markup> {
    let common = alert.common.iter().take(4);
    let common: Vec<Markup> = common
        .map(|common| {
            html! {
                (common.count) " of " (common.of) " have " (words::line(&common.key)) " "
                strong { (words::line(&common.value)) } ", as " (common.percent_of_traffic) " % of all messages do"
            }
        })
        .collect();
    (!common.is_empty()).then(|| {
        html! { "in common: " @for (index, fact) in common.iter().enumerate() { @if index > 0 { "; " } (fact) } }
    })
}

/// A sink that does not take deliveries, or not all of them.
fn troubled(sink: &SinkReply, queue: Option<&QueueReply>, at: Timestamp) -> Option<Wrong> {
    let name = words::line(&sink.sink);
    let wrong = match &sink.state {
        SinkState::Paused => Wrong::new(Level::Note, html! { "Sink " (name) " is paused" })
            .since(sink.paused_since)
            .press("Resume", link::path("/sinks", &sink.sink, "/resume")),
        SinkState::Open => {
            let wrong = Wrong::new(Level::Critical, html! { "Sink " (name) " is down" });
            let wrong = wrong
                .since(sink.open_since)
                .press("Try now", link::path("/sinks", &sink.sink, "/resume"));
            match &sink.open_reason {
                Some(reason) => wrong.fact(words::paragraph(reason)),
                None => wrong,
            }
        }
        SinkState::Held => {
            let wrong = Wrong::new(Level::Warning, html! { "Sink " (name) " wants a break" });
            match sink.held_until {
                Some(until) => wrong.fact(html! { "until " (words::at(until)) }),
                None => wrong,
            }
        }
        _ if !sink.destinations.is_empty() => Wrong::new(
            Level::Warning,
            html! { "Sink " (name) " does not reach all destinations" },
        ),
        _ => return None,
    };
    let wrong = sink.destinations.iter().fold(wrong, |wrong, destination| {
        wrong.fact(html! { (words::line(&destination.destination)) ": " (words::paragraph(&destination.trouble)) })
    });
    Some(match queue.filter(|queue| queue.pending > 0) {
        Some(queue) => {
            let pending = [("state", "pending"), ("sink", queue.sink.as_str())];
            wrong
                .fact(waiting(queue, at))
                .link("What waits", link::query("/deliveries", pending))
        }
        None => wrong,
    })
}

/// `6 deliveries wait, the oldest for 12 min`.
fn waiting(queue: &QueueReply, at: Timestamp) -> Markup {
    html! {
        (words::count(queue.pending, "delivery waits", "deliveries wait"))
        @if let Some(oldest) = queue.oldest {
            ", the oldest for " (words::span(at.since(oldest).as_secs()))
        }
    }
}

/// What was given up for a sink.
fn dead(queue: &QueueReply) -> Option<Wrong> {
    if queue.dead == 0 {
        return None;
    }
    let dead = words::count(queue.dead, "dead letter", "dead letters");
    let wrong = Wrong::new(
        Level::Warning,
        html! { (dead) " for " (words::line(&queue.sink)) },
    );
    let letters = [("state", "dead"), ("sink", queue.sink.as_str())];
    let wrong = wrong.since(queue.dead_since).link(
        "See why, and send again",
        link::query("/deliveries", letters),
    );
    Some(match &queue.dead_reason {
        Some(reason) => wrong.fact(html! { "the last reason: " (words::paragraph(reason)) }),
        None => wrong,
    })
}

/// Log entries that could not be routed.
fn set_aside(known: &Known) -> Option<Wrong> {
    let count = known.status.set_aside;
    let entries = words::count(count, "log entry", "log entries");
    let wrong = Wrong::new(Level::Warning, html! { (entries) " could not be routed" });
    let wrong = wrong.fact(html! { a href="/v1/set-aside" { "Their errors" } });
    (count > 0).then_some(wrong)
}
