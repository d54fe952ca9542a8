//! Deliveries and dead letters: which there are, why they were given up, and what to do about them.

mod confirm;
mod one;

use std::collections::BTreeMap;

use maud::{Markup, html};
use smswatch_api::deliveries::{DeliveriesQuery, DeliveryReply, DeliveryState};
use smswatch_api::list::ListReply;
use smswatch_model::MessageId;

pub use self::confirm::{Confirm, confirm};
pub use self::one::delivery;
use crate::frame::{Frame, Place, form_key, page};
use crate::table::Column::Text;
use crate::table::heads;
use crate::{link, words};

/// The states that a filter can ask for.
const STATES: [DeliveryState; 4] = [
    DeliveryState::Dead,
    DeliveryState::Pending,
    DeliveryState::Delivered,
    DeliveryState::Suppressed,
];

/// How many messages of a delivery are named in a list.
const NAMED: usize = 2;

/// What the page of deliveries shows.
#[derive(Debug, Clone)]
pub struct Deliveries {
    /// Which are asked for.
    pub query: DeliveriesQuery,
    /// A page of them.
    pub list: ListReply<DeliveryReply>,
    /// The dead letters among them whose reasons are told, the latest first.
    pub dead: Vec<DeliveryReply>,
    /// Whether there are more dead letters than these.
    pub is_cut: bool,
    /// The sinks that a filter can ask for.
    pub sinks: Vec<String>,
}

/// The page of deliveries.
#[must_use]
pub fn deliveries(frame: &Frame, shown: &Deliveries) -> String {
    let title = match &shown.query.state {
        Some(DeliveryState::Dead) => "Dead letters",
        _ => "Deliveries",
    };
    let body = html! {
        h1 { (title) }
        (filters(shown))
        (reasons(shown))
        @if shown.list.items.is_empty() {
            p.empty { "No delivery is like that. " a href="/deliveries" { "Show all deliveries" } "." }
        } @else {
            (table(frame, shown))
        }
    };
    page(frame, Place::Deliveries, title, body)
}

/// The address of the page for a filter, at its beginning.
#[must_use]
pub fn deliveries_address(query: &DeliveriesQuery) -> String {
    address(query, None)
}

/// The address of the page for a filter, at its beginning or at `cursor`.
pub(crate) fn address(query: &DeliveriesQuery, cursor: Option<&str>) -> String {
    let state = query.state.as_ref().map_or("", DeliveryState::as_str);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let (sink, rule, since) = (text(&query.sink), text(&query.rule), text(&query.since));
    let message_id = text(&query.message_id);
    link::query(
        "/deliveries",
        [
            ("state", state),
            ("sink", &*sink),
            ("rule", &*rule),
            ("since", &*since),
            ("message_id", &*message_id),
            ("cursor", cursor.unwrap_or_default()),
        ],
    )
}

fn filters(shown: &Deliveries) -> Markup {
    let query = &shown.query;
    html! {
        form.filters method="get" action="/deliveries" role="search" {
            div {
                label for="state" { "State" }
                select #state name="state" {
                    option value="" { "any" }
                    @for state in STATES {
                        option value=(state.as_str()) selected[query.state.as_ref() == Some(&state)] { (state) }
                    }
                }
            }
            div {
                label for="sink" { "Sink" }
                select #sink name="sink" {
                    option value="" { "any" }
                    @for sink in sinks(shown) {
                        option value=(sink) selected[query.sink.as_deref() == Some(sink)] { (words::cut(sink)) }
                    }
                }
            }
            div {
                label for="rule" { "Rule" }
                input #rule name="rule" value=[&query.rule] spellcheck="false";
            }
            div {
                label for="since" { "Since" }
                input #since name="since" value=[&query.since] placeholder="2h, 7d" spellcheck="false";
            }
            div {
                label for="message_id" { "Message" }
                input #message_id name="message_id" value=[&query.message_id] spellcheck="false";
            }
            div { button type="submit" { "Filter" } }
        }
    }
}

/// The sinks that there are, and the one that is asked for, which may be gone.
fn sinks(shown: &Deliveries) -> Vec<&str> {
    let mut sinks: Vec<&str> = shown.sinks.iter().map(String::as_str).collect();
    let asked = shown.query.sink.as_deref();
    sinks.extend(asked.filter(|asked| !shown.sinks.iter().any(|sink| sink == asked)));
    sinks
}

/// Why deliveries were given up, those of one reason together.
fn reasons(shown: &Deliveries) -> Markup {
    let mut reasons: BTreeMap<(&str, String), (u64, &str)> = BTreeMap::new();
    for delivery in &shown.dead {
        let reason = last_answer(delivery);
        // Answers that differ only in figures, such as a time or an id, count as one.
        let alike = reason
            .chars()
            .filter(|character| !character.is_ascii_digit());
        let key = (delivery.sink.as_str(), alike.collect());
        reasons.entry(key).or_insert((0, reason)).0 += 1;
    }
    let mut reasons: Vec<_> = reasons
        .into_iter()
        .map(|((sink, _), (count, reason))| (count, sink, reason))
        .collect();
    reasons.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    html! {
        @if !reasons.is_empty() {
            section aria-labelledby="why" {
                h2 #why { "Why they were given up" }
                ul {
                    @for (count, sink, reason) in reasons.iter().take(10) {
                        li {
                            strong { (words::number(*count)) " ×" } " " (words::line(sink)) ": " (words::paragraph(reason))
                        }
                    }
                    @if reasons.len() > 10 { li { "and " (reasons.len() - 10) " more reasons" } }
                }
                @if shown.is_cut { p.hint { "These are the latest " (shown.dead.len()) " dead letters; there are more." } }
            }
        }
    }
}

