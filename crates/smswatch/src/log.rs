//! Where log lines go: to standard error, as `RUST_LOG` wants them.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// Starts logging; `default` holds where `RUST_LOG` says nothing.
pub(crate) fn start(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let has_color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    // A program around this one may have started its own logging: that one stays.
    let _already_started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(has_color)
        // Where standard error is gone there is nobody to tell that it is gone: telling it panics.
        .log_internal_errors(false)
        .try_init();
}
