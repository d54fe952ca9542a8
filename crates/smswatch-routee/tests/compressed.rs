//! Answers that a gateway before Routee has compressed, which nobody asked it to do.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use smswatch_plugin::model::MessageId;
use smswatch_plugin::provider::{Poll, PollError, PollFailure, Provider as _};
use smswatch_plugin::{Proxy, Secret};
use smswatch_routee::{RouteeOptions, RouteeProvider};
use smswatch_testkit::receiver::{Answer, Receiver};

const TOKEN: &str = r#"{"access_token":"t","token_type":"bearer","expires_in":3599}"#;

const TRACKING: &str = r#"[{"smsId":"part-1","messageId":"message-1","to":"+306900000001",
"status":{"name":"Undelivered","updatedDate":"2026-05-01T10:28:49Z","final":true}}]"#;

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).expect("memory");
    packed.finish().expect("memory")
}

fn zlib(text: &str) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).expect("memory");
    packed.finish().expect("memory")
}

fn packed(encoding: &str, body: Vec<u8>) -> Answer {
    Answer::status(200)
        .header("content-type", "application/json")
        .header("content-encoding", encoding)
        .body(body)
}

/// What comes of a poll when the token and the message are answered like this.
async fn polled(token: Answer, message: Answer) -> Result<Poll, PollError> {
    smswatch_testkit::install_tls_provider();
    let gateway = Receiver::start().await;
    gateway.answer_next(token);
    gateway.answer_next(message);
    let routee = RouteeProvider::new(RouteeOptions {
        application_id: "app".to_owned(),
        application_secret: Secret::new("secret"),
        api_url: gateway.url(""),
        auth_url: gateway.url(""),
        timeout: Duration::from_secs(10),
        proxy: Proxy::None,
    });
    let id = MessageId::new("message-1").expect("an id");
    let polled = routee.expect("a client").poll(&id).await;
    for request in gateway.requests() {
        assert_eq!(
            request.header("accept-encoding"),
            None,
            "nobody asks for it"
        );
    }
    polled
}

#[tokio::test]
async fn a_compressed_answer_hides_no_status() {
    for (encoding, pack) in [
        ("gzip", gzip as fn(&str) -> Vec<u8>),
        ("deflate", zlib),
        ("gzip", |text| text.as_bytes().to_vec()),
    ] {
        let polled = polled(
            packed(encoding, pack(TOKEN)),
            packed(encoding, pack(TRACKING)),
        );
        let Poll::Seen(seen) = polled.await.expect(encoding) else {
            panic!("{encoding}: not seen")
        };
        assert_eq!(seen.parts[0].status.as_str(), "Undelivered", "{encoding}");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_unpacked_is_told_as_such() {
    let bomb = format!("[{}]", " ".repeat(64 * 1024 * 1024));
    for (encoding, body, words) in [
        ("br", vec![0x0b, 0x02, 0x80, 0xff], "compressed (br)"),
        (
            "gzip",
            gzip(TRACKING)[..40].to_vec(),
            "compressed, and damaged",
        ),
        ("gzip", gzip(&bomb), "too large"),
    ] {
        let token = Answer::status(200).body(TOKEN);
        let error = polled(token, packed(encoding, body)).await;
        let error = error.expect_err(words);
        assert_eq!(error.kind(), PollFailure::Unreadable, "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}
