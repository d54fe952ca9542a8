//! The story of one message: a line of time with what happened to it, which rules made what of it, and who was told.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::{Map, Value};
use smswatch_api::deliveries::{DeliveryReply, DeliveryState};
use smswatch_api::watches::{RuleVerdictReply, TimelineReply, TriedEventReply, WatchState};
use smswatch_model::{Event, Outcome, Timestamp};

use crate::deliveries::state;
use crate::frame::{Frame, Place, page};
use crate::rules::try_address;
use crate::table::Column::Text;
use crate::table::heads;
use crate::{link, matching, words};

/// How many moments are shown: the first ones, and the latest ones.
const FIRST: usize = 10;
const LATEST: usize = 60;

/// Of how many of the latest events it is told why rules did not fire.
const EXPLAINED: usize = 4;

/// A moment of the story.
struct Moment {
    at: Timestamp,
    class: &'static str,
    what: Markup,
}

/// The page of one message.
#[must_use]
pub fn story(frame: &Frame, told: &TimelineReply<Event>) -> String {
    let watch = &told.watch;
    let id = watch.message_id.as_str();
    let mut moments = moments(told);
    moments.sort_by_key(|moment| moment.at);
    let body = html! {
        h1 { "Message " (words::line(id)) }
        (unreadable(told))
        dl.facts-of {
            dt { "State" }
            dd { span class=(format!("state {}", watch.outcome.as_str())) { (how(told)) } }
            (people(told))
            @if !watch.tags.is_empty() {
                dt { "Tags" }
                dd { @for (name, value) in watch.tags.iter().take(50) { div { (words::line(name)) "=" (words::line(value)) } } }
            }
            @if let Some(next) = watch.next_poll_at { dt { "Next poll" } dd { (words::at(next)) } }
            @if let Some(trouble) = &watch.trouble {
                dt { "Trouble" }
                dd {
                    (words::paragraph(&trouble.message)) ", "
                    (words::count(u64::from(trouble.polls), "poll", "polls")) " since " (words::since(trouble.since, frame.now))
                }
            }
        }
        @if frame.visitor.may_change {
            @if let Some(silence) = silence(told) { div.actions { a.button href=(silence) { "Silence messages like this…" } } }
        }
        (parts(told))
        h2 { "What happened" }
        ol.line {
            @for (index, moment) in moments.iter().enumerate() {
                @if index == FIRST && moments.len() > FIRST + LATEST {
                    li.note { (moments.len() - FIRST - LATEST) " more moments are left out here." }
                }
                @if index < FIRST || index + LATEST >= moments.len() {
                    li class=(moment.class) { (words::at(moment.at)) " " (moment.what) }
                }
            }
        }
        (why_not(told))
        (held_back(told))
    };
    page(
        frame,
        Place::Messages,
        &format!("Message {}", id.chars().take(60).collect::<String>()),
        body,
    )
}

fn how(told: &TimelineReply<Event>) -> String {
    let outcome = &told.watch.outcome;
    match &told.watch.state {
        WatchState::Watching => format!("{outcome}, watched"),
        WatchState::GaveUp => "gave up: no final status".to_owned(),
        WatchState::NotFound => "not known to the provider".to_owned(),
        _ => format!("{outcome}, final"),
    }
}

/// What this version cannot read, and what that means for what is shown.
fn unreadable(told: &TimelineReply<Event>) -> Markup {
    html! {
        @if told.watch.unreadable {
            p.wrong {
                "This version of smswatch cannot read the watch of this message: a later version wrote it, or it is damaged. "
                "Below stands what was told of it. The version that wrote it goes on with it."
            }
        }
        @if told.unreadable > 0 {
            p.wrong {
                (words::count(told.unreadable, "log entry", "log entries"))
                " about it cannot be read by this version, so what they tell is missing below."
            }
        }
    }
}

/// From whom to whom, as the newest event knows it.
fn people(told: &TimelineReply<Event>) -> Markup {
    let message = told.events.last().map(|tried| &tried.event.message);
    let rows = message.into_iter().flat_map(|message| {
        [
            ("From", &message.from),
            ("To", &message.to),
            ("Country", &message.country),
            ("Operator", &message.operator),
            ("Label", &message.label),
            ("Campaign", &message.campaign),
        ]
    });
    html! {
        @for (name, text) in rows {
            @if let Some(text) = text.as_deref().filter(|text| !text.is_empty()) {
                dt { (name) } dd { (words::paragraph(text)) }
            }
        }
    }
}

/// The form for a silence of messages that ended as this one did.
fn silence(told: &TimelineReply<Event>) -> Option<String> {
    let event = &told.events.last()?.event;
    let (current, message) = (event.current.as_ref(), &event.message);
    let status = current.map(|current| current.status.as_str());
    let mut matching = Map::new();
    for (key, value) in [
        ("status", status),
        (
            "detailed_status",
            current.and_then(|current| current.detailed_status.as_deref()),
        ),
        ("country", message.country.as_deref()),
        ("operator", message.operator.as_deref()),
        ("from", message.from.as_deref()),
    ] {
        // A text that begins like this would be a pattern.
        let value = value.filter(|value| !value.is_empty() && !value.starts_with(['!', '/']));
        let value = value.filter(|value| value.chars().count() <= 200);
        if let Some(value) = value {
            matching.insert(key.to_owned(), Value::from(value));
        }
    }
    let matching = matching::write(&matching);
    Some(link::query("/silences/new", [("match", matching.as_str())]))
}

