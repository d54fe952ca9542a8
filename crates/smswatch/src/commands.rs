//! The commands that speak to a running service.

pub(crate) mod dead;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod init;
pub(crate) mod redrive;
pub(crate) mod shell;
pub(crate) mod show;
pub(crate) mod silence;
pub(crate) mod sink_flow;
pub(crate) mod sink_test;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod watch;

use smswatch_plugin::model::Timestamp;

pub(crate) use crate::output::{print, print_json, remark};

/// A text, or a dash where there is none.
fn or_dash(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("-")
}

/// An instant, or a dash where there is none.
fn instant(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| at.to_string())
}

/// How much of a list a command has shown.
fn shown_of(shown: usize, of: Option<u64>) -> String {
    match of {
        Some(of) if of > shown as u64 => format!("{shown} of {of}; `--limit` shows more"),
        _ => format!("the first {shown}; there may be more, which `--limit` shows"),
    }
}
