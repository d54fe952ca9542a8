//! YAML that knows where everything stands, the rules written in it, and what they match.
//!
//! [`Document`] reads a file so that every problem can be shown at its line and column, as a
//! [`Diagnostic`]. [`compile`] makes a [`RuleSet`] of the rules in it and finds all that is wrong
//! with them; the book then says which events matter and who is notified of them.

mod book;
mod compile;
mod condition;
mod diagnostic;
mod document;
mod event_word;
mod field;
mod pattern;
mod sample;
mod span;
mod suggest;
mod template;
mod wording;
mod yaml;

pub use book::RuleSet;
pub use compile::{CheckOverrides, Compiled, Options, OverrideProblem, compile};
pub use diagnostic::{Diagnostic, Level, Place};
pub use document::{
    EventDocument, EventWord, MatchDocument, PatternDocument, RuleDocument, TargetDocument,
    TemplateDocument,
};
pub use pattern::NumberKey;
pub use span::{InvalidSpan, Span};
pub use suggest::did_you_mean;
pub use wording::{default_text, default_title, short_words};
pub use yaml::{Content, Document, Entry, Key, Node};
