//! What other rules would have told of what is remembered, beside what today's would have.

use maud::{Markup, html};
use smswatch_model::Timestamp;

use crate::frame::{Frame, form_key};
use crate::table::Column::{Number, Text};
use crate::table::heads;
use crate::words;

/// Rules that a visitor wrote, and the result of trying them.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The text of the rules.
    pub text: String,
    /// What they would have told, or what is wrong with them, a sentence for each mistake.
    pub outcome: Result<Replay, Vec<String>>,
}

/// What rules would have told.
#[derive(Debug, Clone)]
pub struct Replay {
    /// When the oldest event was noticed on which they were tried.
    pub since: Option<Timestamp>,
    /// How many events those are.
    pub events: u64,
    /// Whether older ones are remembered.
    pub is_cut: bool,
    /// How much each rule would have told each sink.
    pub rows: Vec<ReplayRow>,
    /// The rules that would have notified no one.
    pub silent: Vec<String>,
}

/// How many notifications a rule would have made for a sink.
#[derive(Debug, Clone)]
pub struct ReplayRow {
    /// The rule.
    pub rule: String,
    /// The sink.
    pub sink: String,
    /// As the rules are today.
    pub today: ReplayCount,
    /// As the rules that are tried have it.
    pub tried: ReplayCount,
}

/// How many notifications there would have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplayCount {
    /// How many would have been sent.
    pub notifications: u64,
    /// How many something would have held back, such as a silence.
    pub held_back: u64,
}

/// The form, and what came of it.
pub(super) fn section(frame: &Frame, replayed: Option<&Replayed>) -> Markup {
    html! {
        @if frame.visitor.may_change {
            section aria-labelledby="replay" {
                h2 #replay { "What would other rules have told?" }
                @match replayed.map(|replayed| &replayed.outcome) {
                    Some(Ok(replay)) => (result(replay)),
                    Some(Err(problems)) => {
                        ul.wrong role="alert" { @for problem in problems.iter().take(50) { li { (words::paragraph(problem)) } } }
                    },
                    None => {},
                }
                form method="post" action="/rules/backtest#replay" {
                    (form_key(frame))
                    label for="rules" { "Rules as YAML" }
                    textarea #rules name="rules" spellcheck="false" required aria-describedby="how" {
                        (replayed.map(|replayed| replayed.text.as_str()).unwrap_or_default())
                    }
                    p #how.hint {
                        "A whole list, as " code { "rules:" } " of the configuration has it. It is tried on the latest 3,000 events, "
                        "beside today's rules. Silences and today's maintenance windows hold back what either would have told, and so do "
                        "throttles and alerts. Nobody is notified, and nothing is changed. "
                        code { "smswatch rules backtest" } " goes further back."
                    }
                    button type="submit" { "Try them" }
                }
            }
        }
    }
}

fn result(replay: &Replay) -> Markup {
    html! {
        p role="status" {
            (words::count(replay.events, "event", "events"))
            @if let Some(since) = replay.since { " since " (words::at(since)) }
            @if replay.is_cut { "; older ones were left out" }
            "."
        }
        @if replay.rows.is_empty() {
            p { "Neither these rules nor today's would have notified anyone." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="What the rules would have told" {
                table.cards {
                    thead { tr { (heads(&[Text("Rule"), Text("Sink"), Number("Today's rules"), Number("These rules"), Number("Change")])) } }
                    tbody {
                        @for row in replay.rows.iter().take(500) {
                            tr {
                                th scope="row" { (words::line(&row.rule)) }
                                td data-label="Sink" { (words::line(&row.sink)) }
                                td.number data-label="Today's rules" { (counted(row.today)) }
                                td.number data-label="These rules" { (counted(row.tried)) }
                                td.number data-label="Change" { (change(row)) }
                            }
                        }
                    }
                }
            }
        }
        @if !replay.silent.is_empty() {
            p { "These notified no one: " @for (index, rule) in replay.silent.iter().take(100).enumerate() { @if index > 0 { ", " } (words::line(rule)) } "." }
        }
    }
}

/// `12`, or `12 (3 held back)`.
fn counted(count: ReplayCount) -> String {
    let notifications = words::number(count.notifications);
    match count.held_back {
        0 => notifications,
        held_back => format!("{notifications} ({} held back)", words::number(held_back)),
    }
}

/// `+12`, `−3` or `0`.
fn change(row: &ReplayRow) -> String {
    let (today, tried) = (row.today.notifications, row.tried.notifications);
    match tried.abs_diff(today) {
        0 => "0".to_owned(),
        more if tried > today => format!("+{}", words::number(more)),
        less => format!("−{}", words::number(less)),
    }
}
