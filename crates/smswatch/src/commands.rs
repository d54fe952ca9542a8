//! The commands that speak to a running service.

pub(crate) mod dead;
pub(crate) mod events;
pub(crate) mod show;
pub(crate) mod sink_flow;
pub(crate) mod sink_test;
pub(crate) mod status;
mod table;
pub(crate) mod watch;

use std::io::Write as _;

use serde_json::Value;

/// Prints a value as JSON for programs.
fn print_json(value: &Value) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    serde_json::to_writer_pretty(&mut stdout, value)?;
    writeln!(stdout)?;
    Ok(())
}

/// Prints lines for people.
fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// A text field of an answer, or a dash.
fn field<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("-")
}

/// How many attempts on a delivery were made, more than are kept perhaps.
fn attempts_made(delivery: &Value) -> String {
    let made = delivery["attempts_made"].as_u64();
    made.map_or_else(|| "-".to_owned(), |made| made.to_string())
}
