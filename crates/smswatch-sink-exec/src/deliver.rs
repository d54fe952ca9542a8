//! One attempt: a program that is started, given the notification, and waited for.

use std::fmt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::Notification;
use smswatch_plugin::Redactor;
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, Preview, Probe, Receipt, Sink, SinkContext,
};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use crate::environment::{Environment, about};
use crate::group::Group;
use crate::line::{Line, Which};
use crate::outcome::{self, Said};
use crate::{ExecConfig, ExecOverrides, Input, program, render};

/// How much of an attempt's time a program gets at most to end in order, after it was asked to.
const GRACE: Duration = Duration::from_secs(1);

/// How long what a program has written is waited for after its end. It is there by then, unless something that left
/// the program's group keeps the pipe open.
const REST: Duration = Duration::from_millis(250);

/// Starts a program for each notification.
pub struct ExecSink {
    name: String,
    /// What errors call the program.
    called: String,
    program: PathBuf,
    arguments: Vec<String>,
    input: Input,
    environment: Environment,
    redactor: Redactor,
    times: Times,
}

/// How long a program may run, and how long it may take to end when it is asked to.
#[derive(Debug, Clone, Copy)]
struct Times {
    run: Duration,
    end: Duration,
}

impl Times {
    /// Both within an attempt's `timeout`, with some of it left to say what came of it.
    fn within(timeout: Duration) -> Self {
        let grace = GRACE.min(timeout / 5);
        Self {
            run: timeout - grace,
            end: grace / 2,
        }
    }
}

impl fmt::Debug for ExecSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExecSink")
            .field("program", &self.program)
            .field("input", &self.input)
            .finish_non_exhaustive()
    }
}

impl ConfiguredSink for ExecSink {
    type Config = ExecConfig;
    type Overrides = ExecOverrides;

    fn configure(config: ExecConfig, context: &SinkContext) -> Result<Self, InvalidConfig> {
        let (called, arguments) = config.checked_command()?;
        config.check_env()?;
        let environment = Environment::with(&config.env);
        let path = environment.get("PATH").map(|path| path.as_os_str());
        let program =
            program::find(called, path).map_err(|what| InvalidConfig::at("command", what))?;
        let file = program.file_name().unwrap_or(program.as_os_str());
        Ok(Self {
            name: context.name.clone(),
            called: file.to_string_lossy().into_owned(),
            arguments: arguments.to_vec(),
            input: config.stdin,
            redactor: config.redactor(),
            times: Times::within(context.timeout),
            program,
            environment,
        })
    }

    fn check_overrides(&self, overrides: &ExecOverrides) -> Result<(), InvalidConfig> {
        overrides.check()
    }

    fn is_default(&self, key: &str, overrides: &ExecOverrides) -> bool {
        key == "args" && overrides.args.is_empty()
    }
}

#[async_trait]
impl Sink for ExecSink {
    fn preview(&self, notification: &Notification) -> Preview {
        let input = render::input(self.input, notification);
        Preview::default().part("Standard input", String::from_utf8_lossy(&input))
    }

    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let mut child = self.start(notification)?;
        let mut group = Group::of(&child);
        let input = render::input(self.input, notification);
        let (mut output, mut error) = (Line::new(Which::First), Line::new(Which::Last));
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let ended = {
            let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
                return Err(DeliveryError::temporary("the program has no pipes"));
            };
            let talk = async {
                tokio::join!(feed(stdin, &input), output.read(stdout), error.read(stderr));
            };
            tokio::pin!(talk);
            let (ended, is_talking) = {
                let end = self.end(&mut child, &group);
                tokio::pin!(end);
                tokio::select! {
                    ended = &mut end => (ended, true),
                    // It has closed its pipes, and may run on without them.
                    () = &mut talk => (end.await, false),
                }
            };
            // What it started ends with it. Numbers of processes come around again only after all others.
            group.kill();
            if is_talking {
                let _something_keeps_the_pipes = timeout(REST, talk).await.is_err();
            }
            ended
        };
        let said = Said {
            output: output.text(&self.redactor),
            error: error.text(&self.redactor),
        };
        match ended {
            Some(Ok(status)) => outcome::judge(&self.called, status, &said),
            Some(Err(error)) => {
                let what = format!("could not wait for `{}`", self.called);
                Err(DeliveryError::temporary(what).because(error))
            }
            None => {
                let seconds = self.times.run.as_secs_f64();
                Err(outcome::stopped(&self.called, seconds, &said))
            }
        }
    }

    /// Looks whether the program is still there. It is not started: what it does cannot be known.
    async fn probe(&self) -> Result<Probe, DeliveryError> {
        let path = self.program.to_string_lossy();
        match program::find(&path, None) {
            Ok(_) => Ok(Probe::Answered(format!("{path} can be started"))),
            Err(what) => Err(DeliveryError::temporary(what)),
        }
    }
}

impl ExecSink {
    /// Starts the program in a process group of its own.
    fn start(&self, notification: &Notification) -> Result<Child, DeliveryError> {
        let overrides = Self::overrides_of(notification)?.unwrap_or_default();
        Command::new(&self.program)
            .args(&self.arguments)
            .args(&overrides.args)
            .env_clear()
            .envs(self.environment.iter())
            .envs(about(notification, &self.name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                let what = format!("could not start `{}`", self.called);
                DeliveryError::temporary(what).because(error)
            })
    }

    /// Waits until the program ends; `None` if it had to be stopped.
    async fn end(&self, child: &mut Child, group: &Group) -> Option<std::io::Result<ExitStatus>> {
        if let Ok(ended) = timeout(self.times.run, child.wait()).await {
            return Some(ended);
        }
        group.ask_to_end();
        let _does_not_end = timeout(self.times.end, child.wait()).await.is_err();
        None
    }
}

/// Gives a program its input. One that does not read it, or not all of it, has its reasons.
async fn feed(mut stdin: ChildStdin, input: &[u8]) {
    let _is_read = stdin.write_all(input).await.is_ok();
}
