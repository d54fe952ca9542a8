//! Where log lines go: to standard error, as `RUST_LOG` wants them, and never at the cost of the work.

mod queue;

use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use self::queue::LogQueue;

/// How many bytes may wait for standard error to take them; what comes beyond is lost and counted.
const MOST_WAITING: usize = 1024 * 1024;

/// How long the end of the process waits for standard error to take what was said last.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long a panic waits to find out whether standard error is read.
const PROBE: Duration = Duration::from_millis(100);

/// The queue of this process, once it logs.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// Starts logging; `default` holds where `RUST_LOG` says nothing. From here on nothing waits for
/// the reader of standard error.
pub(crate) fn start(default: &str) {
    if QUEUE.get().is_none()
        && let Ok(queue) = LogQueue::start(std::io::stderr(), MOST_WAITING)
        && QUEUE.set(queue).is_ok()
    {
        keep_panics_from_waiting();
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let has_color =
        std::io::stderr().is_terminal() && crate::environment::variable("NO_COLOR").is_none();
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(has_color)
        // Standard error may be gone; writing to it would panic.
        .log_internal_errors(false);
    // A program around this one may have started its own logging: that one stays.
    let _already_started = match QUEUE.get() {
        Some(queue) => logging.with_writer(queue.clone()).try_init(),
        None => logging.with_writer(std::io::stderr).try_init(),
    };
}

/// Writes lines for people to standard error: in their turn among the log lines, where there are any.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    // Standard error may be gone.
    let _written = match QUEUE.get() {
        Some(queue) => {
            let is_colored =
                anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
            match is_colored {
                true => queue.push(text.as_bytes()),
                false => queue.push(anstream::adapter::strip_str(text).to_string().as_bytes()),
            }
            Ok(())
        }
        None => anstream::stderr().write_all(text.as_bytes()),
    };
}

/// Waits until all lines are written, if standard error is read.
pub(crate) fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(LAST_WORDS);
    }
}

/// A panic is written to standard error by the thread that panics, which would wait there for a reader for
/// ever. So the usual words come only while standard error is read; else they wait with the log's lines.
fn keep_panics_from_waiting() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        match QUEUE.get().filter(|queue| !queue.flush(PROBE)) {
            Some(queue) => queue.push(format!("{panic}\n").as_bytes()),
            None => usual(panic),
        }
    }));
}
