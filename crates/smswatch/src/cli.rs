//! What a person can type.

mod dead;
mod rules;
mod silence;

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};

use crate::settings::DEFAULT_LISTEN;
pub(crate) use dead::{
    Choice, DeadChoiceArgs, DeadCommand, DeadListArgs, DeadShowArgs, ReplayArgs,
};
pub(crate) use rules::{BacktestArgs, ExplainArgs, RulesCommand, TestRulesArgs};
pub(crate) use silence::{SilenceAddArgs, SilenceCommand, SilenceEndArgs, SilenceListArgs};

/// Watches SMS for status changes and tells the right people.
#[derive(Debug, Parser)]
#[command(name = "smswatch", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Watch messages, notice changes and deliver alerts, until SIGTERM or Ctrl-C
    Run(ConfigArgs),
    /// Show alerts for simulated messages; needs no account
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Write a configuration to begin with, and say what comes next
    Init(InitArgs),
    /// Check the configuration and say everything that is wrong with it
    Check(CheckArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Try rules before they go live
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Have messages watched by the running service
    Watch(WatchArgs),
    /// Stop watching messages; what is known of them goes
    Unwatch(UnwatchArgs),
    /// Show one message: its parts, what happened, which rules fired or why not, its deliveries; or a campaign
    Show(ShowArgs),
    /// List events, newest first
    Events(EventsArgs),
    /// Show how the running service is
    Status(StatusArgs),
    /// Say whether the running service lives, for health checks
    Health(HealthArgs),
    /// Look after sinks
    #[command(subcommand)]
    Sink(SinkCommand),
    /// Look after dead letters: what could not be delivered
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Send again what was delivered, under the old ids
    Replay(ReplayArgs),
    /// Hold back what need not be told for a while
    #[command(subcommand)]
    Silence(SilenceCommand),
    /// Print the JSON Schema of the configuration file
    Schema(SchemaArgs),
    /// Print what the HTTP API takes and answers, as OpenAPI 3.1
    Openapi,
    /// Print a script that completes commands in a shell
    Completions(CompletionsArgs),
    /// Write a manual page for each command into a directory
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file [default: smswatch.yaml, else config/smswatch.yaml]
    // An empty variable is taken, and means that none is set.
    #[arg(long, value_name = "FILE", env = "SMSWATCH_CONFIG",
          value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Print the schema of the scenarios for `smswatch rules test` instead
    #[arg(long)]
    pub(crate) scenarios: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell that is to complete them
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where the pages go; it is made if it is missing
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The file; one that is there stays as it is
    #[arg(value_name = "FILE", default_value = "smswatch.yaml")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Also try the store, Routee's token, every sink's receiver and that of traces; nothing is sent
    #[arg(long)]
    pub(crate) online: bool,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration that takes effect as YAML: defaults filled in, secrets hidden
    Show(ConfigArgs),
}

#[cfg(feature = "demo")]
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// How many messages to simulate
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) messages: u32,
    /// How many seconds the show takes
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub(crate) seconds: u32,
    /// Where the API answers
    #[arg(long, default_value = DEFAULT_LISTEN, value_name = "ADDRESS")]
    pub(crate) listen: std::net::SocketAddr,
}

/// How to reach the running service.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArgs {
    /// The running service's address [env: SMSWATCH_URL] [default: http://127.0.0.1:8080]
    #[arg(long)]
    url: Option<String>,
    /// The bearer token of its API [env: SMSWATCH_TOKEN]
    #[arg(long)]
    token: Option<String>,
}

impl ServiceArgs {
    /// Where the service answers.
    pub(crate) fn url(&self) -> String {
        let url = given(self.url.as_ref(), "SMSWATCH_URL");
        url.unwrap_or_else(|| format!("http://{DEFAULT_LISTEN}"))
    }

    /// What lets a command in.
    pub(crate) fn token(&self) -> Option<String> {
        given(self.token.as_ref(), "SMSWATCH_TOKEN")
    }
}

/// What was typed, else what a variable says; an empty one says nothing. A variable known to clap
/// would be shown in every usage line as if it had to be given.
fn given(typed: Option<&String>, variable: &str) -> Option<String> {
    let from_variable = || crate::environment::variable(variable);
    let given = typed.cloned().or_else(from_variable)?;
    let given = given.trim();
    (!given.is_empty()).then(|| given.to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct OutputArgs {
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to ask the running service, and how to print what it answers.
#[derive(Debug, Args)]
pub(crate) struct CallArgs {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The messages' ids, as Routee gave them out (trackingId)
    #[arg(value_name = "ID", required_unless_present_any = ["file", "campaigns"])]
    pub(crate) ids: Vec<String>,
    /// A campaign to follow with every message in it, by the id that Routee gave it; may be given several times
    #[arg(long = "campaign", value_name = "ID")]
    pub(crate) campaigns: Vec<String>,
    /// A tag for the watch; may be given several times
    #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = parse_tag)]
    pub(crate) tags: Vec<(String, String)>,
    /// A file of any length: one id a line, CSV with a header, or JSON lines; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Leave out what stands before this line of the file
    #[arg(long, value_name = "N", requires = "file", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) from_line: u64,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UnwatchArgs {
    /// The messages' ids
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The id of a message or a campaign
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Show rules about other kinds of events, too
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Go on and print new events as they come, oldest first
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only events of this message
    #[arg(long, value_name = "ID")]
    pub(crate) message_id: Option<String>,
    /// Only events of this type, such as `gave_up` or `sms.gave_up`
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// How many events to print
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Whether it does its work, too: not while it starts or stops, or its store is away
    #[arg(long)]
    pub(crate) ready: bool,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SinkCommand {
    /// Have the running service send one test notification, wait, and tell what came of it
    Test(SinkTestArgs),
    /// Hold a sink back until it is resumed; its deliveries wait
    Pause(SinkArgs),
    /// Let a sink have its deliveries again; one whose breaker is open is probed at once
    Resume(SinkArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SinkArgs {
    /// The sink's name in the configuration
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SinkTestArgs {
    /// The sink's name in the configuration
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// How many seconds to wait for what comes of it
    #[arg(long, default_value_t = 60)]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) call: CallArgs,
}

fn parse_tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a tag is written NAME=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_tag_needs_a_name() {
        assert_eq!(
            parse_tag("team=crm=x"),
            Ok(("team".to_owned(), "crm=x".to_owned()))
        );
        assert!(parse_tag("=crm").is_err() && parse_tag("team").is_err());
    }
}
