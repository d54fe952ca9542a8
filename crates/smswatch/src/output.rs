//! Standard output of the commands.

use std::io::Write as _;

use serde_json::Value;

/// What a command has to say could not be printed.
#[derive(Debug, thiserror::Error)]
#[error("could not print")]
pub(crate) struct Unprinted(#[source] std::io::Error);

impl Unprinted {
    /// Whether whoever read the output has seen enough, as in `smswatch events | head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.kind() == std::io::ErrorKind::BrokenPipe
    }
}

/// Prints lines for people.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    let printed = stdout.write_all(text.as_bytes());
    let printed = printed.and_then(|()| stdout.flush());
    Ok(printed.map_err(Unprinted)?)
}

/// Prints a value as JSON for programs.
pub(crate) fn print_json(value: &Value) -> anyhow::Result<()> {
    print(&format!("{value:#}\n"))
}

/// Adds something about the output that is not part of it, on standard error.
pub(crate) fn remark(text: &str) {
    // Where standard error is gone there is nobody to tell.
    let _written = writeln!(anstream::stderr(), "{text}");
}
