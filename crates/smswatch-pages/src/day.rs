//! The last 24 hours: messages by outcome, how long deliveries took, and which rules told how often.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use smswatch_api::deliveries::{DeliveryReply, DeliveryState};
use smswatch_api::stats::{StatsGroupReply, StatsHourReply, StatsReply};
use smswatch_model::Timestamp;

use crate::plot::{Bar, Pair, bars, hour_of, lines};
use crate::table::Column::{Number, Text};
use crate::table::heads;
use crate::{link, words};

/// The outcomes as bars stack them, each with its class of the style.
const OUTCOMES: [(&str, &str); 3] = [
    ("delivered", "good"),
    ("failed", "bad"),
    ("pending", "open"),
];

/// The deliveries that rules made of late.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The latest of them, newest first.
    pub deliveries: Vec<DeliveryReply>,
    /// Whether there are more than these.
    pub is_cut: bool,
}

fn outcome(figures: &StatsGroupReply, name: &str) -> u64 {
    figures.by_outcome.get(name).copied().unwrap_or_default()
}

/// The figures in words, and behind them as plots and tables.
pub(crate) fn day(stats: &StatsReply, told: &Told) -> Markup {
    html! {
        section aria-labelledby="day" {
            h2 #day { "The last 24 hours" }
            @if stats.total.messages == 0 && told.deliveries.is_empty() {
                p.empty {
                    "No message was seen yet. Register the messages that you send: "
                    code { "POST /v1/watches" } ", or " code { "smswatch watch ID" } "."
                }
            } @else {
                (figures(&stats.total))
                (by_outcome(&stats.by_hour))
                (times(&stats.by_hour))
                (hours(&stats.by_hour))
                (by_rule(told))
            }
        }
    }
}

fn figures(total: &StatsGroupReply) -> Markup {
    let percent = |name: &str| {
        let percent = total.percent_by_outcome.get(name).copied();
        percent.map(|percent| format!("{percent} % of those that ended"))
    };
    html! {
        dl.figures {
            div { dt { "Messages" } dd { (words::number(total.messages)) } }
            @for (name, class) in OUTCOMES {
                div {
                    dt { span class=(format!("key {class}")) {} (capitalized(name)) }
                    dd {
                        a href=(link::query("/messages", [("outcome", name)])) { (words::number(outcome(total, name))) }
                        @if let Some(percent) = percent(name) { small { (percent) } }
                    }
                }
            }
            @if let Some(seconds) = total.delivery_seconds {
                div {
                    dt { "Delivered within" }
                    dd {
                        (words::span(u64::from(seconds.p50)))
                        small { "half of them; 95 % within " (words::span(u64::from(seconds.p95))) }
                    }
                }
            }
            @if total.undelivered_cost > 0.0 {
                div { dt { "Cost of what failed" } dd { (format!("{:.2}", total.undelivered_cost)) } }
            }
        }
    }
}

fn by_outcome(hours: &[StatsHourReply]) -> Markup {
    let bar = |hour: &StatsHourReply| {
        let parts = OUTCOMES.map(|(name, _)| outcome(&hour.figures, name));
        let [delivered, failed, pending] = parts;
        Bar {
            at: hour.from,
            parts,
            said: format!(
                "from {} UTC: {delivered} delivered, {failed} failed, {pending} pending",
                hour_of(hour.from)
            ),
        }
    };
    let all: Vec<Bar> = hours.iter().map(bar).collect();
    let classes = OUTCOMES.map(|(_, class)| class);
    html! {
        figure {
            figcaption {
                "Messages by outcome, each hour: "
                @for (name, class) in OUTCOMES { span class=(format!("key {class}")) {} (name) " " }
            }
            (bars("Messages by outcome, each hour; the table below has the numbers", classes, &all))
        }
    }
}

fn times(hours: &[StatsHourReply]) -> Markup {
    let pair = |hour: &StatsHourReply| Pair {
        at: hour.from,
        seconds: hour
            .figures
            .delivery_seconds
            .map(|seconds| (seconds.p50, seconds.p95)),
    };
    let pairs: Vec<Pair> = hours.iter().map(pair).collect();
    html! {
        @if pairs.iter().any(|pair| pair.seconds.is_some()) {
            figure {
                figcaption { "How long deliveries took, each hour: half of them (whole line), 95 % (dashed line)" }
                (lines("How long deliveries took, each hour; the table below has the numbers", &pairs))
            }
        }
    }
}

