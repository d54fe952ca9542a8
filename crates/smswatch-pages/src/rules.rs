//! Rules: how often each told somebody of late, and what each makes of an event that somebody pastes.

use maud::{Markup, html};
use smswatch_api::watches::RuleVerdictReply;

use crate::day::{Told, counted};
use crate::frame::{Frame, Place, form_key, page};
use crate::{link, words};

/// What the page of rules shows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The names of all rules, from top to bottom.
    pub names: Vec<String>,
    /// The deliveries that they made in the last 24 hours.
    pub told: Told,
    /// The event that somebody tries, if there is one.
    pub tried: Option<Tried>,
}

/// An event that somebody tries, as it was pasted, and what came of it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// What was pasted.
    pub text: String,
    /// What each rule makes of it, or why it cannot be tried.
    pub verdicts: Result<Vec<RuleVerdictReply>, String>,
}

/// The page of rules.
#[must_use]
pub fn rules(frame: &Frame, shown: &Rules) -> String {
    let body = html! {
        h1 { "Rules" }
        @if shown.names.is_empty() {
            p.empty { "There is no rule, so nobody is notified. " code { "rules:" } " in the configuration names them." }
        } @else {
            (table(shown))
        }
        (try_out(frame, shown.tried.as_ref()))
    };
    page(frame, Place::Rules, "Rules", body)
}

fn table(shown: &Rules) -> Markup {
    html! {
        p.hint { "From top to bottom, as the configuration has them. A destination is told of an event by the first rule that names it." }
        div.wide tabindex="0" role="region" aria-label="Rules" {
            table {
                thead {
                    tr {
                        th scope="col" { "Rule" }
                        th.number scope="col" { "Deliveries in 24 h" }
                        th scope="col" { "The latest" }
                    }
                }
                tbody {
                    @for name in shown.names.iter().take(500) {
                        @let counts = counted(&shown.told, name);
                        tr {
                            th scope="row" { a href=(link::query("/deliveries", [("rule", name.as_str())])) { (words::line(name)) } }
                            td.number { (words::number(counts.all)) }
                            td { @if let Some(at) = counts.latest { (words::at(at)) } @else { "–" } }
                        }
                    }
                }
            }
        }
        @if shown.told.is_cut { p.hint { "Counted are the latest " (shown.told.deliveries.len()) " deliveries; there were more." } }
    }
}

fn try_out(frame: &Frame, tried: Option<&Tried>) -> Markup {
    html! {
        section aria-labelledby="try" {
            h2 #try { "What would they make of an event?" }
            @match tried.map(|tried| &tried.verdicts) {
                Some(Ok(verdicts)) => (result(verdicts)),
                Some(Err(problem)) => p.wrong role="alert" { (words::paragraph(problem)) },
                None => {},
            }
            @if frame.visitor.may_change {
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
                li { span.state.delivered { strong { (words::line(&verdict.rule)) } } " fires: " (words::paragraph(&verdict.because)) }
            }
            @for verdict in silent.iter().take(200) {
                li { span.state.failed { strong { (words::line(&verdict.rule)) } } " does not fire: " (words::paragraph(&verdict.because)) }
            }
        }
        p.hint { "Rules about other kinds of events are left out." }
    }
}
