//! YAML that knows where everything stands, the rules written in it, and what they match.
//!
//! [`Document`] reads a file so that every problem can be shown at its line and column, as a
//! [`Diagnostic`]. [`compile`] makes a [`RuleSet`] of the rules in it and finds all that is wrong
//! with them. The rules then say which events matter, who is notified of them, and in which words.

mod compile;
mod condition;
mod diagnostic;
mod document;
mod duration;
mod event_word;
mod explain;
mod field;
mod grouping;
mod hold_back;
mod index;
mod maintenance;
mod matching;
mod measuring;
mod pattern;
mod rate;
mod rule;
mod rule_set;
mod seam;
mod template;
mod words;
mod yaml;

pub use compile::{
    CheckOverrides, Compiled, Options, OverrideProblem, compile, compile_maintenance,
};
pub use diagnostic::{Diagnostic, Level, Place};
pub use document::{
    EventDocument, EventWord, GroupDocument, HoldBackDocument, LinkDocument, MaintenanceDocument,
    MatchDocument, NamesDocument, OncePerDocument, PatternDocument, RuleDocument, TargetDocument,
    TemplateDocument,
};
pub use maintenance::Maintenance;
pub use pattern::{NumberKey, TextPattern};
pub use rule_set::RuleSet;
pub use smswatch_plugin::{InvalidSpan, Span};
pub use smswatch_template::did_you_mean;
pub use words::{default_text, default_title, short_words};
pub use yaml::{Content, Document, Entry, Key, Node};
