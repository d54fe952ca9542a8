//! A real SMTP server on loopback that keeps what it is sent: Debian's `python3-aiosmtpd`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// The interpreter that Debian installs its packages for; another one would not find them.
const PYTHON: &str = "/usr/bin/python3";

/// How long waiting for something lasts before it counts as never coming.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the folder of mails is looked at.
const PACE: Duration = Duration::from_millis(10);

/// A mail as the relay accepted it, with everything decoded.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// The address of `MAIL FROM`.
    pub envelope_from: String,
    /// The addresses of the accepted `RCPT TO`.
    pub envelope_to: Vec<String>,
    /// Every header, in order.
    pub headers: Vec<(String, String)>,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// What the parser had to mend to read it.
    pub defects: Vec<String>,
    /// The whole mail as it came.
    pub raw: String,
}

impl Mail {
    /// The decoded value of the header `name`, where there is one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// At which step of the conversation the relay does something unusual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The greeting.
    Connect,
    /// The login.
    Auth,
    /// The sender.
    Mail,
    /// Any recipient.
    Rcpt,
    /// This recipient.
    RcptOf(String),
    /// The end of the mail.
    Data,
}

impl Stage {
    fn key(&self) -> String {
        match self {
            Self::Connect => "connect".to_owned(),
            Self::Auth => "auth".to_owned(),
            Self::Mail => "mail".to_owned(),
            Self::Rcpt => "rcpt".to_owned(),
            Self::RcptOf(address) => format!("rcpt:{address}"),
            Self::Data => "data".to_owned(),
        }
    }
}

/// A mail relay on a free port of loopback, gone when it is dropped.
#[derive(Debug)]
pub struct SmtpServer {
    port: u16,
    folder: TempDir,
    moods: Mutex<BTreeMap<String, String>>,
    // Ends the process when it is dropped.
    _process: Child,
}

impl SmtpServer {
    /// Starts a relay that takes mail from everybody.
    ///
    /// # Panics
    ///
    /// `python3-aiosmtpd` is not installed.
    pub async fn start() -> Self {
        Self::run(&[]).await
    }

    /// Starts a relay that wants this login first.
    ///
    /// # Panics
    ///
    /// `python3-aiosmtpd` is not installed.
    pub async fn start_with_login(user: &str, password: &str) -> Self {
        Self::run(&[user, password]).await
    }

    async fn run(login: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("the system has room for temporary files");
        let script = folder.path().join("smtp_server.py");
        fs::write(&script, include_str!("smtp_server.py")).expect("the folder can be written");
        let process = Command::new(PYTHON)
            .arg(&script)
            .arg(folder.path())
            .args(login)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let Ok(mut process) = process else {
            panic!("{PYTHON} is missing; `cargo xtask test` installs what the tests need");
        };
        let output = process.stdout.take().expect("the output is piped");
        let line = BufReader::new(output).lines().next_line().await;
        let Some(port) = line.ok().flatten().and_then(|line| line.parse().ok()) else {
            panic!(
                "the mail relay did not start; `cargo xtask test` installs python3-aiosmtpd, which it is made of"
            );
        };
        Self {
            port,
            folder,
            moods: Mutex::default(),
            _process: process,
        }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address as a URL without a login.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Gives `reply`, such as `550 5.1.1 No such user`, at `stage` from now on.
    ///
    /// # Panics
    ///
    /// The temporary folder cannot be written.
    pub fn reply_at(&self, stage: &Stage, reply: &str) {
        self.change_moods(|moods| {
            moods.insert(stage.key(), reply.to_owned());
        });
    }

    /// Says nothing at `stage` from now on.
    pub fn hang_at(&self, stage: &Stage) {
        self.reply_at(stage, "hang");
    }

    /// Gives a reply without end at `stage` from now on.
    pub fn ramble_at(&self, stage: &Stage) {
        self.reply_at(stage, "ramble");
    }

    /// Does nothing unusual from now on.
    pub fn accept(&self) {
        self.change_moods(BTreeMap::clear);
    }

    fn change_moods(&self, change: impl FnOnce(&mut BTreeMap<String, String>)) {
        let mut moods = self.moods.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut moods);
        // Written aside and renamed, because the relay may read at any moment.
        let path = self.folder.path().join("moods.json");
        let aside = self.folder.path().join("moods.json.new");
        let text = serde_json::to_vec(&*moods).expect("a map of strings is JSON");
        fs::write(&aside, text).expect("the folder can be written");
        fs::rename(&aside, &path).expect("the folder can be written");
    }

    /// The mails that were accepted so far, in order.
    ///
    /// # Panics
    ///
    /// The temporary folder cannot be read.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        (1..)
            .map(|n| self.folder.path().join(format!("{n:04}.json")))
            .take_while(|path| path.exists())
            .map(|path| read(&path))
            .collect()
    }

    /// Waits until `n` mails were accepted, and tells all that were.
    ///
    /// # Panics
    ///
    /// They do not come within half a minute.
    pub async fn wait_for(&self, n: usize) -> Vec<Mail> {
        let last = self.folder.path().join(format!("{n:04}.json"));
        wait_until(&format!("mail {n}"), || n == 0 || last.exists()).await;
        self.mails()
    }

    /// Waits until somebody waits for an answer at a stage that hangs.
    ///
    /// # Panics
    ///
    /// Nobody does within half a minute.
    pub async fn wait_until_hanging(&self) {
        let sign = self.folder.path().join("hanging");
        wait_until("a hanging client", || sign.exists()).await;
    }
}

fn read(path: &Path) -> Mail {
    let text = fs::read(path).expect("the relay renames a mail when it is whole");
    serde_json::from_slice(&text).expect("the relay writes mails as JSON")
}

async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(PACE).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(came.is_ok(), "waited in vain for {what}");
}
