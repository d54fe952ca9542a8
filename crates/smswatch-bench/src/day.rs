//! `cargo xtask day`: a day of messages through the real engine and the default rules, on a clock that a program
//! moves, and what people were told of the five things that went wrong in it.

mod incident;
pub(crate) mod letter;
mod network;
mod play;
pub(crate) mod provider;
mod recorder;
mod report;
mod rules;
pub(crate) mod traffic;
mod verdict;

use std::time::Duration;

use anyhow::bail;

use crate::arguments::Arguments;
pub use incident::Kind;
pub use report::{IncidentReport, Report};

const USAGE: &str = "usage: cargo xtask day [--seed S] [--messages N] [--hours H] [--json]";

/// How many messages there are in how many hours, and what all else follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What the messages, their fates and the incidents follow from.
    pub seed: u64,
    /// How many messages are sent.
    pub messages: u32,
    /// How many hours of the day are played: 24, or fewer from seven in the morning on.
    pub hours: u32,
    /// Whether the findings are printed as JSON.
    pub json: bool,
}

impl Options {
    /// Reads `--seed`, `--messages`, `--hours` and `--json`.
    ///
    /// # Errors
    ///
    /// An argument is not known, or is no number.
    pub fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let options = Arguments::read(USAGE, arguments, |given| {
            Ok(Self {
                seed: given.number("--seed")?.unwrap_or(1),
                messages: given.number("--messages")?.unwrap_or(1_000_000),
                hours: given.number("--hours")?.unwrap_or(24),
                json: given.has("--json"),
            })
        })?;
        if !(1..=24).contains(&options.hours) {
            bail!("--hours must be from 1 to 24");
        }
        if options.messages < options.hours * 5_000 {
            bail!(
                "--messages must be at least 5000 for each hour: incidents in fewer cannot be told from chance"
            );
        }
        Ok(options)
    }

    /// At which second of the day the first message is sent.
    fn begins(&self) -> u32 {
        if self.hours == 24 { 0 } else { 7 * 3600 }
    }

    /// For how long messages are sent.
    fn length(&self) -> Duration {
        Duration::from_secs(u64::from(self.hours) * 3600)
    }
}

/// Runs the chore: plays the day and prints what came of it.
///
/// # Errors
///
/// The arguments make no sense, or the default rules did not do what they are for.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = Options::read(arguments)?;
    let report = play::play(&options)?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    if report.is_good() {
        Ok(())
    } else {
        bail!("the rules missed a goal; the seed is {}", options.seed)
    }
}

/// Plays a day.
///
/// # Errors
///
/// The default rules do not compile, or the engine refuses a message.
pub fn play(options: &Options) -> anyhow::Result<Report> {
    play::play(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::words;

    #[test]
    fn arguments_are_read_and_refused() {
        let read = |line: &str| Options::read(&words(line));
        let options = read("--seed 7 --messages 20000 --hours 4 --json").expect("they make sense");
        let expected = Options {
            seed: 7,
            messages: 20_000,
            hours: 4,
            json: true,
        };
        assert_eq!(options, expected);
        for wrong in [
            "--seed",
            "--seed x",
            "--hours 25",
            "--messages 10",
            "--fast 1",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
