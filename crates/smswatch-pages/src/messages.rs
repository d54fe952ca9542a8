//! Messages: a search through what happened of late, newest first.

use maud::{Markup, html};
use smswatch_model::{Event, Outcome, Timestamp};

use crate::frame::{Frame, Place, page};
use crate::table::Column::Text;
use crate::table::heads;
use crate::{link, words};

/// What a visitor searches for. Empty fields match everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Search {
    /// How the message does: `delivered`, `failed`, `pending` or `stuck`.
    pub outcome: String,
    /// The status, or the finer one.
    pub status: String,
    /// The recipient's country.
    pub country: String,
    /// The recipient's operator.
    pub operator: String,
    /// The sender.
    pub from: String,
    /// The label given at sending, or a part of it.
    pub label: String,
    /// A tag, as `name=value`.
    pub tag: String,
    /// The earliest moment, or how long ago it was.
    pub since: String,
    /// The latest moment, or how long ago it was.
    pub until: String,
}

/// The outcome of messages that are told to have no final status in time.
pub const STUCK: &str = "stuck";

impl Search {
    /// Whether an event is of a message that is looked for. Case does not matter.
    #[must_use]
    pub fn finds(&self, event: &Event) -> bool {
        let message = &event.message;
        let is = |wanted: &str, text: Option<&str>| {
            let wanted = wanted.to_lowercase();
            wanted.is_empty() || text.is_some_and(|text| text.to_lowercase() == wanted)
        };
        let holds = |wanted: &str, text: Option<&str>| {
            let wanted = wanted.to_lowercase();
            wanted.is_empty() || text.is_some_and(|text| text.to_lowercase().contains(&wanted))
        };
        let current = event.current.as_ref();
        let status = current.map(|current| current.status.as_str());
        let detail = current.and_then(|current| current.detailed_status.as_deref());
        let has_tag = match self.tag.split_once('=') {
            Some((name, value)) => is(
                value.trim(),
                message.tags.get(name.trim()).map(String::as_str),
            ),
            None => self.tag.is_empty() || message.tags.contains_key(self.tag.trim()),
        };
        (self.outcome == STUCK || is(&self.outcome, message.outcome.map(Outcome::as_str)))
            && (is(&self.status, status) || is(&self.status, detail))
            && is(&self.country, message.country.as_deref())
            && holds(&self.operator, message.operator.as_deref())
            && is(&self.from, message.from.as_deref())
            && holds(&self.label, message.label.as_deref())
            && has_tag
    }

