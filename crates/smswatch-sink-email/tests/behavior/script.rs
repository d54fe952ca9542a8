//! A mail relay that answers by a script, for what a well-behaved one never says.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use smswatch_plugin::sink::Sink;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::configured;

/// What the relay answers: the first entry with which what it hears begins. `connect` stands for the
/// greeting, and `.` for the end of a mail. `silence` and `hang up` are not said but done.
pub(crate) type Script = Vec<(&'static str, &'static str)>;

/// How much the relay takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How many recipients in one mail.
    pub(crate) recipients: usize,
    /// How many mails in one conversation.
    pub(crate) mails: usize,
    /// What it answers to the next one.
    pub(crate) beyond: &'static str,
    /// How many of the first mails are too large for the mailbox of one of their recipients.
    pub(crate) refused_mails: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recipients: usize::MAX,
            mails: usize::MAX,
            beyond: "421 4.7.0 that is enough for now",
            refused_mails: 0,
        }
    }
}

/// A relay on a free port of loopback that keeps what it hears.
#[derive(Debug)]
pub(crate) struct ScriptedRelay {
    pub(crate) port: u16,
    is_silent: bool,
    heard: Arc<Mutex<Vec<String>>>,
}

impl ScriptedRelay {
    pub(crate) async fn start(script: Script) -> Self {
        Self::start_at("127.0.0.1:0", script).await
    }

    /// A relay with limits.
    pub(crate) async fn start_with(limits: Limits) -> Self {
        Self::start_limited(Vec::new(), limits).await
    }

    /// A relay with limits that else answers by `script`.
    pub(crate) async fn start_limited(script: Script, limits: Limits) -> Self {
        Self::run("127.0.0.1:0", script, limits).await
    }

    pub(crate) async fn start_at(address: &str, script: Script) -> Self {
        Self::run(address, script, Limits::default()).await
    }

    async fn run(address: &str, script: Script, limits: Limits) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let is_silent = script.iter().any(|(_, answer)| *answer == "silence");
        let keep = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, script.clone(), limits, Arc::clone(&keep)));
            }
        });
        Self {
            port,
            is_silent,
            heard,
        }
    }

    /// A sink for this relay with `more` options, to one recipient if they name none.
    pub(crate) fn sink(&self, more: Value) -> Arc<dyn Sink> {
        let mut config = json!({
            "smtp": format!("smtp://127.0.0.1:{}", self.port),
            "from": "alerts@example.com",
            "to": ["a@example.com"],
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
        Arc::new(configured(config).expect("it is valid"))
    }

    /// Whether it says nothing at some point.
    pub(crate) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// All that it heard, the mails themselves as one entry each.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Who was asked for, in order.
    pub(crate) fn asked_for(&self) -> Vec<String> {
        let heard = self.heard();
        let asked = heard
            .iter()
            .filter_map(|line| line.strip_prefix("RCPT TO:<"));
        asked
            .map(|line| line.trim_end_matches('>').to_owned())
            .collect()
    }
}

async fn converse(
    stream: TcpStream,
    script: Script,
    limits: Limits,
    heard: Arc<Mutex<Vec<String>>>,
) {
    let (mut recipients, mut mails) = (0, 0);
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    let mut said = "connect".to_owned();
    let mut is_mail = false;
    loop {
        let scripted = script.iter().find(|(words, _)| said.starts_with(words));
        let answer = match (scripted, said.as_str()) {
            (Some((_, answer)), _) => *answer,
            (None, "connect") => "220 relay.test",
            (None, line) if line.starts_with("EHLO") => "250-relay.test\r\n250 SMTPUTF8",
            (None, "DATA") => "354 go on",
            (None, line) if line.starts_with("RCPT") && recipients >= limits.recipients => {
                "452 4.5.3 too many recipients"
            }
            (None, ".") if mails <= limits.refused_mails => "552 5.2.3 too long for a mailbox",
            (None, line) if line.starts_with("MAIL") && mails >= limits.mails => limits.beyond,
            (None, _) => "250 ok",
        };
        match said.get(..4) {
            Some("RCPT") => recipients += 1,
            Some("MAIL") => (recipients, mails) = (0, mails + 1),
            _ => {}
        }
        if answer == "silence" {
            std::future::pending::<()>().await;
        }
        if answer == "hang up" {
            return;
        }
        is_mail = said == "DATA" && answer.starts_with("354") || is_mail && said != ".";
        if output
            .write_all(format!("{answer}\r\n").as_bytes())
            .await
            .is_err()
        {
            return;
        }
        if answer.starts_with("421") || said == "QUIT" {
            return;
        }
        let mut mail = String::new();
        loop {
            let Ok(Some(line)) = lines.next_line().await else {
                return;
            };
            if !is_mail || line == "." {
                said = line;
                break;
            }
            mail.push_str(&line);
            mail.push('\n');
        }
        let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(if is_mail { mail } else { said.clone() });
    }
}
