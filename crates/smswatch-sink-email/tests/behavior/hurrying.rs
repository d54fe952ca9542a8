//! A relay that takes several commands at once (`PIPELINING`) gets them so, and whatever it answers means what it does
//! elsewhere.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use smswatch_plugin::sink::{ConfiguredSink as _, Retry, Sink as _, SinkContext};
use smswatch_sink_email::EmailSink;
use smswatch_testkit::PATIENCE;
use smswatch_testkit::sample;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::configured;
use crate::script::{Script, ScriptedRelay};

const OFFER: (&str, &str) = ("EHLO", "250-relay.test\r\n250-PIPELINING\r\n250 SMTPUTF8");

fn to(names: &[&str]) -> Value {
    let addresses = names.iter().map(|name| format!("{name}@example.com"));
    json!({"to": addresses.collect::<Vec<_>>()})
}

async fn relay(script: Script) -> ScriptedRelay {
    ScriptedRelay::start(std::iter::once(OFFER).chain(script).collect()).await
}

fn count(relay: &ScriptedRelay, words: &str) -> usize {
    let heard = relay.heard();
    heard
        .iter()
        .filter(|heard| heard.starts_with(words))
        .count()
}

/// How many mails it took.
fn mails(relay: &ScriptedRelay) -> usize {
    let heard = relay.heard();
    heard
        .iter()
        .filter(|heard| heard.contains("Subject:"))
        .count()
}

/// What a relay has to answer, and whether the lines that come are those of a mail.
#[derive(Default)]
struct Answers {
    text: String,
    is_mail: bool,
}

impl Answers {
    /// Adds the answer to a line; returns whether there is one: lines of a mail have none.
    fn add(&mut self, line: &str) -> bool {
        if self.is_mail && line != "." {
            return false;
        }
        self.text.push_str(match line.get(..4) {
            Some("EHLO") => OFFER.1,
            Some("DATA") => "354 go on",
            _ => "250 ok",
        });
        self.text.push_str("\r\n");
        self.is_mail = line == "DATA";
        true
    }

    fn taken(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}

/// A relay that answers nothing of a mail before it has heard all that comes before it. Returns its port.
async fn patient_relay() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(listen(stream));
        }
    });
    port
}

async fn listen(stream: TcpStream) -> std::io::Result<()> {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    output.write_all(b"220 relay.test\r\n").await?;
    let mut answers = Answers::default();
    while let Some(line) = lines.next_line().await? {
        let waits = line.starts_with("MAIL") || line.starts_with("RCPT");
        if answers.add(&line) && !waits {
            output.write_all(answers.taken().as_bytes()).await?;
        }
    }
    Ok(())
}

