//! What a person can type behind `smswatch rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::dead::parse_since;
use super::{CallArgs, ConfigArgs, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Say what each rule makes of an event: who would be notified, or which condition failed
    Explain(ExplainArgs),
    /// Play scenarios with a fixed clock, and show where the rules notify otherwise than expected
    Test(TestRulesArgs),
    /// Try other rules on what the running service remembers, and count how many notifications they would have made
    Backtest(BacktestArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    /// The configuration file with the other rules
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// From when on: `7d` ago, or `2026-05-01T10:00:00Z`
    #[arg(long, value_name = "WHEN", default_value = "7d", value_parser = parse_since)]
    pub(crate) since: String,
    /// The configuration file with today's rules [default: smswatch.yaml, else config/smswatch.yaml]
    #[command(flatten)]
    pub(crate) today: ConfigArgs,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TestRulesArgs {
    /// A YAML file with scenarios
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The configuration file [default: what the scenarios name, else
    /// $SMSWATCH_CONFIG, else smswatch.yaml, else config/smswatch.yaml]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Write a report in the XML that build servers read
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A file with an event as JSON: one of `data.events`, or the whole body of a webhook; `-` is
    /// standard input
    #[arg(value_name = "EVENT.json")]
    pub(crate) event: PathBuf,
    /// Show rules about other kinds of events, too
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}
