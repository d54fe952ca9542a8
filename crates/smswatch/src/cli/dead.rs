//! What a person can type about dead letters and about sending again.

use clap::{Args, Subcommand};
use smswatch_plugin::model::Timestamp;
use smswatch_rules::Span;

use super::CallArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// List dead letters with the reason of each
    List(DeadListArgs),
    /// Show one delivery with every attempt
    Show(DeadShowArgs),
    /// Send dead letters again; each keeps its id
    Retry(DeadChoiceArgs),
    /// Drop dead letters for good
    Drop(DeadChoiceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DeadListArgs {
    /// Only those for this sink
    #[arg(long, value_name = "NAME")]
    pub(crate) sink: Option<String>,
    /// Only those that this rule made
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// Only those that were given up since then: `2h` ago, or `2026-05-01T10:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    pub(crate) since: Option<String>,
    /// How many to print
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeadShowArgs {
    /// The delivery's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeadChoiceArgs {
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

/// Some dead letters by their ids, or all that a filter names.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Choice {
    /// The ids of those that are meant
    #[arg(value_name = "ID", conflicts_with_all = ["sink", "rule", "since", "all"])]
    pub(crate) ids: Vec<String>,
    /// All for this sink
    #[arg(long, value_name = "NAME")]
    pub(crate) sink: Option<String>,
    /// All that this rule made
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// All that were given up since then: `2h` ago, or `2026-05-01T10:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    pub(crate) since: Option<String>,
    /// All there are
    #[arg(long, conflicts_with_all = ["sink", "rule", "since"])]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The sink that is to hear again
    #[arg(long, value_name = "NAME")]
    pub(crate) sink: String,
    /// From when on: `2h` ago, or `2026-05-01T10:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = parse_since)]
    pub(crate) since: String,
    /// Only what this rule made
    #[arg(long, value_name = "RULE")]
    pub(crate) rule: Option<String>,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

/// The service counts back from its own clock, so the text is handed on as it is.
pub(super) fn parse_since(text: &str) -> Result<String, String> {
    let is_one = text.parse::<Span>().is_ok() || text.parse::<Timestamp>().is_ok();
    is_one.then(|| text.to_owned()).ok_or_else(|| {
        "write how long ago, such as 30m, 2h or 7d, or an instant such as 2026-05-01T10:00:00Z"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::Cli;

    #[test]
    fn whoever_retries_or_drops_says_which() {
        for (line, is_accepted) in [
            ("dead retry dlv_1 dlv_2", true),
            ("dead drop --sink crm --rule r --since 2h", true),
            ("dead drop --all", true),
            ("dead drop", false),
            ("dead drop --json", false),
            ("dead retry --all --sink crm", false),
            ("dead retry dlv_1 --sink crm", false),
            ("dead retry dlv_1 --all", false),
            ("dead retry --since yesterday", false),
            ("dead list --since 2026-05-01T10:00:00Z", true),
            ("replay --sink crm --since 2h", true),
            ("replay --sink crm", false),
            ("replay --since 2h", false),
        ] {
            let words = ["smswatch"].into_iter().chain(line.split(' '));
            assert_eq!(Cli::try_parse_from(words).is_ok(), is_accepted, "{line}");
        }
    }
}
