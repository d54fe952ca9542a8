//! Promises about credentials, and what a careless receiver says to break them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use smswatch_plugin::sink::Retry;

use super::{Fixture, Mood, attempt, delivered, in_time, words_of};
use crate::receiver::RefusedPort;
use crate::sample;

/// How many characters of a secret in a row must not be shown.
const PART: usize = 8;

/// How long what a careless receiver says is at least, in bytes: wherever it is cut, it is in a secret.
const LENGTH: usize = 2000;

/// What a careless receiver says: every secret, in every form and in parts, again and again. A [`Fixture`] has its
/// receiver say it in every answer.
#[must_use]
pub fn careless(secrets: &[String]) -> String {
    let mut said = String::from("no,");
    for secret in secrets {
        let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let json = serde_json::Value::from(secret.as_str()).to_string();
        for form in [
            secret.clone(),
            percent,
            json,
            STANDARD.encode(secret),
            STANDARD.encode(format!("u:{secret}")),
            URL_SAFE_NO_PAD.encode(format!("user:{secret}")),
            secret
                .chars()
                .take(secret.chars().count() * 2 / 3)
                .collect(),
            secret.chars().skip(secret.chars().count() / 3).collect(),
        ] {
            said.push(' ');
            said.push_str(&form);
        }
    }
    while said.len() < LENGTH && !secrets.is_empty() {
        for secret in secrets {
            said.push(' ');
            said.push_str(secret);
        }
    }
    said
}

/// Fails if `text` shows a part of a secret, as it is or in base64.
fn hides(secrets: &[String], text: &str) {
    for secret in secrets {
        let bytes = secret.as_bytes();
        for part in bytes.windows(PART.min(bytes.len())) {
            let plain = String::from_utf8_lossy(part);
            assert!(
                !text.contains(&*plain),
                "a part of a secret is shown in: {text}"
            );
            // Three bytes are four characters, wherever they stand.
            let encoded = STANDARD.encode(&part[..part.len() / 3 * 3]);
            assert!(
                encoded.len() < PART || !text.contains(&encoded),
                "a part of a secret is shown in base64 in: {text}"
            );
        }
    }
}

/// Trying whether the receiver is there sends nothing that a person would see, and shows no credential.
///
/// # Panics
///
/// The promise is broken.
pub async fn tries_its_receiver_without_telling_anybody<F: Fixture>() {
    let fixture = F::start().await;
    let sink = fixture.sink();
    let probed = in_time("a probe", sink.probe()).await;
    let mut shown = vec![format!("{:?}", probed.expect("the receiver is there"))];
    delivered(&*sink, &sample::notification()).await;
    let arrived = fixture.arrived(1).await;
    assert_eq!(
        arrived.len(),
        1,
        "only what is delivered arrives: {arrived:?}"
    );
    let door = RefusedPort::take();
    let away = fixture.unreachable_sink(door.address().port());
    // A sink that tries nothing finds nothing wrong.
    if let Err(error) = in_time("a probe", away.probe()).await {
        assert_ne!(error.retry(), Retry::Never, "{}", error.detail());
        shown.push(error.detail());
    }
    for text in shown {
        hides(&fixture.secrets(), &text);
    }
}

/// Neither the sink nor its errors nor its receipts show a credential or a part of one, whatever the receiver
/// says: it repeats them in every answer.
///
/// # Panics
///
/// The promise is broken.
pub async fn shows_no_secret<F: Fixture>() {
    let fixture = F::start().await;
    let secrets = fixture.secrets();
    assert!(
        secrets.iter().all(|secret| secret.len() >= 12),
        "parts of short secrets cannot be told from other text"
    );
    let sink = fixture.sink();
    let mut shown = vec![format!("{sink:?}")];
    for mood in [Mood::Accepts, Mood::Fails, Mood::Refuses, Mood::Rambles] {
        fixture.turn(mood).await;
        shown.push(words_of(&attempt(&*sink, &sample::notification()).await));
    }
    let door = RefusedPort::take();
    let sink = fixture.unreachable_sink(door.address().port());
    shown.push(format!("{sink:?}"));
    shown.push(words_of(&attempt(&*sink, &sample::notification()).await));
    for text in shown {
        hides(&secrets, &text);
    }
}
