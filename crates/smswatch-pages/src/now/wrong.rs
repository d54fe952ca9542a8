//! One thing that is wrong: how bad it is, since when, how much, and what can be done about it.

use maud::{Markup, html};
use smswatch_model::Timestamp;

use crate::frame::{Frame, button};
use crate::words;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// It was done on purpose, or ends without help.
    Note,
    /// It should be looked at.
    Warning,
    /// It must be looked at now.
    Critical,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// Something that is wrong.
pub(super) struct Wrong {
    pub(super) level: Level,
    pub(super) since: Option<Timestamp>,
    what: Markup,
    pub(super) facts: Vec<Markup>,
    actions: Vec<Action>,
}

/// What can be done about it.
enum Action {
    /// A link to more about it.
    Link(String, String),
    /// Something for who may change things: a page that asks for more.
    Go(String, String),
    /// Something that is done at once.
    Press(String, String),
}

impl Wrong {
    pub(super) fn new(level: Level, what: Markup) -> Self {
        Self {
            level,
            since: None,
            what,
            facts: Vec::new(),
            actions: Vec::new(),
        }
    }

    pub(super) fn since(self, since: Option<Timestamp>) -> Self {
        Self { since, ..self }
    }

    pub(super) fn fact(mut self, fact: Markup) -> Self {
        self.facts.push(fact);
        self
    }

    pub(super) fn link(mut self, label: &str, href: String) -> Self {
        self.actions.push(Action::Link(label.to_owned(), href));
        self
    }

    pub(super) fn go(mut self, label: &str, href: String) -> Self {
        self.actions.push(Action::Go(label.to_owned(), href));
        self
    }

    pub(super) fn press(mut self, label: &str, action: String) -> Self {
        self.actions.push(Action::Press(label.to_owned(), action));
        self
    }

    pub(super) fn render(&self, frame: &Frame) -> Markup {
        html! {
            article class=(format!("wrong {}", self.level.word())) {
                h2 { span.level { (self.level.word()) } " " (self.what) }
                ul.facts {
                    @if let Some(since) = self.since { li { "since " (words::since(since, frame.now)) } }
                    @for fact in &self.facts { li { (fact) } }
                }
                @if !self.actions.is_empty() {
                    div.actions {
                        @for action in &self.actions {
                            @match action {
                                Action::Link(label, href) => a.button href=(href) { (label) },
                                Action::Go(label, href) => {
                                    @if frame.visitor.may_change { a.button href=(href) { (label) } }
                                },
                                Action::Press(label, action) => (button(frame, action, label, &[])),
                            }
                        }
                    }
                }
            }
        }
    }
}
