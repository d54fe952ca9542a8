//! `cargo xtask bench sources`: how many calls of the provider's API a message takes, and how late its end is noticed, for
//! each way to learn of it: on a clock that a program moves, with messages that live for seconds to days.

mod fixed;
mod life;
mod play;
mod report;
mod watcher;

use std::time::Duration;

use crate::arguments::Arguments;
pub use report::{Report, SourceReport};

const USAGE: &str =
    "usage: cargo xtask bench sources [--seed S] [--messages N] [--only WORDS] [--json]";

/// The intervals of the pollers that ask about each message again and again until it is final.
const FIXED: [Duration; 4] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
];

/// How many messages there are, what they follow from, and what is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What the messages and their lives follow from.
    pub seed: u64,
    /// How many messages are sent within a day.
    pub messages: u32,
    /// What the names of the ways contain that are measured; empty for all.
    pub only: String,
    /// Whether the figures are printed as JSON.
    pub json: bool,
}

impl Options {
    /// Reads `--seed`, `--messages`, `--only` and `--json`.
    ///
    /// # Errors
    ///
    /// An argument is not known, or is no number.
    pub fn read(arguments: &[String]) -> anyhow::Result<Self> {
        Arguments::read(USAGE, arguments, |given| {
            Ok(Self {
                seed: given.number("--seed")?.unwrap_or(1),
                messages: given.number("--messages")?.unwrap_or(100_000),
                only: given.text("--only")?.unwrap_or_default().to_owned(),
                json: given.has("--json"),
            })
        })
    }
}

/// Runs the measurement, and prints what came of it.
///
/// # Errors
///
/// The arguments make no sense, or the engine does not take a message.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = Options::read(arguments)?;
    let report = measure(&options)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// Measures each way with the same messages.
///
/// # Errors
///
/// The engine does not take a message.
pub fn measure(options: &Options) -> anyhow::Result<Report> {
    let sent = life::draw_all(options);
    let mut report = Report::new(options, sent.len());
    for interval in FIXED {
        report.sources.push(fixed::poll(&sent, interval));
    }
    for way in play::WAYS
        .iter()
        .filter(|way| way.name.contains(&options.only))
    {
        report.sources.push(play::play(way, options, &sent)?);
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::words;

    #[test]
    fn arguments_are_read_and_refused() {
        let read = |line: &str| Options::read(&words(line));
        let options =
            read("--seed 7 --messages 2000 --only sweeps --json").expect("they make sense");
        let expected = Options {
            seed: 7,
            messages: 2_000,
            only: "sweeps".to_owned(),
            json: true,
        };
        assert_eq!(options, expected);
        for wrong in ["--seed", "--seed x", "--fast 1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
