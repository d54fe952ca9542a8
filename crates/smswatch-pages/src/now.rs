//! The first page: what is wrong, the worst first, and what the last 24 hours were like.

mod cause;
mod coming;
mod findings;
mod wrong;

use maud::{Markup, html};
use smswatch_api::groups::GroupReply;
use smswatch_api::health::{ReadyReply, StatusReply};
use smswatch_api::list::ExcerptReply;
use smswatch_api::sinks::SinkReply;
use smswatch_api::stats::StatsReply;
use smswatch_model::Event;

use self::wrong::Level;
use crate::day::{Told, day};
use crate::frame::{Frame, Place, page};
use crate::words;

/// What the first page shows.
#[derive(Debug, Clone)]
pub struct Now {
    /// How each part of the process is.
    pub health: ReadyReply,
    /// What the store knows; `None` while it cannot be asked.
    pub known: Option<Known>,
}

/// What the store knows of now and of the last 24 hours.
#[derive(Debug, Clone)]
pub struct Known {
    /// How much there is of everything.
    pub status: StatusReply,
    /// How each sink is.
    pub sinks: Vec<SinkReply>,
    /// The alerts that fire, each as the event that told of it, with the figures of now.
    pub firing: Vec<Event>,
    /// The messages that are stuck.
    pub stuck: ExcerptReply<Event>,
    /// The groups that are about to be told.
    pub groups: ExcerptReply<GroupReply>,
    /// How many seconds late polls start; `None` if none was due.
    pub lag_seconds: Option<u64>,
    /// What became of messages.
    pub stats: StatsReply,
    /// The deliveries that rules made.
    pub told: Told,
    /// The latest changes of messages, newest first.
    pub latest: Vec<Event>,
}

/// The first page.
#[must_use]
pub fn now(frame: &Frame, now: &Now) -> String {
    let mut wrong = findings::all(now, frame.now);
    wrong.sort_by_key(|wrong| (std::cmp::Reverse(wrong.level), wrong.since));
    let urgent = wrong
        .iter()
        .filter(|wrong| wrong.level > Level::Note)
        .count();
    let heading = match urgent {
        0 => "All is well".to_owned(),
        1 => "1 thing is wrong".to_owned(),
        urgent => format!("{urgent} things are wrong"),
    };
    let body = html! {
        h1 class=(if urgent == 0 { "well" } else { "ill" }) { (heading) }
        @if wrong.is_empty() {
            p { (summary(now)) }
        } @else {
            ol.wrongs { @for wrong in &wrong { li { (wrong.render(frame)) } } }
            p.hint { (summary(now)) }
        }
        @if let Some(known) = &now.known { (day(&known.stats, &known.told)) }
    };
    page(frame, Place::Now, &heading, body)
}

/// What goes on, in one line.
fn summary(now: &Now) -> Markup {
    let Some(Known {
        status,
        sinks,
        lag_seconds,
        ..
    }) = &now.known
    else {
        return html! { "Nothing more is known while the store cannot be asked." };
    };
    let watching = status.watches.get("watching").copied().unwrap_or_default();
    let waiting: u64 = status.queues.iter().map(|queue| queue.pending).sum();
    let sinks = u64::try_from(sinks.len()).unwrap_or(u64::MAX);
    html! {
        (words::count(watching, "message is", "messages are")) " watched, "
        (words::count(waiting, "delivery waits", "deliveries wait")) " for " (words::count(sinks, "sink", "sinks"))
        @if status.unrouted > 0 {
            ", " (words::count(status.unrouted, "log entry is", "log entries are")) " not routed yet"
        }
        @if let Some(seconds) = lag_seconds { ", polls start " (late(*seconds)) }
        @if status.silences > 0 {
            ", " a href="/silences" { (words::count(status.silences, "silence is", "silences are")) } " active"
        }
        "."
    }
}

/// How late polls start.
fn late(seconds: u64) -> String {
    match seconds {
        0 => "in time".to_owned(),
        seconds => format!("up to {} late", words::span(seconds)),
    }
}

#[cfg(test)]
mod tests;
