//! What each way to learn of a status takes, as a table for people and as JSON.

use std::fmt;

use serde::Serialize;

use super::Options;

/// What one way takes.
#[derive(Debug, Serialize)]
pub struct SourceReport {
    /// What a person calls it.
    pub source: String,
    /// How many calls of the provider's API it made.
    pub calls: u64,
    /// How many that is for each message.
    pub calls_per_message: f64,
    /// Of how many messages it noticed the end.
    pub noticed: usize,
    /// How long after a message's end half of them were noticed, in milliseconds.
    pub p50_ms: u64,
    /// How long after a message's end 99 of 100 were noticed, in milliseconds.
    pub p99_ms: u64,
}

/// What all of them take with the same messages.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What the messages followed from.
    pub seed: u64,
    /// How many messages were sent.
    pub messages: usize,
    /// The ways to learn of a status.
    pub sources: Vec<SourceReport>,
}

impl SourceReport {
    /// The figures of a way, from its calls and the delays with which ends were noticed, in milliseconds.
    pub(super) fn of(source: String, messages: usize, calls: u64, mut delays: Vec<u64>) -> Self {
        delays.sort_unstable();
        let at = |percent: usize| {
            let place = (delays.len() * percent).div_ceil(100).max(1) - 1;
            delays.get(place).copied().unwrap_or_default()
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let calls_per_message = calls as f64 / messages.max(1) as f64;
        Self {
            source,
            calls,
            calls_per_message,
            noticed: delays.len(),
            p50_ms: at(50),
            p99_ms: at(99),
        }
    }
}

impl Report {
    pub(super) fn new(options: &Options, messages: usize) -> Self {
        Self {
            seed: options.seed,
            messages,
            sources: Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, messages, .. } = self;
        writeln!(f, "{messages} messages of a day, seed {seed}\n")?;
        writeln!(
            f,
            "| {:<28} | {:>17} | {:>9} | {:>11} | {:>11} |",
            "source", "calls per message", "noticed", "delay p50", "delay p99"
        )?;
        writeln!(f, "|---|---|---|---|---|")?;
        for source in &self.sources {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let seconds = |millis: u64| format!("{:.1} s", millis as f64 / 1000.0);
            writeln!(
                f,
                "| {:<28} | {:>17.3} | {:>9} | {:>11} | {:>11} |",
                source.source,
                source.calls_per_message,
                source.noticed,
                seconds(source.p50_ms),
                seconds(source.p99_ms)
            )?;
        }
        Ok(())
    }
}
