//! A webhook that an operator has shaped: its body, its method, its login, and what its receiver's answers mean.

use std::io::Read as _;

use serde_json::{Value, json};
use smswatch_plugin::sink::{Retry, Sink as _};
use smswatch_testkit::receiver::{Answer, Receiver};
use smswatch_testkit::sample;

use crate::configured;

/// A sink for `receiver` with these options.
fn sink(receiver: &Receiver, options: Value) -> smswatch_sink_webhook::WebhookSink {
    let mut config = json!({"url": receiver.url("/hook"), "allow_private": true});
    let own = config.as_object_mut().expect("an object");
    own.extend(options.as_object().cloned().expect("an object"));
    configured(config).expect("it is valid")
}

#[tokio::test]
async fn a_body_of_ones_own_is_signed_and_sent_as_it_is_asked_to() {
    let receiver = Receiver::start().await;
    let options = json!({
        "body": "{\"text\": \"{{ severity }}: {{ title }}\"}",
        "content_type": "application/vnd.pager+json; charset=utf-8",
        "method": "PUT",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    });
    let sink = sink(&receiver, options);
    let notification = sample::odd();
    sink.deliver(&notification).await.expect("it is taken");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("PUT", "/hook")
    );
    assert_eq!(
        request.header("content-type"),
        Some("application/vnd.pager+json; charset=utf-8")
    );
    assert_eq!(
        request.json(),
        json!({"text": format!("critical: {}", sample::ODD_TEXT)})
    );
    let id = request.header("webhook-id");
    assert_eq!(id, Some(notification.delivery_id.as_str()));
    let webhook = standardwebhooks::Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let verified = webhook
        .expect("a key")
        .verify(&request.body, &request.headers);
    assert!(verified.is_ok(), "{verified:?}");
}

#[tokio::test]
async fn an_operator_says_what_answers_mean_beside_what_they_mean_everywhere() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver, json!({"delivered": [409], "never": [404, 503]}));
    for (status, expected) in [
        (200, None),
        (409, None),
        (404, Some(Retry::Never)),
        (503, Some(Retry::Never)),
        (422, Some(Retry::Never)),
        (410, Some(Retry::Gone)),
        (401, Some(Retry::Later)),
    ] {
        receiver.answer_next(Answer::status(status));
        let outcome = sink.deliver(&sample::notification()).await;
        assert_eq!(
            outcome.err().map(|error| error.retry()),
            expected,
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_key_in_the_body_is_not_repeated() {
    let receiver = Receiver::start().await;
    let body = "{\"routing_key\": \"R0123456789abcdefABCDEF\", \"text\": \"{{ title }}\"}";
    let sink = sink(&receiver, json!({"body": body}));
    receiver.answer_next(Answer::status(400).body("no service has R0123456789abcdefABCDEF"));
    let error = sink.deliver(&sample::notification()).await;
    let told = error.expect_err("it is refused").detail();
    assert!(!told.contains("R0123456789"), "{told}");
    assert!(!format!("{sink:?}").contains("R0123456789"), "{sink:?}");
}

#[tokio::test]
async fn neither_a_preview_nor_a_template_that_fails_shows_a_key() {
    let receiver = Receiver::start().await;
    let body = "{\"routing_key\": \"R0123456789abcdefABCDEF\", \"n\": {% if events|length > 5 %}x{% else %}1{% endif %}}";
    let sink = sink(&receiver, json!({"body": body}));
    for notification in [sample::notification(), sample::notification_of(6)] {
        let preview = format!("{:?}", sink.preview(&notification));
        assert!(
            !preview.contains("R012") && !preview.contains("CDEF"),
            "{preview}"
        );
    }
    let error = sink.deliver(&sample::notification_of(6)).await;
    let error = error.expect_err("the template fails");
    assert_eq!(error.retry(), Retry::Later);
    let told = error.detail();
    assert!(!told.contains("R012") && !told.contains("CDEF"), "{told}");
}

#[tokio::test]
async fn large_bodies_are_packed_if_the_receiver_can_take_them() {
    let receiver = Receiver::start().await;
    let sink = sink(&receiver, json!({"gzip": true, "secret": "a key"}));
    let notification = sample::notification_of(100);
    sink.deliver(&notification).await.expect("it is taken");
    let request = &receiver.wait_for(1).await[0];
    assert_eq!(request.header("content-encoding"), Some("gzip"));
    let mut body = Vec::new();
    let mut unpacked = flate2::read::GzDecoder::new(&request.body[..]);
    unpacked.read_to_end(&mut body).expect("gzip");
    assert!(request.body.len() < body.len() / 5);
    let read: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(read["data"]["title"], json!(notification.title));
    let webhook = standardwebhooks::Webhook::from_bytes(b"a key".to_vec());
    let verified = webhook.expect("a key").verify(&body, &request.headers);
    assert!(verified.is_ok(), "what is signed is the body itself");
}

#[tokio::test]
async fn a_login_is_sent_and_not_repeated() {
    let receiver = Receiver::start().await;
    let sink = sink(
        &receiver,
        json!({"username": "smswatch", "password": "p:ss wörd"}),
    );
    receiver.answer_next(
        Answer::status(401).body("no user smswatch:p:ss wörd, c21zd2F0Y2g6cDpzcyB3w7ZyZA=="),
    );
    let error = sink.deliver(&sample::notification()).await;
    let request = &receiver.wait_for(1).await[0];
    let header = request.header("authorization");
    assert_eq!(header, Some("Basic c21zd2F0Y2g6cDpzcyB3w7ZyZA=="));
    let told = error.expect_err("it is refused").detail();
    assert!(
        !told.contains("ss w") && !told.contains("c21zd2F0"),
        "{told}"
    );
}
