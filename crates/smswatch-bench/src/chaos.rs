//! `cargo xtask chaos`: kills, cuts, stops and refusals, and the count of what was lost.
//!
//! Two replicas share one Redis, tell three receivers of every change of every message, and play the
//! default rules besides, while processes are killed, stopped and reloaded, connections are cut, and
//! receivers fail, hang and go away. At the end the receivers' books are compared with what the simulated
//! Routee said, and with what the rules say of each event of the log.

mod account;
mod alerts;
mod book;
mod faults;
mod findings;
mod ledger;
mod leftovers;
mod letters;
mod plan;
mod receiver;
mod registration;
mod replica;
mod report;
mod rules;
mod settle;
mod stage;
mod story;
mod turns;
mod verdict;
mod wanted;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::arguments::Arguments;
pub use findings::Findings;
pub use report::Report;

const USAGE: &str =
    "usage: cargo xtask chaos [--minutes M] [--messages N] [--seed S] [--profile dev|release|dist]";

/// What cargo tells a test of its package. Where the next cargo is told of it too, the build script of `ring` takes it for
/// a change, and the program would be built anew.
const OF_A_PACKAGE: [&str; 7] = [
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_LINKS",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION_MAJOR",
    "CARGO_PKG_VERSION_MINOR",
    "CARGO_PKG_VERSION_PATCH",
    "CARGO_PKG_VERSION_PRE",
];

/// How long a run is, how much happens in it, and what its faults follow from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Which build is played with: `dev`, or `release` where a run is longer than a minute.
    pub profile: &'static str,
    /// How long things go wrong.
    pub length: Duration,
    /// How many messages are watched.
    pub messages: usize,
    /// What the plan of faults follows from.
    pub seed: u64,
}

impl Options {
    /// Reads `--minutes`, `--messages`, `--seed` and `--profile`.
    ///
    /// # Errors
    ///
    /// An argument is not known, or is no number.
    pub fn read(arguments: &[String]) -> anyhow::Result<Self> {
        Arguments::read(USAGE, arguments, |given| {
            let minutes: f64 = given.number("--minutes")?.unwrap_or(1.0);
            if !(0.1..=1_440.0).contains(&minutes) {
                bail!("--minutes must be from 0.1 to 1440");
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a positive number of messages"
            )]
            let usual = (minutes * 2_000.0) as usize;
            let random = || fastrand::u64(..1_000_000);
            Ok(Self {
                profile: match given.text("--profile")? {
                    None if minutes <= 1.0 => "dev",
                    None | Some("release") => "release",
                    Some("dev") => "dev",
                    Some("dist") => "dist",
                    Some(other) => bail!("`--profile {other}` is not known; {USAGE}"),
                },
                length: Duration::from_secs_f64(minutes * 60.0),
                messages: given.number("--messages")?.unwrap_or(usual),
                seed: given.number("--seed")?.unwrap_or_else(random),
            })
        })
    }
}

/// Runs the chore: builds the program, plays, prints the table.
///
/// # Errors
///
/// The arguments make no sense, something needed is missing, or anything was lost, false or not
/// recognizable.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    let options = Options::read(arguments)?;
    let binary = build(options.profile)?;
    println!(
        "chaos of {} s with {} messages, seed {}",
        options.length.as_secs(),
        options.messages,
        options.seed
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(play(&binary, &options))?;
    print!("{report}");
    if report.is_clean() {
        Ok(())
    } else {
        bail!("a promise was broken; the seed is {}", options.seed)
    }
}

/// Plays one run with the program `binary`; processes and files are gone afterwards, except that
/// the logs are kept where something was found.
///
/// # Errors
///
/// Something that the run needs is missing, or a process does not start any more.
pub async fn play(binary: &Path, options: &Options) -> anyhow::Result<Report> {
    stage::play(binary, options).await
}

/// Builds the program with cargo's `profile`, `dev`, `release` or `dist`, and returns where it is.
///
/// # Errors
///
/// It does not compile.
pub fn build(profile: &str) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    for name in OF_A_PACKAGE {
        cargo.env_remove(name);
    }
    if profile == "dev" {
        // The very program of the tests: `build` makes another one, and would put it in the place of theirs while they run.
        cargo.args(["test", "--no-run", "--workspace"]);
    } else {
        cargo.args(["build", "--workspace", "--bin", "smswatch"]);
        cargo.args(["--profile", profile]);
    }
    let built = cargo
        .args(["--features", "smswatch/otlp", "--locked"])
        .status()
        .context("could not run cargo")?;
    if !built.success() {
        bail!("smswatch does not compile");
    }
    let metadata = cargo_metadata::MetadataCommand::new().no_deps().exec()?;
    let directory = if profile == "dev" { "debug" } else { profile };
    let binary = metadata.target_directory.join(directory).join("smswatch");
    Ok(binary.into_std_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::words;

    #[test]
    fn arguments_are_read_and_refused() {
        let read = |line: &str| Options::read(&words(line));
        let options = read("--minutes 10 --messages 20000 --seed 7").expect("they make sense");
        let expected = Options {
            profile: "release",
            length: Duration::from_secs(600),
            messages: 20_000,
            seed: 7,
        };
        assert_eq!(options, expected);
        for wrong in [
            "--minutes",
            "--minutes x",
            "--minutes 0",
            "--fast 1",
            "--profile x",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
