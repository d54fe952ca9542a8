//! What a person can type behind `smswatch rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ConfigArgs, OutputArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Say what each rule makes of an event: who would be notified, or which condition failed
    Explain(ExplainArgs),
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
