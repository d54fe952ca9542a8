//! One replica: the built program as a process, killed, stopped and started again.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{oneshot, watch};

use crate::memory::Peak;

/// How long a process may take to say where its API is; Redis is never gone for half as long.
const START: Duration = Duration::from_secs(60);

/// `smswatch run` with a configuration of its own.
#[derive(Debug)]
pub(super) struct Replica {
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    url: watch::Sender<Option<String>>,
    child: Option<Child>,
    peak: Peak,
}

impl Replica {
    /// One that is not started yet; its log is beside its configuration.
    /// What memory it takes goes into `peak`.
    pub(super) fn new(binary: &Path, config: PathBuf, peak: Peak) -> Self {
        Self {
            binary: binary.to_owned(),
            log: config.with_extension("log"),
            config,
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
            // A process that has ended already is as good as killed.
            let _killed = child.kill().await;
        }
    }

    /// Sends `STOP` or `CONT`.
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

    /// How it ended, where nobody killed it.
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