/// A relay that answers when it has taken in all that has come, and ends, or goes silent, over one recipient.
#[derive(Debug, Clone, Default)]
struct Holding {
    /// It answers the sender at once.
    answers_sender: bool,
    is_silent: bool,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Holding {
    async fn start(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let relay = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let relay = relay.clone();
                tokio::spawn(async move { relay.listen(stream).await });
            }
        });
        port
    }

    async fn listen(&self, stream: TcpStream) -> std::io::Result<()> {
        let (input, mut output) = stream.into_split();
        let mut lines = BufReader::new(input).lines();
        output.write_all(b"220 relay.test\r\n").await?;
        let mut answers = Answers::default();
        while let Some(line) = lines.next_line().await? {
            self.hear(&line);
            if line.starts_with("RCPT TO:<odd@") {
                if self.is_silent {
                    std::future::pending::<()>().await;
                }
                return Ok(());
            }
            let answers_now = self.answers_sender && line.starts_with("MAIL");
            let waits = !answers_now && !lines.get_ref().buffer().is_empty();
            if answers.add(&line) && !waits {
                output.write_all(answers.taken().as_bytes()).await?;
            }
        }
        Ok(())
    }

    fn hear(&self, line: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.push(line.to_owned());
    }

    fn count(&self, words: &str) -> usize {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|line| line.starts_with(words)).count()
    }

    /// Waits until it was asked for the odd recipient for the `n`th time.
    async fn asked_for_odd(&self, n: usize) {
        let waiting = async {
            while self.count("RCPT TO:<odd@") < n {
                tokio::task::yield_now().await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(came.is_ok(), "waited in vain: {self:?}");
        // What the relay has written is there already; the sink reads it when it has its turn.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    }
}

/// Lets this time pass at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn answers_that_a_relay_holds_back_over_one_recipient_keep_nobody_from_the_mail() {
    for (answers_sender, is_silent) in [(false, false), (true, false), (false, true), (true, true)]
    {
        let relay = Holding {
            answers_sender,
            is_silent,
            ..Holding::default()
        };
        let mut config = to(&["oncall", "lead", "odd"]);
        config["smtp"] = json!(format!("smtp://127.0.0.1:{}", relay.start().await));
        config["from"] = json!("alerts@example.com");
        let config = serde_json::from_value(config).expect("it reads well");
        smswatch_testkit::install_tls_provider();
        let context = SinkContext::new("oncall-mail").with_timeout(Duration::from_secs(121));
        let sink = EmailSink::configure(config, &context).expect("it is valid");
        let sending = tokio::spawn(async move { sink.deliver(&sample::notification()).await });
        if is_silent {
            // At first the answers to all, then the one to the odd recipient; half of the time that is left each.
            for (n, seconds) in [(1, 61), (2, 31)] {
                relay.asked_for_odd(n).await;
                pass(Duration::from_secs(seconds)).await;
            }
        }
        let receipt = sending.await.expect("nothing panics");
        let receipt = receipt.unwrap_or_else(|error| panic!("{relay:?}: {}", error.detail()));
        assert_eq!(relay.count("Subject:"), 1, "{relay:?}");
        let rest = to(&["odd"]).as_object().cloned();
        assert_eq!(receipt.rest(), rest.as_ref(), "{relay:?}");
    }
}

#[tokio::test]
async fn all_commands_before_a_mail_are_sent_at_once() {
    let port = patient_relay().await;
    let mut config = to(&["a", "b", "c"]);
    config["smtp"] = json!(format!("smtp://127.0.0.1:{port}"));
    config["from"] = json!("alerts@example.com");
    let sink = configured(config).expect("it is valid");
    for n in 0..3 {
        let receipt = sink.deliver(&sample::numbered(n)).await.expect("taken");
        assert_eq!(receipt.detail(), "for all 3 recipients: 250 ok");
    }
}

#[tokio::test]
async fn who_is_refused_is_left_out_and_the_next_mail_finds_everything_in_order() {
    let relay = relay(vec![("RCPT TO:<gone@", "550 5.1.1 unknown")]).await;
    let sink = relay.sink(to(&["a", "gone", "b"]));
    for n in 1..4 {
        let receipt = sink.deliver(&sample::numbered(n)).await.expect("taken");
        assert!(
            receipt
                .refusals()
                .is_some_and(|told| told.contains("gone@"))
        );
        assert_eq!(receipt.rest(), None);
        assert_eq!((mails(&relay), count(&relay, "EHLO")), (n, 1));
    }
}

#[tokio::test]
async fn a_mail_that_nobody_takes_is_called_off() {
    for data in ["354 go on", "554 5.5.1 no valid recipients", "503 in vain"] {
        let relay = relay(vec![("RCPT", "550 5.1.1 unknown"), ("DATA", data)]).await;
        let sink = relay.sink(to(&["a", "b"]));
        let error = sink.deliver(&sample::notification()).await;
        let error = error.expect_err("nobody is reached");
        assert_eq!(error.retry(), Retry::Never, "{data}: {}", error.detail());
        assert_eq!(mails(&relay), 0, "{data}");
    }
}

#[tokio::test]
async fn one_recipient_over_whom_the_relay_ends_the_conversation_keeps_nobody_from_the_mail() {
    for ending in ["421 4.7.0 try again later", "hang up", "what?"] {
        let relay = relay(vec![("RCPT TO:<odd@", ending)]).await;
        let sink = relay.sink(to(&["oncall", "odd", "lead"]));
        let receipt = sink.deliver(&sample::notification()).await;
        let receipt = receipt.unwrap_or_else(|error| panic!("{ending}: {}", error.detail()));
        assert_eq!(mails(&relay), 1, "{ending}");
        let rest = to(&["odd"]).as_object().cloned();
        assert_eq!(receipt.rest(), rest.as_ref(), "{ending}");
    }
}

#[tokio::test]
async fn a_sender_that_is_refused_and_a_mail_that_is_refused_mean_what_they_do_elsewhere() {
    for (step, answer, retry) in [
        ("MAIL", "550 5.7.1 you may not", Retry::Later),
        ("DATA", "451 4.3.0 later", Retry::Later),
        (".", "554 5.6.0 no such mail", Retry::Never),
    ] {
        let relay = relay(vec![(step, answer)]).await;
        let sink = relay.sink(to(&["a", "b"]));
        let error = sink.deliver(&sample::notification()).await;
        let error = error.expect_err("it is refused");
        assert_eq!(error.retry(), retry, "{step}: {}", error.detail());
    }
}
