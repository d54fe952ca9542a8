//! A relay that takes several commands at once (`PIPELINING`) gets them so, and whatever it answers means what it does
//! elsewhere.

use serde_json::{Value, json};
use smswatch_plugin::sink::{Retry, Sink as _};
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
    let (mut answers, mut is_mail) = (String::new(), false);
    while let Some(line) = lines.next_line().await? {
        match line.get(..4) {
            _ if is_mail && line != "." => continue,
            Some("EHLO") => answers.push_str(OFFER.1),
            Some("DATA") => answers.push_str("354 go on"),
            _ => answers.push_str("250 ok"),
        }
        answers.push_str("\r\n");
        is_mail = line == "DATA";
        if !line.starts_with("MAIL") && !line.starts_with("RCPT") {
            output.write_all(answers.as_bytes()).await?;
            answers.clear();
        }
    }
    Ok(())
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
