//! A destination: a sink together with what one rule asks of it, such as another channel.

use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use smswatch_model::{Notification, Overrides, PhoneNumber, destination};

use crate::sink::bounded;

/// How much of a destination is told, in characters.
const MAX_WORDS: usize = 120;

/// What a rule asks of a sink, by a name that does not depend on how it is spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    key: Arc<str>,
    words: String,
}

impl From<&Overrides> for Destination {
    fn from(overrides: &Overrides) -> Self {
        // It is kept with its sink, so that it need not name that.
        let hash = Sha256::digest(destination("", overrides).as_bytes());
        Self {
            key: hex::encode(&hash[..8]).into(),
            words: words(overrides),
        }
    }
}

impl Destination {
    /// Where `notification` goes; `None` where its rule asks for nothing, so that it goes where the sink
    /// itself is set up to go.
    pub(crate) fn of(notification: &Notification) -> Option<Self> {
        let overrides = &notification.overrides;
        (!overrides.is_empty()).then(|| Self::from(overrides))
    }

    /// A name for it among the destinations of its sink.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// What it is, for people.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }
}

fn words(overrides: &Overrides) -> String {
    let overrides = overrides.iter().map(|(key, value)| {
        let value = match value {
            Value::Array(items) => items.iter().map(word).collect::<Vec<_>>().join(" and "),
            other => word(other),
        };
        format!("{key} {value}")
    });
    let text = bounded(&overrides.collect::<Vec<_>>().join(", "));
    text.chars().take(MAX_WORDS).collect()
}

/// A value as people write it, without phone numbers.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) if PhoneNumber::looks_like_one(text) => PhoneNumber::new(text).masked(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(json: &str) -> Destination {
        Destination::from(&serde_json::from_str(json).expect("an object"))
    }

    #[test]
    fn the_same_overrides_are_one_destination_however_they_are_spelled() {
        let first = to(r##"{"channel": "#a", "more": {"x": [1, 2], "y": null}}"##);
        let second = to(r##"{"more": {"y": null, "x": [1, 2]}, "channel": "#a"}"##);
        assert_eq!(first.key(), second.key());
        let others = [
            r##"{"channel": "#a", "more": {"x": [2, 1], "y": null}}"##,
            r##"{"channel": "#a"}"##,
            r##"{"channel": ["#a"]}"##,
        ];
        for other in others {
            assert_ne!(first.key(), to(other).key(), "{other}");
        }
    }

    #[test]
    fn people_read_what_it_is_and_no_telephone_number() {
        let words = |json| to(json).words().to_owned();
        assert_eq!(words(r##"{"channel": "#private"}"##), "channel #private");
        assert_eq!(
            words(r#"{"to": ["a@example.com", "b@example.com"], "urgent": true}"#),
            "to a@example.com and b@example.com, urgent true"
        );
        let number = words(r#"{"pager": "+306900000001"}"#);
        assert!(!number.contains("306900000001"), "{number}");
        let long = format!(r#"{{"to": "{}"}}"#, "x".repeat(1000));
        assert_eq!(words(&long).chars().count(), MAX_WORDS);
    }
}