/// What the other side said last, or why nothing is sent.
pub(crate) fn last_answer(delivery: &DeliveryReply) -> &str {
    let last = delivery.attempts.last();
    let last = last.map(|attempt| attempt.detail.as_str());
    last.or(delivery.reason.as_deref()).unwrap_or_default()
}

fn table(frame: &Frame, shown: &Deliveries) -> Markup {
    let items = &shown.list.items;
    let may_choose = frame.visitor.may_change && items.iter().any(has_ended);
    html! {
        form method="post" action="/deliveries/confirm" {
            (form_key(frame))
            (hidden_filter(&shown.query))
            @if may_choose { (orders(shown)) }
            div.wide tabindex="0" role="region" aria-label="Deliveries" {
                table.cards {
                    thead {
                        tr {
                            @if may_choose {
                                th scope="col" {
                                    span.sr { "Chosen" }
                                    input type="checkbox" data-all aria-label="Choose all on this page" hidden;
                                }
                            }
                            (heads(&["State", "Since", "Sink", "Rule", "Messages", "Attempts", "Last answer"].map(Text)))
                        }
                    }
                    tbody { @for delivery in items { (row(delivery, may_choose)) } }
                }
            }
        }
        @if let Some(next) = &shown.list.next {
            p { a.button href=(address(&shown.query, Some(next))) rel="next" { "Older ones" } }
        }
    }
}

fn row(delivery: &DeliveryReply, may_choose: bool) -> Markup {
    let id = delivery.id.as_str();
    html! {
        tr {
            @if may_choose {
                td data-label="Choose" {
                    @if has_ended(delivery) {
                        input type="checkbox" name="id" value=(id)
                            aria-label=(format!("Choose the {} delivery {id}", delivery.state));
                    }
                }
            }
            td data-label="State" { a href=(link::path("/deliveries", id, "")) { (state(&delivery.state)) } }
            td data-label="Since" { (words::at(delivery.created_at)) }
            td data-label="Sink" { (words::line(&delivery.sink)) }
            td data-label="Rule" { (words::line(&delivery.rule)) }
            td data-label="Messages" { (messages(&delivery.message_ids)) }
            td.number data-label="Attempts" { (delivery.attempts_made) }
            td data-label="Last answer" { (words::line(last_answer(delivery))) }
        }
    }
}

/// A state with its sign.
pub(crate) fn state(state: &DeliveryState) -> Markup {
    html! { span class=(format!("state {}", class(state))) { (words::line(state.as_str())) } }
}

fn class(state: &DeliveryState) -> &str {
    match state {
        DeliveryState::Other(_) => "other",
        state => state.as_str(),
    }
}

/// The first messages that a delivery tells of, and how many more there are.
fn messages(ids: &[MessageId]) -> Markup {
    html! {
        @for id in ids.iter().take(NAMED) {
            a href=(link::path("/messages", id.as_str(), "")) { (words::line(id.as_str())) } " "
        }
        @if ids.len() > NAMED { "and " (ids.len() - NAMED) " more" }
    }
}

/// Whether a delivery can be sent again.
pub(crate) fn has_ended(delivery: &DeliveryReply) -> bool {
    matches!(
        delivery.state,
        DeliveryState::Dead | DeliveryState::Delivered | DeliveryState::Suppressed
    )
}

/// The filter as fields of a form.
pub(crate) fn hidden_filter(query: &DeliveriesQuery) -> Markup {
    let state = query.state.as_ref().map(|state| state.as_str().to_owned());
    let fields = [
        ("state", &state),
        ("sink", &query.sink),
        ("rule", &query.rule),
        ("since", &query.since),
    ];
    html! {
        @for (name, value) in fields {
            @if let Some(value) = value { input type="hidden" name=(name) value=(value); }
        }
    }
}

/// What can be done with those that were chosen, and with all that the filter names.
fn orders(shown: &Deliveries) -> Markup {
    let query = &shown.query;
    let is_dead = query.state == Some(DeliveryState::Dead);
    // All of one state alone: who means all states says so one by one. What was delivered needs a beginning, too.
    let all = match &query.state {
        _ if query.message_id.is_some() => false,
        Some(DeliveryState::Dead | DeliveryState::Suppressed) => true,
        Some(DeliveryState::Delivered) => query.since.is_some(),
        _ => false,
    };
    html! {
        div.actions {
            @if all { button type="submit" name="what" value="retry-all" { "Send all of these again…" } }
            button.quiet type="submit" name="what" value="retry" { "Send the chosen ones again…" }
            @if is_dead {
                button.quiet type="submit" name="what" value="drop" { "Drop the chosen ones…" }
                @if all { button.quiet type="submit" name="what" value="drop-all" { "Drop all of these…" } }
            }
        }
    }
}
