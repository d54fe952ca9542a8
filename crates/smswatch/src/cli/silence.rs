//! What a person can type about silences.

use clap::{Args, Subcommand};
use smswatch_plugin::model::Timestamp;
use smswatch_rules::Span;

use super::CallArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum SilenceCommand {
    /// Hold back what matches, until the silence ends
    Add(SilenceAddArgs),
    /// List silences and open maintenance windows, the active ones first
    List(SilenceListArgs),
    /// End a silence; what it held back is not sent, and can be retried
    End(SilenceEndArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SilenceAddArgs {
    /// What is held back: a key of a rule's `match`, or `event`, `rule`, `severity` or `sink`. May be given
    /// several times: every key must hold, and one of the values of a key
    #[arg(long = "match", value_name = "KEY=VALUE", value_parser = parse_match)]
    pub(crate) matching: Vec<(String, String)>,
    /// Take what the silence is to match from this delivery; prints the proposal, and makes the silence with
    /// `--yes`
    #[arg(long, value_name = "DELIVERY_ID")]
    pub(crate) from: Option<String>,
    /// Hold back everything
    #[arg(long, conflicts_with_all = ["matching", "from"])]
    pub(crate) everything: bool,
    /// How long it lasts, such as `30m`, `2h` or `7d`
    #[arg(long = "for", value_name = "TIME", value_parser = parse_span)]
    pub(crate) duration: Option<String>,
    /// When it ends, such as `2026-05-01T10:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = parse_instant, conflicts_with = "duration")]
    pub(crate) until: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) comment: String,
    /// Who wants it [default: the name of the user]
    #[arg(long, value_name = "NAME")]
    pub(crate) author: Option<String>,
    /// Make the silence that `--from` proposes
    #[arg(long, requires = "from")]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SilenceListArgs {
    /// Those that have ended, too
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SilenceEndArgs {
    /// The silence's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

fn parse_match(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a condition is written KEY=VALUE, such as status=Undelivered".to_owned()),
    }
}

/// The service counts from its own clock, so the text is handed on as it is.
fn parse_span(text: &str) -> Result<String, String> {
    text.parse::<Span>()
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

fn parse_instant(text: &str) -> Result<String, String> {
    text.parse::<Timestamp>()
        .map(|_| text.to_owned())
        .map_err(|_| "write an instant such as 2026-05-01T10:00:00Z".to_owned())
}
