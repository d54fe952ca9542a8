//! The commands that speak to a running service.

pub(crate) mod dead;
pub(crate) mod events;
pub(crate) mod show;
pub(crate) mod sink_flow;
pub(crate) mod sink_test;
pub(crate) mod status;
mod table;
pub(crate) mod watch;

use serde_json::Value;

pub(crate) use crate::output::{print, print_json, remark};

/// A text field of an answer, or a dash.
fn field<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("-")
}

/// How much of a list a command has shown.
fn shown_of(shown: usize, of: Option<u64>) -> String {
    match of {
        Some(of) if of > shown as u64 => format!("{shown} of {of}; `--limit` shows more"),
        _ => format!("the first {shown}; there may be more, which `--limit` shows"),
    }
}

/// How many attempts on a delivery were made, more than are kept perhaps.
fn attempts_made(delivery: &Value) -> String {
    let made = delivery["attempts_made"].as_u64();
    made.map_or_else(|| "-".to_owned(), |made| made.to_string())
}