fn parts(told: &TimelineReply<Event>) -> Markup {
    let parts = &told.watch.parts;
    html! {
        @if parts.len() > 1 {
            h2 #parts { "Parts" }
            div.wide tabindex="0" role="region" aria-labelledby="parts" {
                table.cards {
                    thead { tr { (heads(&["Part", "Status", "Detail", "Since"].map(Text))) } }
                    tbody {
                        @for part in parts.iter().take(50) {
                            tr {
                                td data-label="Part" { @if let Some(number) = part.number { (number) } @else { "–" } }
                                td data-label="Status" { (words::line(&part.status)) }
                                td data-label="Detail" { (words::line(part.detailed_status.as_deref().unwrap_or("–"))) }
                                td data-label="Since" { (words::at(part.date)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Everything that happened, in no particular order.
fn moments(told: &TimelineReply<Event>) -> Vec<Moment> {
    let registered = told.watch.registered_at.map(|at| Moment {
        at,
        class: "note",
        what: html! { "registered" },
    });
    let events = told.events.iter().map(happened);
    let deliveries = told.deliveries.iter().flat_map(told_of);
    registered
        .into_iter()
        .chain(events)
        .chain(deliveries)
        .collect()
}

fn happened(tried: &TriedEventReply<Event>) -> Moment {
    let event = &tried.event;
    let fired = tried.rules.iter().filter(|verdict| verdict.fired);
    let fired: Vec<&RuleVerdictReply> = fired.take(10).collect();
    Moment {
        at: event.detected_at,
        class: event.message.outcome.map_or("", Outcome::as_str),
        what: html! {
            strong { (words::line(&words::what_happened(event))) }
            @if event.regression { " (it was final before)" }
            small {
                "it happened at " (words::at(event.time))
                @if let Some(description) = event.current.as_ref().and_then(|current| current.description.as_deref()) {
                    ": " (words::line(description))
                }
            }
            @if let Some(address) = try_address(event) { small { a href=(address) { "try this event on the rules" } } }
            @for verdict in fired {
                div { "rule " strong { (words::line(&verdict.rule)) } " fired: " (words::sentence(&verdict.because)) }
            }
        },
    }
}

/// A delivery: when it was made, and each attempt that is kept.
fn told_of(delivery: &DeliveryReply) -> Vec<Moment> {
    let link = link::path("/deliveries", delivery.id.as_str(), "");
    let made = Moment {
        at: delivery.created_at,
        class: "note",
        what: html! {
            a href=(link) { "a delivery to " (words::line(&delivery.sink)) } " by rule " (words::line(&delivery.rule))
            ", now " (state(&delivery.state))
            @if let Some(other) = &delivery.instead_of { ", instead of " (words::line(other)) }
            @if delivery.state == DeliveryState::Suppressed {
                @if let Some(reason) = &delivery.reason { ", held back by " (words::line(reason)) }
            }
        },
    };
    let attempts = delivery
        .attempts
        .iter()
        .filter(|attempt| attempt.result != "suppressed");
    let attempts = attempts.map(|attempt| Moment {
        at: attempt.at,
        class: match attempt.result.as_str() {
            "delivered" => "delivered",
            "dead" => "failed",
            _ => "note",
        },
        what: html! {
            (words::line(&delivery.sink)) ": " (words::line(&attempt.result)) ": " (words::paragraph(&attempt.detail))
        },
    });
    [made].into_iter().chain(attempts).collect()
}

/// Why rules did not fire at the latest events. What is the same for several in a row is told once.
fn why_not(told: &TimelineReply<Event>) -> Markup {
    let latest = told.events.iter().rev().take(EXPLAINED);
    let mut latest: Vec<(&Event, Vec<&RuleVerdictReply>)> = latest
        .map(|tried| {
            let silent = tried
                .rules
                .iter()
                .filter(|verdict| !verdict.fired && !verdict.other_kind);
            (&tried.event, silent.take(100).collect())
        })
        .collect();
    latest.dedup_by(|(_, one), (_, other)| one == other);
    latest.retain(|(_, verdicts)| !verdicts.is_empty());
    html! {
        @if !latest.is_empty() {
            h2 { "Why other rules did not fire" }
            @for (event, verdicts) in latest {
                details {
                    summary { "at " (words::line(&words::what_happened(event))) }
                    ul { @for verdict in verdicts { li { strong { (words::line(&verdict.rule)) } ": " (words::sentence(&verdict.because)) } } }
                }
            }
        }
    }
}

/// The silences that held back some of the deliveries.
fn held_back(told: &TimelineReply<Event>) -> Markup {
    let reasons = told
        .deliveries
        .iter()
        .filter_map(|delivery| delivery.reason.as_deref());
    let reasons: BTreeSet<&str> = reasons.collect();
    let silences = told.silences.iter().filter(|silence| {
        reasons.contains(silence.id.as_str())
            || reasons.contains(format!("silence:{}", silence.id).as_str())
    });
    let silences: Vec<_> = silences.take(20).collect();
    html! {
        @if !silences.is_empty() {
            h2 { "What held it back" }
            ul {
                @for silence in silences {
                    li {
                        (words::line(&silence.id)) ", " (words::line(silence.state.as_str())) ", until " (words::at(silence.until))
                        @if !silence.comment.is_empty() { ": " (words::line(&silence.comment)) }
                        @if !silence.author.is_empty() { " (" (words::line(&silence.author)) ")" }
                    }
                }
            }
        }
    }
}
