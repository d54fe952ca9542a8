//! Rules: how often each fired lately, and what each does with an event that the visitor picks or pastes.

mod replay;

use maud::{Markup, html};
use smswatch_api::rules::RuleReply;
use smswatch_api::watches::RuleVerdictReply;
use smswatch_model::Event;

pub use self::replay::{Replay, ReplayCount, ReplayRow, Replayed};
use crate::frame::{Frame, Place, form_key, page};
use crate::table::Column::{Number, Text};
use crate::table::heads;
use crate::{link, words};

/// What the page of rules shows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// All rules, from top to bottom.
    pub rules: Vec<RuleReply>,
    /// Some of the latest events, to be picked from.
    pub recent: Vec<Event>,
    /// The event that is tried, if there is one.
    pub tried: Option<Tried>,
    /// The rules that are tried on the history, if there are any.
    pub replayed: Option<Replayed>,
}

/// An event that is tried, and the result.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The event as JSON, as it was picked or pasted.
    pub text: String,
    /// What each rule makes of it, or why it cannot be tried.
    pub verdicts: Result<Vec<RuleVerdictReply>, String>,
}

/// The page of rules.
#[must_use]
pub fn rules(frame: &Frame, shown: &Rules) -> String {
    let body = html! {
        h1 { "Rules" }
        @if shown.rules.is_empty() {
            p.empty { "There is no rule, so nobody is notified. " code { "rules:" } " in the configuration names them." }
        } @else {
            (table(shown))
        }
        (try_out(frame, shown))
        (replay::section(frame, shown.replayed.as_ref()))
    };
    page(frame, Place::Rules, "Rules", body)
}

fn table(shown: &Rules) -> Markup {
    html! {
        p.hint { "From top to bottom, as the configuration has them. A destination is told of an event by the first rule that names it." }
        div.wide tabindex="0" role="region" aria-label="Rules" {
            table.cards {
                thead { tr { (heads(&[Text("Rule"), Number("Fired in 24 h"), Number("in 7 days"), Text("Last fired"), Text("Notifications")])) } }
                tbody {
                    @for rule in shown.rules.iter().take(500) {
                        tr {
                            th scope="row" { (words::line(&rule.rule)) }
                            td.number data-label="Fired in 24 h" { (words::number(rule.fired_24h)) }
                            td.number data-label="in 7 days" { (words::number(rule.fired_7d)) }
                            td data-label="Last fired" { @if let Some(at) = rule.last_fired_at { (words::at(at)) } @else { "not in 7 days" } }
                            td { a href=(link::query("/deliveries", [("rule", rule.rule.as_str())])) { "Who was told" } }
                        }
                    }
                }
            }
        }
        p.hint {
            "A rule fires once for all that is seen of a message at once, even if a silence, a throttle or a group then "
            "decides whether and when someone is notified. Hours are counted whole."
        }
    }
}

/// The address at which an event of a message is tried.
pub(crate) fn try_address(event: &Event) -> Option<String> {
    let message = event.message.message_id.as_ref()?;
    let picked = [
        ("message", message.as_str()),
        ("event", event.event_id.as_str()),
    ];
    Some(format!("{}#try", link::query("/rules", picked)))
}

fn pick(recent: &[Event]) -> Markup {
    let known = recent
        .iter()
        .filter_map(|event| Some((try_address(event)?, event)));
    let known: Vec<(String, &Event)> = known.collect();
    html! {
        @if !known.is_empty() {
            h3 { "Pick one of the latest" }
            ul.picks {
                @for (address, event) in known {
                    li {
                        (words::at(event.detected_at)) " " a href=(address) { (words::line(&words::what_happened(event))) }
                        @for text in [&event.message.country, &event.message.operator].into_iter().flatten() { ", " (words::line(text)) }
                    }
                }
            }
            p.hint { "Others are found in " a href="/messages" { "Messages" } ": each event of a story can be tried." }
        }
    }
}

fn try_out(frame: &Frame, shown: &Rules) -> Markup {
    let tried = shown.tried.as_ref();
    html! {
        section aria-labelledby="try" {
            h2 #try { "What would they make of an event?" }
            @match tried.map(|tried| &tried.verdicts) {
                Some(Ok(verdicts)) => (result(verdicts)),
                Some(Err(problem)) => p.wrong role="alert" { (words::paragraph(problem)) },
                None => {},
            }
            (pick(&shown.recent))
            @if frame.visitor.may_change {
                h3 { "Or paste one" }
                form method="post" action="/rules/try" {
                    (form_key(frame))
                    label for="event" { "An event as JSON" }
                    textarea #event name="event" spellcheck="false" required aria-describedby="which" {
                        (tried.map(|tried| tried.text.as_str()).unwrap_or_default())
                    }
                    p #which.hint {
                        "One of those that " a href="/v1/events?limit=5" { code { "GET /v1/events" } } " lists. Nobody is notified."
                    }
                    button type="submit" { "Try it" }
                }
            }
        }
    }
}

fn result(verdicts: &[RuleVerdictReply]) -> Markup {
    let (fired, silent): (Vec<_>, Vec<_>) = verdicts.iter().partition(|verdict| verdict.fired);
    let silent: Vec<_> = silent
        .into_iter()
        .filter(|verdict| !verdict.other_kind)
        .collect();
    html! {
        @if fired.is_empty() { p { "No rule fires." } }
        ul role="status" {
            @for verdict in fired.iter().take(100) {
                li { span.state.delivered { strong { (words::line(&verdict.rule)) } } " fires: " (words::sentence(&verdict.because)) }
            }
            @for verdict in silent.iter().take(200) {
                li { span.state.failed { strong { (words::line(&verdict.rule)) } } " does not fire: " (words::sentence(&verdict.because)) }
            }
        }
        p.hint { "Rules about other kinds of events are left out." }
    }
}
