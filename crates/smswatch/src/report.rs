//! Tells a person what went wrong, and the shell with an exit status.

use std::process::ExitCode;

use smswatch_rules::Diagnostic;

use crate::log;
use crate::output::Unprinted;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is wrong; every problem is named.
    Configuration(Vec<Diagnostic>),
    /// It was used wrongly in a way that the command line's own check cannot see.
    Usage(String),
    /// Something in the world is not as it should be.
    Failed(anyhow::Error),
}

/// Something that a person typed cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct WrongUsage(String);

impl WrongUsage {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<WrongUsage>() {
            Ok(WrongUsage(what)) => Self::Usage(what),
            Err(error) => Self::Failed(error),
        }
    }
}

/// Writes the failure to standard error and chooses the exit status.
pub(crate) fn print(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Configuration(problems) => show(problems),
        Failure::Usage(what) => log::say(&format!("error: {what}\n")),
        Failure::Failed(error) if is_broken_pipe(error) => return ExitCode::SUCCESS,
        Failure::Failed(error) => log::say(&format!("error: {error:#}\n")),
    }
    match failure {
        Failure::Configuration(_) | Failure::Usage(_) => ExitCode::from(2),
        Failure::Failed(_) => ExitCode::FAILURE,
    }
}

/// The reader has closed the output, as in `smswatch events | head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let unprinted = error.downcast_ref::<Unprinted>();
    unprinted.is_some_and(Unprinted::is_broken_pipe)
}

/// Writes problems or warnings to standard error.
pub(crate) fn show(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        log::say(&format!("{diagnostic}\n\n"));
    }
}
