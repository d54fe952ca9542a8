//! Log lines on their way out: a thread of its own writes them, so that a reader that stops reading stops nothing.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How soon an output that takes nothing for now is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// A bounded queue before a thread that writes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LogQueue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    has_more: Condvar,
    is_done: Condvar,
    /// How many bytes may wait.
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// How many lines found no room since the last ones that were written.
    lost: u64,
    is_writing: bool,
}

impl State {
    fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.lost == 0 && !self.is_writing
    }
}

impl LogQueue {
    /// Starts the thread that writes to `output`; up to `most` bytes wait for it.
    ///
    /// # Errors
    ///
    /// The system has no thread left.
    pub(crate) fn start(output: impl Write + Send + 'static, most: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            has_more: Condvar::new(),
            is_done: Condvar::new(),
            most,
        });
        let writer = Arc::clone(&shared);
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || writer.write_to(output))?;
        Ok(Self(shared))
    }

    /// Queues whole lines, or counts them as lost where there is no room. Never waits for the output.
    pub(crate) fn push(&self, lines: &[u8]) {
        let mut state = self.0.state();
        if state.waiting.len() + lines.len() > self.0.most {
            state.lost += count(lines);
        } else {
            state.waiting.extend_from_slice(lines);
        }
        drop(state);
        self.0.has_more.notify_one();
    }

    /// Waits up to `patience` until all that was queued is written; returns whether it is.
    pub(crate) fn flush(&self, patience: Duration) -> bool {
        let shared = &self.0;
        let waited = shared
            .is_done
            .wait_timeout_while(shared.state(), patience, |state| !state.is_done());
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_done()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does for as long as the process lives.
    fn write_to(&self, mut output: impl Write) {
        // What an output that was gone or full has not taken; somebody may mend it.
        let mut unwritten = 0;
        loop {
            let idle = |state: &mut State| state.waiting.is_empty() && state.lost == 0;
            let waiting = self.has_more.wait_while(self.state(), idle);
            let mut state = waiting.unwrap_or_else(PoisonError::into_inner);
            let waiting = std::mem::take(&mut state.waiting);
            let lost = std::mem::take(&mut state.lost);
            state.is_writing = true;
            drop(state);
            let mut lines = remark(unwritten);
            lines.extend_from_slice(&waiting);
            // What found no room came after what did.
            lines.extend_from_slice(&remark(lost));
            let written = write(&mut output, &lines);
            unwritten = match written < lines.len() {
                true => unwritten + lost + count(&lines[written..]),
                false => 0,
            };
            self.state().is_writing = false;
            self.is_done.notify_all();
        }
    }
}

/// The line about this many lost lines; nothing if none were lost.
fn remark(lost: u64) -> Vec<u8> {
    match lost {
        0 => Vec::new(),
        1 => b"[1 line of the log is missing here: standard error was not read in time]\n".to_vec(),
        lost => format!(
            "[{lost} lines of the log are missing here: standard error was not read in time]\n"
        )
        .into_bytes(),
    }
}

fn count(lines: &[u8]) -> u64 {
    let ends = lines.iter().filter(|byte| **byte == b'\n').count();
    u64::try_from(ends).unwrap_or(u64::MAX)
}

/// Writes `lines`; returns how many bytes of them the output took before it failed.
fn write(output: &mut impl Write, lines: &[u8]) -> usize {
    let mut written = 0;
    while written < lines.len() {
        match output.write(&lines[written..]) {
            Ok(0) => return written,
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Another program has made a pipe or a terminal that is shared with it non-blocking.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(AGAIN),
            Err(_) => return written,
        }
    }
    // Flushing an output that has taken everything can only fail where it is gone.
    let _flushed = output.flush();
    written
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = Lines<'a>;

    fn make_writer(&'a self) -> Lines<'a> {
        Lines(self)
    }
}

/// Takes each line of the log as a whole.
#[derive(Debug)]
pub(crate) struct Lines<'a>(&'a LogQueue);

impl Write for Lines<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// An output that takes each write only when somebody reads it.
    struct Pipe {
        asks: Sender<Vec<u8>>,
        answers: Receiver<io::Result<()>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
            self.asks.send(bytes.to_vec()).map_err(|_| gone(()))?;
            self.answers.recv().map_err(|_| gone(()))??;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Reader {
        asks: Receiver<Vec<u8>>,
        answers: Sender<io::Result<()>>,
    }

    impl Reader {
        /// What is to be written, which then fails or not.
        fn read(&self, answer: io::Result<()>) -> String {
            let bytes = self.asks.recv_timeout(PATIENCE).expect("a write");
            self.answers.send(answer).expect("the writer waits");
            String::from_utf8(bytes).expect("lines are text")
        }
    }

    fn queue(most: usize) -> (LogQueue, Reader) {
        let (asks, asked) = channel();
        let (answers, answered) = channel();
        let output = Pipe {
            asks,
            answers: answered,
        };
        let reader = Reader {
            asks: asked,
            answers,
        };
        (LogQueue::start(output, most).expect("a thread"), reader)
    }

    #[test]
    fn whoever_logs_never_waits_and_is_told_later_how_much_was_lost() {
        let (queue, reader) = queue(16);
        queue.push(b"first\n");
        // The thread holds it now, and the next ones wait behind it.
        let first = reader.asks.recv_timeout(PATIENCE).expect("a write");
        assert_eq!(first, b"first\n");
        for _ in 0..1000 {
            queue.push(b"second\n");
        }
        assert!(!queue.flush(Duration::ZERO), "nobody has read it");
        reader.answers.send(Ok(())).expect("the writer waits");
        assert_eq!(
            reader.read(Ok(())),
            "second\nsecond\n[998 lines of the log are missing here: standard error was not read in \
             time]\n"
        );
        assert!(queue.flush(PATIENCE));
        queue.push(b"third\n");
        assert_eq!(reader.read(Ok(())), "third\n");
    }

    #[test]
    fn what_an_output_did_not_take_is_told_when_it_takes_something_again() {
        let (queue, reader) = queue(1024);
        queue.push(b"first\n");
        reader.read(Err(io::ErrorKind::StorageFull.into()));
        assert!(queue.flush(PATIENCE), "there is nothing to wait for");
        queue.push(b"second\n");
        reader.read(Err(io::ErrorKind::WouldBlock.into()));
        let lost = "[1 line of the log is missing here: standard error was not read in time]\n";
        assert_eq!(reader.read(Ok(())), format!("{lost}second\n"));
        assert!(queue.flush(PATIENCE));
        queue.push(b"third\n");
        assert_eq!(reader.read(Ok(())), "third\n");
    }
}