fn hours(hours: &[StatsHourReply]) -> Markup {
    html! {
        details {
            summary { "The same as a table" }
            div.wide tabindex="0" role="region" aria-label="Figures of each hour" {
                table {
                    thead {
                        tr {
                            (heads(&[Text("From"), Number("Messages")]))
                            @for (name, _) in OUTCOMES { (heads(&[Number(&capitalized(name))])) }
                            (heads(&[Number("Half within"), Number("95 % within")]))
                        }
                    }
                    tbody {
                        @for hour in hours {
                            @let seconds = hour.figures.delivery_seconds;
                            @let within = |seconds: Option<u32>| seconds.map_or("–".to_owned(), |seconds| words::span(u64::from(seconds)));
                            tr {
                                th scope="row" { (words::at(hour.from)) }
                                td.number { (words::number(hour.figures.messages)) }
                                @for (name, _) in OUTCOMES { td.number { (words::number(outcome(&hour.figures, name))) } }
                                td.number { (within(seconds.map(|seconds| seconds.p50))) }
                                td.number { (within(seconds.map(|seconds| seconds.p95))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The deliveries of a rule.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) all: u64,
    /// When the latest was made.
    pub(crate) latest: Option<Timestamp>,
    by_state: BTreeMap<String, u64>,
}

/// What a rule told.
pub(crate) fn counted(told: &Told, rule: &str) -> Counts {
    let mut counts = Counts::default();
    for delivery in told
        .deliveries
        .iter()
        .filter(|delivery| delivery.rule == rule)
    {
        counts.all += 1;
        counts.latest = counts.latest.max(Some(delivery.created_at));
        *counts
            .by_state
            .entry(delivery.state.to_string())
            .or_default() += 1;
    }
    counts
}

fn by_rule(told: &Told) -> Markup {
    const STATES: [DeliveryState; 4] = [
        DeliveryState::Delivered,
        DeliveryState::Pending,
        DeliveryState::Dead,
        DeliveryState::Suppressed,
    ];
    let rules: BTreeSet<&str> = told
        .deliveries
        .iter()
        .map(|delivery| delivery.rule.as_str())
        .collect();
    let rules = rules.into_iter().map(|rule| (rule, counted(told, rule)));
    let mut rules: Vec<(&str, Counts)> = rules.collect();
    rules.sort_by(|(one, a), (other, b)| b.all.cmp(&a.all).then(one.cmp(other)));
    let most = rules.first().map_or(1, |(_, counts)| counts.all);
    html! {
        h3 #rules { "Notifications by rule" }
        @if rules.is_empty() {
            p.empty { "No rule notified anyone." }
        } @else {
            div.wide tabindex="0" role="region" aria-labelledby="rules" {
                table.cards {
                    thead {
                        tr {
                            (heads(&[Text("Rule"), Number("All")]))
                            @for state in STATES { (heads(&[Number(&capitalized(state.as_str()))])) }
                            td.share {}
                        }
                    }
                    tbody {
                        @for (rule, counts) in &rules {
                            tr {
                                th scope="row" { a href=(link::query("/deliveries", [("rule", *rule)])) { (words::line(rule)) } }
                                td.number data-label="All" { (words::number(counts.all)) }
                                @for state in STATES {
                                    @let count = counts.by_state.get(state.as_str()).copied().unwrap_or_default();
                                    td.number data-label=(capitalized(state.as_str())) {
                                        @if count == 0 { "0" } @else {
                                            a href=(link::query("/deliveries", [("rule", *rule), ("state", state.as_str())])) { (words::number(count)) }
                                        }
                                    }
                                }
                                td.share { meter min="0" max=(most) value=(counts.all) aria-hidden="true" {} }
                            }
                        }
                    }
                }
            }
            @if told.is_cut {
                p.hint {
                    "These are the latest " (words::number(u64::try_from(told.deliveries.len()).unwrap_or(u64::MAX)))
                    " deliveries; there were more."
                }
            }
        }
    }
}

/// The name of a page or a column from a word.
fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