    /// The fields, each with its name in an address.
    #[must_use]
    pub fn fields(&self) -> [(&'static str, &str); 9] {
        [
            ("outcome", &self.outcome),
            ("status", &self.status),
            ("country", &self.country),
            ("operator", &self.operator),
            ("from", &self.from),
            ("label", &self.label),
            ("tag", &self.tag),
            ("since", &self.since),
            ("until", &self.until),
        ]
    }

    /// The address of what is found, at the beginning or from `cursor` on.
    pub(crate) fn address(&self, cursor: &str) -> String {
        link::query(
            "/messages",
            self.fields().into_iter().chain([("cursor", cursor)]),
        )
    }
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// What the visitor searches for.
    pub search: Search,
    /// The latest change of each message that was found, newest first.
    pub items: Vec<Event>,
    /// The cursor with which the search goes on; `None` at the end of the history, or of the time that is wanted.
    pub next: Option<String>,
    /// Back to when events were looked through; `None` if there were none.
    pub back_to: Option<Timestamp>,
    /// How many events were looked through.
    pub looked_at: u64,
    /// What of the search cannot be understood.
    pub problem: Option<String>,
}

/// The page of messages.
#[must_use]
pub fn messages(frame: &Frame, found: &Found) -> String {
    let body = html! {
        h1 { "Messages" }
        (find())
        (narrow(&found.search))
        @if let Some(problem) = &found.problem { p.wrong role="alert" { (words::paragraph(problem)) } }
        @if found.items.is_empty() && found.problem.is_none() {
            p.empty {
                @if found.next.is_some() {
                    "No message like that was found yet" (back_to(found)) ". There is older history."
                } @else if found.search == Search::default() {
                    "Nothing happened yet. Register the messages that you send: " code { "POST /v1/watches" } "."
                } @else {
                    "No message like that is remembered: all history was looked through" (back_to(found)) ". "
                    a href="/messages" { "Show all of late" } "."
                }
            }
        } @else if !found.items.is_empty() {
            div.wide tabindex="0" role="region" aria-label="Messages" {
                table.cards {
                    thead { tr { (heads(&["Changed", "Message", "From", "To", "Country, operator", "Label, tags"].map(Text))) } }
                    tbody { @for event in &found.items { (row(event)) } }
                }
            }
        }
        @if let Some(next) = &found.next {
            p {
                a.button href=(found.search.address(next)) rel="next" { "Search older" }
                " " span.hint {
                    (words::count(found.looked_at, "event", "events")) " looked through" (back_to(found))
                    ". What is older was not searched yet."
                }
            }
        } @else if !found.items.is_empty() {
            p.hint { "That is all: the history was looked through to its end" (back_to(found)) "." }
        }
    };
    page(frame, Place::Messages, "Messages", body)
}

fn back_to(found: &Found) -> Markup {
    html! { @if let Some(at) = found.back_to { " back to " (words::at(at)) } }
}

fn find() -> Markup {
    html! {
        form.filters method="get" action="/messages" role="search" aria-label="One message" {
            div {
                label for="id" { "Message id" }
                input #id name="id" spellcheck="false" autocomplete="off" placeholder="the trackingId of Routee";
            }
            div { button type="submit" { "Show its story" } }
        }
    }
}

fn narrow(search: &Search) -> Markup {
    const FIELDS: [(&str, &str, &str); 8] = [
        ("status", "Status", "Carrier Violation"),
        ("country", "Country", "GR"),
        ("operator", "Operator", ""),
        ("from", "Sender", ""),
        ("label", "Label", ""),
        ("tag", "Tag", "team=crm"),
        ("since", "Since", "2h, or 2026-05-01T10:00:00Z"),
        ("until", "Until", "30m, or an instant"),
    ];
    let value = |name: &str| {
        let fields = search.fields().into_iter();
        fields
            .filter(|(other, _)| *other == name)
            .map(|(_, value)| value.to_owned())
            .next()
    };
    html! {
        form.filters method="get" action="/messages" role="search" aria-label="Messages of late" {
            div {
                label for="outcome" { "Outcome" }
                select #outcome name="outcome" {
                    option value="" { "any" }
                    @for outcome in ["failed", "pending", STUCK, "delivered"] {
                        option value=(outcome) selected[search.outcome == outcome] { (outcome) }
                    }
                }
            }
            @for (name, label, example) in FIELDS {
                div {
                    label for=(name) { (label) }
                    input id=(name) name=(name) value=[value(name)] placeholder=(example) spellcheck="false";
                }
            }
            div { button type="submit" { "Search" } }
        }
    }
}

fn row(event: &Event) -> Markup {
    let message = &event.message;
    let text = |text: &Option<String>| words::line(text.as_deref().unwrap_or("–"));
    let tags: Vec<String> = message
        .tags
        .iter()
        .take(3)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    html! {
        tr {
            td data-label="Changed" { (words::at(event.detected_at)) }
            td data-label="Message" {
                span class=(format!("state {}", message.outcome.map_or("", Outcome::as_str))) { (words::line(&words::what_happened(event))) }
                @if let Some(id) = &message.message_id {
                    small { a href=(link::path("/messages", id.as_str(), "")) { (words::line(id.as_str())) } }
                }
            }
            td data-label="From" { (text(&message.from)) }
            td data-label="To" { (text(&message.to)) }
            td data-label="Country" { (text(&message.country)) @if message.operator.is_some() { ", " (text(&message.operator)) } }
            td data-label="Label, tags" {
                @if message.label.is_some() { (text(&message.label)) }
                @if !tags.is_empty() { small { (words::line(&tags.join(", "))) } }
            }
        }
    }
}
