//! What other rules would have told of what is remembered, beside what today's would have.

use maud::{Markup, html};
use smswatch_model::Timestamp;

use crate::frame::{Frame, form_key};
use crate::words;

/// Rules that somebody wrote, and what came of trying them.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What somebody wrote.
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
    /// The rules that would have told nobody.
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
    pub today: u64,
    /// As the rules that are tried have it.
    pub tried: u64,
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
                        "beside today's rules. Nobody is notified, and nothing is changed. "
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
            p { "Neither these rules nor those of today would have told anybody." }
        } @else {
            div.wide tabindex="0" role="region" aria-label="What the rules would have told" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Rule" }
                            th scope="col" { "Sink" }
                            th.number scope="col" { "Today's rules" }
                            th.number scope="col" { "These rules" }
                            th.number scope="col" { "Change" }
                        }
                    }
                    tbody {
                        @for row in replay.rows.iter().take(500) {
                            tr {
                                th scope="row" { (words::line(&row.rule)) }
                                td { (words::line(&row.sink)) }
                                td.number { (words::number(row.today)) }
                                td.number { (words::number(row.tried)) }
                                td.number { (change(row)) }
                            }
                        }
                    }
                }
            }
        }
        @if !replay.silent.is_empty() {
            p { "These told nobody: " @for (index, rule) in replay.silent.iter().take(100).enumerate() { @if index > 0 { ", " } (words::line(rule)) } "." }
        }
    }
}

/// `+12`, `−3` or `0`.
fn change(row: &ReplayRow) -> String {
    match row.tried.abs_diff(row.today) {
        0 => "0".to_owned(),
        more if row.tried > row.today => format!("+{}", words::number(more)),
        less => format!("−{}", words::number(less)),
    }
}
