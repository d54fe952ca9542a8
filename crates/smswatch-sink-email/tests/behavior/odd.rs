//! Relays whose replies are not quite as they should be: what they mean counts, not how they are written.

use serde_json::json;
use smswatch_plugin::sink::{Probe, Retry, Sink as _};
use smswatch_testkit::sample;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::configured;
use crate::script::ScriptedRelay;

/// What a relay says at one step, which `connect` and `.` are among.
type Odd = (&'static str, &'static [u8]);

/// A relay that says this at one step, and else what is usual; returns its port.
async fn relay((step, odd): Odd) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, (step, odd)));
        }
    });
    port
}

async fn converse(stream: TcpStream, (step, odd): Odd) {
    let (input, mut output) = stream.into_split();
    let mut lines = BufReader::new(input).lines();
    let mut said = "connect".to_owned();
    let mut is_mail = false;
    loop {
        if !is_mail || said == "." {
            let usual: &[u8] = match said.as_str() {
                "connect" => b"220 relay.test\r\n",
                "DATA" => b"354 go on\r\n",
                _ => b"250 ok\r\n",
            };
            let answer = match said.starts_with(step) {
                true => odd,
                false => usual,
            };
            if output.write_all(answer).await.is_err() {
                break;
            }
            is_mail = said == "DATA";
        }
        let Ok(Some(line)) = lines.next_line().await else {
            break;
        };
        said = line;
    }
}

fn sink(port: u16) -> impl smswatch_plugin::sink::Sink {
    let sink = configured(json!({
        "smtp": format!("smtp://127.0.0.1:{port}"),
        "from": "alerts@example.com",
        "to": ["a@example.com"],
    }));
    sink.expect("it is valid")
}

#[tokio::test]
async fn a_mail_that_is_taken_in_odd_words_is_not_sent_again() {
    let taken: [Odd; 8] = [
        (".", b"250 2.0.0 f\xfcr Sie angenommen\r\n"),
        (".", b"250\r\n"),
        (".", b"250 ok\n"),
        (".", b"250-queued\r\n250\r\n"),
        ("connect", b"220-\xe3\xe5\xe9\xe1\r\n220 relay.test\r\n"),
        ("EHLO", b"250-relay.test\n250 SMTPUTF8\n"),
        ("MAIL", b"250\r\n"),
        ("RCPT", b"250 2.1.5 \xf0k\n"),
    ];
    for taken in taken {
        let sink = sink(relay(taken).await);
        let sent = sink.deliver(&sample::notification()).await;
        if let Err(error) = sent {
            panic!("{taken:?}: {}", error.detail());
        }
        let probed = sink.probe().await;
        assert!(matches!(probed, Ok(Probe::Answered(_))), "{taken:?}");
    }
}

#[tokio::test]
async fn a_refusal_in_odd_words_means_what_its_code_means() {
    let refused: [(Odd, Retry); 3] = [
        (
            ("RCPT", b"550 5.1.1 unbekannter Empf\xe4nger\r\n"),
            Retry::Never,
        ),
        (("RCPT", b"550\r\n"), Retry::Never),
        ((".", b"451 sp\xe4ter\n"), Retry::Later),
    ];
    for (refused, retry) in refused {
        let error = sink(relay(refused).await)
            .deliver(&sample::notification())
            .await;
        let error = error.expect_err("it is refused");
        assert_eq!(error.retry(), retry, "{refused:?}: {}", error.detail());
    }
}

#[tokio::test]
async fn a_reply_that_answers_another_question_takes_no_mail() {
    let unfitting: [Odd; 4] = [
        ("MAIL", b"354 go on\r\n"),
        ("RCPT", b"354 go on\r\n"),
        ("DATA", b"250 ok\r\n"),
        (".", b"354 go on\r\n"),
    ];
    for unfitting in unfitting {
        let sent = sink(relay(unfitting).await)
            .deliver(&sample::notification())
            .await;
        let error = sent.expect_err("nothing was taken");
        assert_eq!(error.retry(), Retry::Later, "{unfitting:?}");
        let what = error.detail();
        assert!(what.contains("which does not fit"), "{unfitting:?}: {what}");
    }
}

/// Relays that know no extensions are greeted as of old, and what others offer may stand in any letters.
#[tokio::test]
async fn a_relay_that_knows_helo_alone_or_offers_in_small_letters_gets_the_mail() {
    for unknown in ["500 5.5.1 what?", "502 5.5.1 command not implemented"] {
        let relay = ScriptedRelay::start(vec![("EHLO", unknown)]).await;
        let sent = relay.sink(json!({})).deliver(&sample::notification()).await;
        assert!(sent.is_ok(), "{unknown}: {sent:?}");
        let heard = relay.heard();
        assert!(
            heard.iter().any(|line| line.starts_with("HELO ")),
            "{heard:?}"
        );
    }
    for offer in [
        "250-relay.test\r\n250 auth login plain",
        "250-relay.test\r\n250 AUTH=PLAIN LOGIN",
    ] {
        let script = vec![("EHLO", offer), ("AUTH", "235 welcome")];
        let relay = ScriptedRelay::start(script).await;
        let login = json!({"username": "alerts", "password": "secret"});
        let sent = relay.sink(login).deliver(&sample::notification()).await;
        assert!(sent.is_ok(), "{offer}: {sent:?}");
        let heard = relay.heard();
        assert!(
            heard.iter().any(|line| line.starts_with("AUTH PLAIN ")),
            "{heard:?}"
        );
    }
}
