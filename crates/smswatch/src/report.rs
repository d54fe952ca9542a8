//! Tells a person what went wrong, and the shell with an exit status.

use std::io::Write as _;
use std::process::ExitCode;

use smswatch_rules::Diagnostic;

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

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Writes the failure to standard error and chooses the exit status.
pub(crate) fn tell(failure: &Failure) -> ExitCode {
    let mut stderr = anstream::stderr().lock();
    // Where standard error is gone there is nobody to tell.
    let _written = match failure {
        Failure::Configuration(problems) => problems
            .iter()
            .try_for_each(|problem| writeln!(stderr, "{problem}\n")),
        Failure::Usage(what) => writeln!(stderr, "error: {what}"),
        Failure::Failed(error) if is_broken_pipe(error) => Ok(()),
        Failure::Failed(error) => writeln!(stderr, "error: {error:#}"),
    };
    match failure {
        Failure::Configuration(_) | Failure::Usage(_) => ExitCode::from(2),
        Failure::Failed(_) => ExitCode::FAILURE,
    }
}

/// Whoever read the output has seen enough, as in `smswatch events | head`.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Writes warnings to standard error.
pub(crate) fn show(warnings: &[Diagnostic]) {
    let mut stderr = anstream::stderr().lock();
    for warning in warnings {
        // Where standard error is gone there is nobody to warn.
        let _written = writeln!(stderr, "{warning}\n");
    }
}
