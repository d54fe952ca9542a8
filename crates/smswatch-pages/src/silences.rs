//! Silences: what is held back, until when, why and by whom; a form for another one.

use maud::{Markup, html};
use smswatch_api::list::ListReply;
use smswatch_api::silences::{SilenceReply, SilenceSource, SilenceState};

use crate::frame::{Frame, Place, button, form_key, page};
use crate::table::Column::Text;
use crate::table::heads;
use crate::{link, matching, words};

/// How long a silence may last by choice.
const SPANS: [(&str, &str); 6] = [
    ("30m", "30 minutes"),
    ("1h", "1 hour"),
    ("2h", "2 hours"),
    ("4h", "4 hours"),
    ("12h", "12 hours"),
    ("24h", "24 hours"),
];

/// How long it lasts by default.
const USUAL: &str = "2h";

/// The page of silences.
#[must_use]
pub fn silences(frame: &Frame, list: &ListReply<SilenceReply>) -> String {
    let body = html! {
        h1 { "Silences" }
        @if frame.visitor.may_change { p { a.button href="/silences/new" { "Silence something" } } }
        @if list.items.is_empty() {
            p.empty {
                "Nothing is silenced. On an alert or a message, choose “Silence…”: what it matches is filled in there. "
                "Maintenance windows stand in the configuration."
            }
        } @else {
            div.wide tabindex="0" role="region" aria-label="Silences" {
                table.cards {
                    thead {
                        tr {
                            (heads(&["State", "Matches", "Until", "Held back", "Why", "Who"].map(Text)))
                            @if frame.visitor.may_change { td {} }
                        }
                    }
                    tbody { @for silence in &list.items { (row(frame, silence)) } }
                }
            }
            @if let Some(next) = &list.next {
                p { a.button href=(link::query("/silences", [("cursor", next.as_str())])) rel="next" { "More" } }
            }
        }
    };
    page(frame, Place::Silences, "Silences", body)
}

fn row(frame: &Frame, silence: &SilenceReply) -> Markup {
    let is_active = silence.state == SilenceState::Active;
    let is_window = silence.source == SilenceSource::Configuration;
    let class = if is_active {
        "state suppressed"
    } else {
        "state"
    };
    html! {
        tr {
            td data-label="State" {
                span class=(class) { (words::line(silence.state.as_str())) }
                @if is_window { small { "maintenance window" } }
            }
            td data-label="Matches" { (matches(silence)) }
            td data-label="Until" { (words::at(silence.until)) }
            td.number data-label="Held back" { (silence.held_back.map_or("–".to_owned(), words::number)) }
            td data-label="Why" { (words::line(&silence.comment)) }
            td data-label="Who" { (words::line(&silence.author)) }
            @if frame.visitor.may_change {
                td {
                    @if is_active && !is_window {
                        (button(frame, &link::path("/silences", &silence.id, "/end"), "End it", &[]))
                    }
                }
            }
        }
    }
}

fn matches(silence: &SilenceReply) -> Markup {
    let text = matching::write(&silence.matching);
    html! {
        @if text.is_empty() { strong { "everything" } }
        @for line in text.lines().take(12) { div { (words::line(line)) } }
    }
}

/// A silence that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Draft {
    /// What it matches, in lines of `key: value`.
    pub matching: String,
    /// When it ends, in the words of the API.
    pub until: String,
    /// Why.
    pub comment: String,
    /// Who.
    pub author: String,
    /// Why it was not made, if that was tried.
    pub problem: Option<String>,
}

/// The form for another silence.
#[must_use]
pub fn new_silence(frame: &Frame, draft: &Draft) -> String {
    let until = if draft.until.is_empty() {
        USUAL
    } else {
        &draft.until
    };
    let author = match draft.author.as_str() {
        "" => frame.visitor.name.as_deref().unwrap_or_default(),
        author => author,
    };
    let is_listed = SPANS.iter().any(|(span, _)| *span == until);
    let body = html! {
        h1 { "Silence something" }
        @if let Some(problem) = &draft.problem { p.wrong #why role="alert" { (words::paragraph(problem)) } }
        p { "What matches is not told while the silence lasts. It is kept, and shows what held it back." }
        form method="post" action="/silences" {
            (form_key(frame))
            label for="match" { "What it matches" }
            textarea #match name="match" spellcheck="false" required aria-describedby="how" { (draft.matching) }
            p #how.hint {
                "A line for each condition; all have to hold. Keys are those of a rule’s " code { "match" } ", such as "
                code { "country: GR" } " or " code { "operator: [\"One\", \"Two\"]" } ", and " code { "rule" } ", " code { "sink" } ", "
                code { "severity" } " and " code { "event" } "."
            }
            label for="until" { "For how long" }
            select #until name="until" {
                @for (span, name) in SPANS { option value=(span) selected[span == until] { (name) } }
                @if !is_listed { option value=(until) selected { (words::cut(until)) } }
            }
            label for="comment" { "Why" }
            input #comment name="comment" maxlength="1000" value=(draft.comment);
            label for="author" { "Who" }
            input #author name="author" maxlength="100" value=(author);
            div.actions {
                button type="submit" { "Silence it" }
                a.button href="/silences" { "Cancel" }
            }
        }
    };
    page(frame, Place::Silences, "Silence something", body)
}
