//! The program itself, for a `main` that adds sinks of its own.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _};
use smswatch_plugin::sink::ConfiguredSink;

use crate::cli::{
    Cli, Command, ConfigCommand, DeadCommand, RulesCommand, SilenceCommand, SinkCommand,
};
use crate::commands;
use crate::console::ConsoleSink;
use crate::report::{self, Failure};
use crate::sink_types::SinkTypes;

/// The smswatch program: every command, with the built-in sinks and whatever is added.
///
/// ```no_run
/// # use smswatch_plugin::sink::ConfiguredSink;
/// fn main_with<T: ConfiguredSink>() -> std::process::ExitCode {
///     smswatch::App::new().sink::<T>("pager").main()
/// }
/// ```
#[derive(Debug)]
pub struct App {
    sink_types: SinkTypes,
    name: &'static str,
    version: &'static str,
}

impl App {
    /// The program with the built-in sinks: `alertmanager`, `console`, `email`, `exec`, `slack` and
    /// `webhook`.
    #[must_use]
    pub fn new() -> Self {
        let app = Self {
            sink_types: SinkTypes::default(),
            name: "smswatch",
            version: smswatch_plugin::VERSION,
        }
        .sink::<ConsoleSink>("console");
        #[cfg(feature = "sink-alertmanager")]
        let app = app.sink::<smswatch_sink_alertmanager::AlertmanagerSink>("alertmanager");
        #[cfg(feature = "sink-email")]
        let app = app.sink::<smswatch_sink_email::EmailSink>("email");
        #[cfg(feature = "sink-exec")]
        let app = app.sink::<smswatch_sink_exec::ExecSink>("exec");
        #[cfg(feature = "sink-slack")]
        let app = app.sink::<smswatch_sink_slack::SlackSink>("slack");
        #[cfg(feature = "sink-webhook")]
        let app = app.sink::<smswatch_sink_webhook::WebhookSink>("webhook");
        app
    }

    /// Adds a kind of sink, to be configured with `type: NAME`; one of that name is replaced.
    #[must_use]
    pub fn sink<T: ConfiguredSink>(mut self, name: &str) -> Self {
        self.sink_types.add::<T>(name);
        self
    }

    /// Calls the program something else, in its help and with `--version`.
    #[must_use]
    pub fn name(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// Gives the program a version of its own, for `--version`.
    #[must_use]
    pub fn version(self, version: &'static str) -> Self {
        Self { version, ..self }
    }

    /// The kinds of sinks alone.
    #[cfg(test)]
    pub(crate) fn into_types(self) -> SinkTypes {
        self.sink_types
    }

    /// Does what the command line says, and answers with the process's exit status: 0 done,
    /// 1 failed, 2 wrong usage or configuration.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let parsed = Cli::from_arg_matches(&self.command_line().get_matches());
        let command = parsed.unwrap_or_else(|error| error.exit()).command;
        // All TLS of the process goes through this one provider. A program that calls this twice, or has
        // installed one before, keeps what is there.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return report::print(&Failure::from(anyhow::Error::from(error))),
        };
        let done = runtime.block_on(self.dispatch(command));
        // A sink that hangs in a blocking call must not keep the process from ending.
        runtime.shutdown_background();
        let status = match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => report::print(&failure),
        };
        crate::log::flush();
        status
    }

    /// The command line, under the program's name.
    fn command_line(&self) -> clap::Command {
        Cli::command().name(self.name).version(self.version)
    }

    async fn dispatch(self, command: Command) -> Result<(), Failure> {
        let command_line = self.command_line();
        let types = &Arc::new(self.sink_types);
        match command {
            Command::Run(args) => crate::run::run(types, &args).await?,
            #[cfg(feature = "demo")]
            Command::Demo(args) => crate::demo::demo(types, &args).await?,
            Command::Init(args) => commands::init::init(&args)?,
            Command::Check(args) => crate::check::check(types, &args).await?,
            Command::Config(ConfigCommand::Show(args)) => crate::check::show(types, &args)?,
            Command::Schema(args) => crate::check::schema(types, &args)?,
            Command::Openapi => commands::print(smswatch_http::openapi())?,
            Command::Completions(args) => commands::shell::completions(command_line, &args)?,
            Command::Man(args) => commands::shell::man(command_line, &args)?,
            Command::Rules(RulesCommand::Explain(args)) => {
                crate::rules::explain::explain(types, &args)?;
            }
            Command::Rules(RulesCommand::Test(args)) => crate::rules::test::test(types, &args)?,
            Command::Rules(RulesCommand::Backtest(args)) => {
                crate::rules::backtest::backtest(types, &args).await?;
            }
            Command::Watch(args) => commands::watch::watch(args).await?,
            Command::Unwatch(args) => commands::watch::unwatch(args).await?,
            Command::Show(args) => commands::show::show(args).await?,
            Command::Events(args) => commands::events::events(args).await?,
            Command::Status(args) => commands::status::status(args).await?,
            Command::Health(args) => commands::health::health(args).await?,
            Command::Sink(SinkCommand::Test(args)) => commands::sink_test::sink_test(args).await?,
            Command::Sink(SinkCommand::Pause(args)) => {
                commands::sink_flow::change(args, "pause").await?;
            }
            Command::Sink(SinkCommand::Resume(args)) => {
                commands::sink_flow::change(args, "resume").await?;
            }
            Command::Dead(DeadCommand::List(args)) => commands::dead::list(args).await?,
            Command::Dead(DeadCommand::Show(args)) => commands::dead::show(args).await?,
            Command::Dead(DeadCommand::Retry(args)) => commands::redrive::retry(args).await?,
            Command::Dead(DeadCommand::Drop(args)) => commands::redrive::drop(args).await?,
            Command::Silence(SilenceCommand::Add(args)) => commands::silence::add(args).await?,
            Command::Silence(SilenceCommand::List(args)) => commands::silence::list(args).await?,
            Command::Silence(SilenceCommand::End(args)) => commands::silence::end(args).await?,
            Command::Replay(args) => commands::redrive::replay(args).await?,
        }
        Ok(())
    }
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

/// A runtime on half of the cores, at least one: the work is many short steps, and what hops
/// between threads costs more than it gains. `TOKIO_WORKER_THREADS` asks for another number.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if crate::environment::variable("TOKIO_WORKER_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        builder.worker_threads((cores / 2).max(1));
    }
    builder.enable_all().build()
}
