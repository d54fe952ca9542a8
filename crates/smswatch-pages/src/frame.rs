//! What every page has around it: head, navigation, who is logged in, and what was just done.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use smswatch_model::Timestamp;

use crate::{assets, words};

/// What a page knows beside what it shows.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The version of smswatch.
    pub version: String,
    /// Who looks.
    pub visitor: Visitor,
    /// When the page is made, by the store's clock.
    pub now: Timestamp,
    /// What the visitor has just done.
    pub done: Option<Done>,
}

/// Who looks at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// The name of the token with which they logged in; `None` where no token is needed.
    pub name: Option<String>,
    /// Whether they may change anything; else no buttons are shown.
    pub may_change: bool,
    /// What each form hands in, so that no other site can make a browser send one.
    pub form_key: String,
}

/// What a visitor has just done, to be told once on the page that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    word: String,
    count: Option<u64>,
}

impl Done {
    /// Something that was done, by a word that is known here.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self {
            word: word.to_owned(),
            count: None,
        }
    }

    /// The same to a number of things.
    #[must_use]
    pub fn counted(word: &str, count: u64) -> Self {
        Self {
            count: Some(count),
            ..Self::new(word)
        }
    }

    /// Reads what stands behind `done=` in an address: `retried` or `retried.12`. Anything unknown says nothing, so that
    /// no link can put words onto a page.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (word, count) = match text.split_once('.') {
            Some((word, count)) => (word, Some(count.parse().ok()?)),
            None => (text, None),
        };
        let done = Self {
            word: word.to_owned(),
            count,
        };
        done.text().is_some().then_some(done)
    }

    /// What stands behind `done=`.
    #[must_use]
    pub fn parameter(&self) -> String {
        match self.count {
            Some(count) => format!("{}.{count}", self.word),
            None => self.word.clone(),
        }
    }

    fn text(&self) -> Option<String> {
        let deliveries = |what: &str| {
            let count = self.count.unwrap_or(1);
            let deliveries = words::count(count, "delivery", "deliveries");
            let verb = if count == 1 { "is" } else { "are" };
            format!("{deliveries} {verb} {what}.")
        };
        Some(match self.word.as_str() {
            "retried" => deliveries("on the way again"),
            "dropped" => deliveries("dropped"),
            "paused" => "The sink is paused. Its deliveries wait.".to_owned(),
            "resumed" => "The sink gets its deliveries again.".to_owned(),
            "silenced" => "The silence begins within a second.".to_owned(),
            "ended" => "The silence has ended.".to_owned(),
            _ => return None,
        })
    }
}

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Now,
    Messages,
    Deliveries,
    Sinks,
    Silences,
    Rules,
    Campaigns,
    /// A page that the navigation does not name.
    Elsewhere,
}

/// The navigation: place, address and name.
const PLACES: [(Place, &str, &str); 7] = [
    (Place::Now, "/", "Now"),
    (Place::Messages, "/messages", "Messages"),
    (Place::Deliveries, "/deliveries", "Deliveries"),
    (Place::Sinks, "/sinks", "Sinks"),
    (Place::Silences, "/silences", "Silences"),
    (Place::Rules, "/rules", "Rules"),
    (Place::Campaigns, "/campaigns", "Campaigns"),
];

/// A whole page.
pub(crate) fn page(frame: &Frame, place: Place, title: &str, body: Markup) -> String {
    let content = html! {
        header.top {
            a.brand href="/" { "smswatch" }
            nav aria-label="Pages" {
                ul {
                    @for (other, href, name) in PLACES {
                        li { a href=(href) aria-current=[(other == place).then_some("page")] { (name) } }
                    }
                }
            }
            @if let Some(name) = &frame.visitor.name {
                form.who method="post" action="/logout" {
                    (form_key(frame))
                    span { (words::line(name)) @if !frame.visitor.may_change { " (reads only)" } }
                    button.quiet type="submit" { "Log out" }
                }
            }
        }
        main #content data-live[place == Place::Now] tabindex="-1" {
            @if let Some(text) = frame.done.as_ref().and_then(Done::text) {
                p.done role="status" { (text) }
            }
            (body)
        }
        footer {
            p {
                "smswatch " (frame.version) ", as of " (words::at(frame.now)) ". "
                a href="/api" { "Calls of the API" } ". "
                span #live hidden { "This page shows what happens as it happens." }
            }
        }
    };
    document(title, &content)
}

/// A page without navigation, for visitors who have not logged in.
pub(crate) fn bare(title: &str, body: &Markup) -> String {
    document(
        title,
        &html! {
            main #content.narrow tabindex="-1" { (body) }
        },
    )
}

fn document(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="same-origin";
                title { (title) " · smswatch" }
                link rel="icon" href=(assets::icon()) type="image/svg+xml";
                link rel="stylesheet" href=(assets::style());
                // Times are made local before anything is painted: else the page would move under the eye.
                script src=(assets::script()) defer blocking="render" {}
            }
            body {
                a.skip href="#content" { "Skip to content" }
                (content)
            }
        }
    };
    page.into_string()
}

/// The field of a form that shows where it comes from.
pub(crate) fn form_key(frame: &Frame) -> Markup {
    html! { input type="hidden" name="form_key" value=(frame.visitor.form_key); }
}

/// A form that is a button: `label` for the eye, `fields` that it hands in. Nothing for a visitor who may change nothing.
pub(crate) fn button(frame: &Frame, action: &str, label: &str, fields: &[(&str, &str)]) -> Markup {
    if !frame.visitor.may_change {
        return PreEscaped(String::new());
    }
    html! {
        form.inline method="post" action=(action) {
            (form_key(frame))
            @for (name, value) in fields {
                input type="hidden" name=(name) value=(value);
            }
            button type="submit" { (label) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_puts_no_words_of_its_own_onto_a_page() {
        let done = Done::counted("retried", 412);
        assert_eq!(Done::read(&done.parameter()), Some(done.clone()));
        assert_eq!(
            done.text().as_deref(),
            Some("412 deliveries are on the way again.")
        );
        for text in ["", "hacked", "retried.x", "retried.-1", "<b>"] {
            assert_eq!(Done::read(text), None, "{text}");
        }
    }
}
