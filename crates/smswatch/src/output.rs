//! Standard output of the commands.

use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use serde::Serialize;
use tokio::sync::oneshot;

use crate::log;

/// What a command has to say could not be printed.
#[derive(Debug, thiserror::Error)]
#[error("could not print")]
pub(crate) struct Unprinted(#[source] io::Error);

impl Unprinted {
    /// Why not.
    pub(crate) fn cause(self) -> io::Error {
        self.0
    }

    /// Whether the reader has closed the output, as in `smswatch events | head`.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
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
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Adds something about the output that is not part of it, on standard error.
pub(crate) fn remark(text: &str) {
    log::say(&format!("{text}\n"));
}

/// How many texts may wait for standard output to be read.
const MOST_WAITING: usize = 64;

/// A text that waits to be printed, and its caller.
type Waiting = (String, oneshot::Sender<io::Result<()>>);

/// The thread of this process that prints.
static PRINTER: OnceLock<SyncSender<Waiting>> = OnceLock::new();

/// Prints lines for people without keeping the thread from other work while they are not read: a thread of
/// its own waits for the reader. A text whose caller has given up is not printed.
///
/// # Errors
///
/// Standard output is gone, or too much waits for it already.
pub(crate) async fn print_soon(text: String) -> Result<(), Unprinted> {
    let (printed, answer) = oneshot::channel();
    let sent = printer().map_err(Unprinted)?.try_send((text, printed));
    sent.map_err(|error| {
        Unprinted(match error {
            TrySendError::Full(_) => io::Error::new(
                io::ErrorKind::WouldBlock,
                "standard output is not read, and too much waits for it",
            ),
            TrySendError::Disconnected(_) => io::ErrorKind::BrokenPipe.into(),
        })
    })?;
    let answer = answer.await;
    answer
        .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
        .map_err(Unprinted)
}

fn printer() -> io::Result<&'static SyncSender<Waiting>> {
    if let Some(printer) = PRINTER.get() {
        return Ok(printer);
    }
    let (printer, waiting) = sync_channel::<Waiting>(MOST_WAITING);
    let printing = move || {
        for (text, printed) in waiting {
            if printed.is_closed() {
                continue;
            }
            // One write, so that texts do not run into each other.
            let mut stdout = anstream::stdout().lock();
            let written = stdout.write_all(text.as_bytes());
            let written = written.and_then(|()| stdout.flush());
            // The caller may have just stopped waiting.
            let _sent = printed.send(written);
        }
    };
    thread::Builder::new()
        .name("print".to_owned())
        .spawn(printing)?;
    // Of two that come at once one is kept; the thread of the other ends.
    Ok(PRINTER.get_or_init(|| printer))
}
