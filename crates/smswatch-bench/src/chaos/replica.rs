//! One replica: the built program as a process, killed, stopped, started again and given other configurations.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{oneshot, watch};

use super::rules::Files;
use crate::memory::Peak;

/// How long a process may take to say where its API is; Redis is never gone for half as long.
const START: Duration = Duration::from_secs(60);

/// How long it may take until it has said what came of another configuration.
const RELOAD: Duration = Duration::from_secs(10);

/// How a replica is given another configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reload {
    /// One that is as good, and a request over the API.
    Asked,
    /// One that must be refused, and a request over the API. Afterwards the one before is there again, and the
    /// replica has to notice that by itself.
    Bad,
    /// One that is as good, and `SIGHUP`.
    Signaled,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reloaded {
    /// It was taken over, or is going to be.
    Done,
    /// It was refused, as it should be.
    Refused,
    /// The replica did not answer in time.
    Unanswered,
    /// It answered otherwise than it should.
    Wrong(String),
}

/// `smswatch run` with a configuration of its own.
#[derive(Debug)]
pub(super) struct Replica {
    binary: PathBuf,
    config: PathBuf,
    files: Files,
    /// Which of the good files is there.
    current: usize,
    log: PathBuf,
    url: watch::Sender<Option<String>>,
    child: Option<Child>,
    peak: Peak,
}

impl Replica {
    /// One that is not started yet; its log is beside its configuration.
    /// What memory it takes goes into `peak`.
    pub(super) fn new(binary: &Path, config: PathBuf, files: Files, peak: Peak) -> Self {
        Self {
            binary: binary.to_owned(),
            log: config.with_extension("log"),
            config,
            files,
            current: 0,
            url: watch::Sender::new(None),
            child: None,
            peak,
        }
    }

    /// Where its API is; nothing while it does not run.
    pub(super) fn door(&self) -> watch::Receiver<Option<String>> {
        self.url.subscribe()
    }

    /// Starts it and waits until its API is there; while Redis is away, it waits for it.
    ///
    /// # Errors
    ///
    /// It cannot be started, or ends before its API is there.
    pub(super) async fn start(&mut self) -> anyhow::Result<()> {
        self.put(&self.files.good[self.current])?;
        let mut child = Command::new(&self.binary)
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .env("RUST_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("could not start {}", self.binary.display()))?;
        let stderr = child.stderr.take().context("its stderr is piped")?;
        let log = File::options().create(true).append(true).open(&self.log)?;
        let (found, address) = oneshot::channel();
        tokio::spawn(follow(stderr, log, found));
        let pid = child.id().context("it has just been started")?;
        tokio::spawn(self.peak.clone().follow(pid));
        self.child = Some(child);
        match tokio::time::timeout(START, address).await {
            Ok(Ok(url)) => self.url.send_replace(Some(url)),
            _ => bail!("a replica does not start; see {}", self.log.display()),
        };
        Ok(())
    }

    /// Ends it at once, as a crash would.
    pub(super) async fn kill(&mut self) {
        self.url.send_replace(None);
        if let Some(mut child) = self.child.take() {
            // A process that has ended already needs no signal.
            let _killed = child.kill().await;
        }
    }

    /// Sends `STOP`, `CONT` or `HUP`.
    ///
    /// # Errors
    ///
    /// `kill` is missing, or the process has gone.
    pub(super) async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let pid = self.child.as_ref().and_then(Child::id);
        let pid = pid.context("it does not run")?.to_string();
        let signal = format!("-{name}");
        let sent = Command::new("kill").args([&signal, &pid]).status().await?;
        if !sent.success() {
            bail!("{pid} did not take {signal}");
        }
        Ok(())
    }

    /// Puts another configuration in place, and has it loaded.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or no signal can be sent.
    pub(super) async fn reload(&mut self, how: Reload) -> anyhow::Result<Reloaded> {
        if how == Reload::Bad {
            self.put(&self.files.bad)?;
            let reloaded = self.ask().await;
            self.put(&self.files.good[self.current])?;
            return Ok(match reloaded {
                Some(422) => Reloaded::Refused,
                None => Reloaded::Unanswered,
                Some(other) => Reloaded::Wrong(format!("a bad file was answered {other}")),
            });
        }
        self.current = 1 - self.current;
        self.put(&self.files.good[self.current])?;
        if how == Reload::Signaled {
            self.signal("HUP").await?;
            return Ok(Reloaded::Done);
        }
        Ok(match self.ask().await {
            Some(200) => Reloaded::Done,
            None => Reloaded::Unanswered,
            Some(other) => Reloaded::Wrong(format!("a good file was answered {other}")),
        })
    }

    /// Asks for the configuration to be loaded again; the status of the answer, if one comes.
    async fn ask(&self) -> Option<u16> {
        let url = self.url.borrow().clone()?;
        let client = reqwest::Client::builder().timeout(RELOAD).build().ok()?;
        let post = client.post(format!("{url}/v1/reload"));
        Some(post.send().await.ok()?.status().as_u16())
    }

    /// Writes its configuration, as a whole or not at all.
    fn put(&self, text: &str) -> anyhow::Result<()> {
        let beside = self.config.with_extension("new");
        std::fs::write(&beside, text).context("could not write a configuration")?;
        std::fs::rename(&beside, &self.config).context("could not put it in place")
    }

    /// How it ended, unless it was killed.
    pub(super) fn ended_by_itself(&mut self) -> Option<String> {
        let ended = self.child.as_mut()?.try_wait().ok()??;
        Some(format!("{ended}; see {}", self.log.display()))
    }
}

/// Writes what the process says to its log, and tells where its API is.
async fn follow(stderr: ChildStderr, mut log: File, found: oneshot::Sender<String>) {
    let mut found = Some(found);
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, rest)) = line.split_once("its API is at ") {
            let url = rest.split_whitespace().next().unwrap_or_default();
            // Who waited may have given up.
            let _sent = found.take().map(|found| found.send(url.to_owned()));
        }
        if writeln!(log, "{line}").is_err() {
            return;
        }
    }
}
