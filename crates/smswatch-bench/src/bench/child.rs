//! A process that is measured from outside: its processor time and its memory.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use smswatch_bench::memory::Memory;

/// Processor time is counted in these by Linux, for every program, on every machine.
const TICKS_PER_SECOND: u64 = 100;

/// How long a process may take to say what is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A child process, gone when it is dropped.
#[derive(Debug)]
pub(super) struct Measured(Child);

impl Measured {
    /// Starts `command` and waits until it says `sign` on the given stream; returns what follows it.
    pub(super) fn start(
        command: &mut Command,
        stream: Stream,
        sign: &'static str,
    ) -> anyhow::Result<(Self, String)> {
        match stream {
            Stream::Stdout => command.stdout(Stdio::piped()).stderr(Stdio::null()),
            Stream::Stderr => command.stderr(Stdio::piped()).stdout(Stdio::null()),
        };
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("could not start {:?}", command.get_program()))?;
        let mut this = Self(child);
        let lines: Box<dyn std::io::Read + Send> = match stream {
            Stream::Stdout => Box::new(this.0.stdout.take().context("it is piped")?),
            Stream::Stderr => Box::new(this.0.stderr.take().context("it is piped")?),
        };
        let (found, awaited) = std::sync::mpsc::channel();
        // Reads on to the end: a full pipe would stop the process.
        std::thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once(sign) {
                    let word = rest.split_whitespace().next().unwrap_or_default();
                    // The caller may have stopped waiting.
                    let _sent = found.send(word.to_owned());
                } else if line.contains("ERROR") || line.contains("error") {
                    eprintln!("{line}");
                }
            }
        });
        match awaited.recv_timeout(PATIENCE) {
            Ok(word) => Ok((this, word)),
            Err(_) => bail!("{:?} did not start", command.get_program()),
        }
    }

    /// Processor time so far, in user and kernel mode together.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        cpu_of(&self.0.id().to_string())
    }

    /// Resident memory now and at its highest.
    pub(super) fn memory(&self) -> anyhow::Result<Memory> {
        Memory::of(self.0.id())
    }
}

/// Where a process says something.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Drop for Measured {
    fn drop(&mut self) {
        // One that has ended already needs no signal.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Processor time of the process `pid`, or of this one for `self`.
pub(super) fn cpu_of(pid: &str) -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process ended")?;
    // The second field is a name in parentheses that may hold anything.
    let (_, fields) = text.rsplit_once(')').context("a line of numbers")?;
    let numbers: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |position: usize| -> anyhow::Result<u64> {
        let field = numbers.get(position).context("a field of numbers")?;
        Ok(field.parse()?)
    };
    let total = ticks(11)? + ticks(12)?;
    Ok(Duration::from_millis(total * 1000 / TICKS_PER_SECOND))
}
