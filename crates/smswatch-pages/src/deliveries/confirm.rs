//! The page that asks once more before deliveries are sent again or dropped, and says how many.

use maud::html;
use smswatch_api::deliveries::DeliveriesQuery;

use super::{address, hidden_filter};
use crate::frame::{Frame, Place, form_key, page};
use crate::words;

/// What is about to be done.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// Whether they are dropped; else they are sent again.
    pub is_drop: bool,
    /// The filter that names them, or from which they were chosen.
    pub query: DeliveriesQuery,
    /// Those that were chosen; all that the filter names if there are none.
    pub chosen: Vec<String>,
    /// How many there are.
    pub count: u64,
    /// Whether there are more than were counted.
    pub is_cut: bool,
}

/// The page that asks once more.
#[must_use]
pub fn confirm(frame: &Frame, asked: &Confirm) -> String {
    let more = if asked.is_cut { "more than " } else { "" };
    let count = words::count(asked.count, "delivery", "deliveries");
    let title = match asked.is_drop {
        true => format!("Drop {more}{count}?"),
        false => format!("Send {more}{count} again?"),
    };
    let what = match (asked.is_drop, asked.chosen.is_empty()) {
        (true, true) => "drop-all",
        (true, false) => "drop",
        (false, true) => "retry-all",
        (false, false) => "retry",
    };
    let back = address(&asked.query, None);
    let body = html! {
        h1 { (title) }
        @if asked.count == 0 {
            p { "There is none that this could be done to." }
            p { a href=(back) { "Back" } }
        } @else {
            @match asked.is_drop {
                true => p { "They are not sent, and are removed for good. This cannot be undone." },
                false => p { "They keep their ids, so that a receiver can tell that it had one before." },
            }
            @if asked.chosen.is_empty() { (filter(&asked.query)) }
            form.actions method="post" action="/deliveries/do" {
                (form_key(frame))
                (hidden_filter(&asked.query))
                input type="hidden" name="what" value=(what);
                @for id in &asked.chosen { input type="hidden" name="id" value=(id); }
                @match asked.is_drop {
                    true => button.danger type="submit" { "Drop " (more) (count) },
                    false => button type="submit" { "Send " (more) (count) " again" },
                }
                a.button href=(back) { "Cancel" }
            }
        }
    };
    page(frame, Place::Deliveries, &title, body)
}

/// The filter in words.
fn filter(query: &DeliveriesQuery) -> maud::Markup {
    let state = query.state.as_ref().map(|state| state.as_str().to_owned());
    html! {
        dl.facts-of {
            @for (name, value) in [("State", &state), ("Sink", &query.sink), ("Rule", &query.rule), ("Since", &query.since)] {
                @if let Some(value) = value { dt { (name) } dd { (words::line(value)) } }
            }
        }
    }
}
