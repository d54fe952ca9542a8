//! Sinks: whether each takes deliveries, what waits for it, and what its receiver said of late.

use maud::{Markup, html};
use smswatch_api::deliveries::DeliveryReply;
use smswatch_api::health::QueueReply;
use smswatch_api::sinks::{SinkReply, SinkState, SinkTestReply, SinkTestResult};

use crate::deliveries::{last_answer, state};
use crate::frame::{Frame, Place, button, page};
use crate::table::Column::Text;
use crate::table::heads;
use crate::{link, words};

/// A sink with its queue.
#[derive(Debug, Clone)]
pub struct Sink {
    /// How it is.
    pub sink: SinkReply,
    /// What waits for it; `None` if that is not known.
    pub queue: Option<QueueReply>,
    /// Its latest deliveries, the latest first.
    pub latest: Vec<DeliveryReply>,
}

/// The page of sinks; `test` is what came of a test that was just made.
#[must_use]
pub fn sinks(frame: &Frame, sinks: &[Sink], test: Option<&SinkTestReply>) -> String {
    let body = html! {
        h1 { "Sinks" }
        @if let Some(test) = test { (tested(test)) }
        @if sinks.is_empty() {
            p.empty { "No sink is configured, so nobody is notified. " code { "sinks:" } " in the configuration names them." }
        }
        @for sink in in_order(sinks) { (section(frame, sink)) }
    };
    page(frame, Place::Sinks, "Sinks", body)
}

/// Sinks in trouble first.
fn in_order(sinks: &[Sink]) -> Vec<&Sink> {
    let mut sinks: Vec<&Sink> = sinks.iter().collect();
    sinks.sort_by_key(|shown| match &shown.sink.state {
        SinkState::Open => 0,
        SinkState::Held | SinkState::Other(_) => 1,
        SinkState::Paused => 2,
        SinkState::Delivering if !shown.sink.destinations.is_empty() => 1,
        SinkState::Delivering => 3,
    });
    sinks
}

fn tested(test: &SinkTestReply) -> Markup {
    let (class, what) = match &test.result {
        SinkTestResult::Delivered => ("done", "took the test notification"),
        SinkTestResult::Failed => (
            "wrong",
            "did not take the test notification; it is not tried again",
        ),
        SinkTestResult::NotTried => ("wrong", "was not tried"),
        SinkTestResult::Other(word) => ("wrong", word.as_str()),
    };
    html! {
        p class=(class) role="status" { (words::line(&test.sink)) " " (what) ": " (words::paragraph(&test.detail)) }
    }
}

fn section(frame: &Frame, shown: &Sink) -> Markup {
    let sink = &shown.sink;
    let name = sink.sink.as_str();
    let of_sink = |order: &str| link::path("/sinks", name, order);
    html! {
        article.sink {
            h2 { (words::line(name)) " " (how(&sink.state)) }
            dl.facts-of {
                dt { "Rate" } dd { @if let Some(rate) = &sink.rate { "at most " (words::line(rate)) } @else { "not limited" } }
                @if let Some(since) = sink.paused_since { dt { "Paused" } dd { "since " (words::since(since, frame.now)) } }
                @if let Some(since) = sink.open_since { dt { "Down" } dd { "since " (words::since(since, frame.now)) } }
                @if let Some(reason) = &sink.open_reason { dt { "Why" } dd { (words::paragraph(reason)) } }
                @if let Some(until) = sink.held_until { dt { "Wants a break" } dd { "until " (words::at(until)) } }
                @for destination in sink.destinations.iter().take(20) {
                    dt { (words::line(&destination.destination)) } dd { (words::paragraph(&destination.trouble)) }
                }
                @if let Some(queue) = &shown.queue { (waiting(frame, name, queue)) }
            }
            (latest(&shown.latest))
            div.actions {
                a.button href=(of_sink("/preview")) { "How an alert looks there" }
                @if frame.visitor.may_change {
                    (button(frame, &of_sink("/test"), "Send a test", &[]))
                    @match &sink.state {
                        SinkState::Paused => (button(frame, &of_sink("/resume"), "Resume", &[])),
                        SinkState::Open => {
                            (button(frame, &of_sink("/resume"), "Try now", &[]))
                            (button(frame, &of_sink("/pause"), "Pause", &[]))
                        },
                        _ => (button(frame, &of_sink("/pause"), "Pause", &[])),
                    }
                }
            }
        }
    }
}

fn how(state: &SinkState) -> Markup {
    let (class, word) = match state {
        SinkState::Paused => ("paused", "paused"),
        SinkState::Open => ("open", "down"),
        SinkState::Held => ("held", "waits for its receiver"),
        SinkState::Delivering => ("delivering", "takes deliveries"),
        SinkState::Other(word) => ("other", word.as_str()),
    };
    html! { span class=(format!("state {class}")) { (words::line(word)) } }
}

fn waiting(frame: &Frame, name: &str, queue: &QueueReply) -> Markup {
    let pending = link::query("/deliveries", [("state", "pending"), ("sink", name)]);
    let dead = link::query("/deliveries", [("state", "dead"), ("sink", name)]);
    html! {
        dt { "Waiting" }
        dd {
            a href=(pending) { (words::count(queue.pending, "delivery", "deliveries")) }
            @if let Some(oldest) = queue.oldest { ", the oldest for " (words::span(frame.now.since(oldest).as_secs())) }
        }
        @if queue.dead > 0 {
            dt { "Given up" }
            dd {
                a href=(dead) { (words::count(queue.dead, "dead letter", "dead letters")) }
                @if let Some(reason) = &queue.dead_reason { ": " (words::paragraph(reason)) }
            }
        }
        @if queue.left > 0 {
            dt { "Left" }
            dd { (words::count(queue.left, "delivery", "deliveries")) " to a later version of smswatch" }
        }
    }
}

/// What the receiver said of late.
fn latest(deliveries: &[DeliveryReply]) -> Markup {
    html! {
        @if !deliveries.is_empty() {
            div.wide {
                table.cards {
                    thead { tr { (heads(&["Latest deliveries", "Since", "Rule", "Last answer"].map(Text))) } }
                    tbody {
                        @for delivery in deliveries {
                            tr {
                                td data-label="Delivery" { a href=(link::path("/deliveries", delivery.id.as_str(), "")) { (state(&delivery.state)) } }
                                td data-label="Since" { (words::at(delivery.created_at)) }
                                td data-label="Rule" { (words::line(&delivery.rule)) }
                                td data-label="Last answer" { (words::line(last_answer(delivery))) }
                            }
                        }
                    }
                }
            }
        }
    }
}
