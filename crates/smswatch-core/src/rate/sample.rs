//! The latest messages that failed among those that a rate counted: what is known of them that others may share, by
//! which it is found what they have in common.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use smswatch_model::{Event, Timestamp};

use crate::traffic::{attributes, has_failed};

/// How many messages are kept. That is enough to see what three quarters of them share.
const MOST: usize = 32;

/// How long a value may be, in bytes: what is longer is a text of its own.
const LONGEST: usize = 100;

/// Messages that failed, oldest first. Each word is stored once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Sample {
    words: Vec<String>,
    messages: VecDeque<Sampled>,
}

/// When a message was noticed, which it is, and its attributes: places of their names and values among the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sampled(i64, u64, Vec<(u16, u16)>);

/// What a counting adds to a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    at: Timestamp,
    message: u64,
    attributes: Vec<(String, String)>,
}

impl Failure {
    /// What is known of the message that `event` is about, if it failed.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let message_id = event.message.message_id.as_ref()?;
        let known = attributes(&event.message).filter(|(_, value)| value.len() <= LONGEST);
        let known = known.map(|(key, value)| (key.into_owned(), value.to_owned()));
        has_failed(event).then(|| Self {
            at: event.detected_at,
            message: short_hash(message_id.to_lowercase().as_str()),
            attributes: known.collect(),
        })
    }
}

/// A number that two messages of one sample hardly share.
fn short_hash(text: &str) -> u64 {
    let digest = Sha256::digest(text);
    digest
        .iter()
        .take(6)
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

impl Sample {
    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Adds messages that are not there yet; the oldest go where there are too many.
    pub(super) fn add<'f>(&mut self, failures: impl DoubleEndedIterator<Item = &'f Failure>) {
        // Only the latest can stay, and words that go again at once need not be stored.
        let mut latest: Vec<&Failure> = Vec::new();
        for failure in failures.rev() {
            let mut known = self.messages.iter();
            let is_known = known.any(|Sampled(_, message, _)| *message == failure.message)
                || latest.iter().any(|later| later.message == failure.message);
            if !is_known {
                latest.push(failure);
            }
            if latest.len() == MOST {
                break;
            }
        }
        for failure in latest.into_iter().rev() {
            let at = failure.at.as_millis();
            let words = &mut self.words;
            let attributes = failure.attributes.iter();
            let places = attributes.map(|(key, value)| (place(words, key), place(words, value)));
            let sampled = Sampled(at, failure.message, places.collect());
            self.messages.push_back(sampled);
        }
        let surplus = self.messages.len().saturating_sub(MOST);
        if surplus > 0 {
            self.messages.drain(..surplus);
            self.tidy();
        }
    }

    /// Forgets messages that were noticed before `first`.
    pub(super) fn forget(&mut self, first: Timestamp) {
        let before = self.messages.len();
        self.messages
            .retain(|Sampled(at, ..)| *at >= first.as_millis());
        if self.messages.len() < before {
            self.tidy();
        }
    }

    /// The attributes of each message.
    pub(super) fn attributes(&self) -> Vec<Vec<(Cow<'_, str>, &str)>> {
        let word = |place: &u16| self.words.get(usize::from(*place)).map(String::as_str);
        let of = |Sampled(_, _, places): &Sampled| {
            let known = places.iter();
            let known = known.filter_map(|(key, value)| Some((word(key)?.into(), word(value)?)));
            known.collect()
        };
        self.messages.iter().map(of).collect()
    }

    /// Forgets words that no message has any more.
    fn tidy(&mut self) {
        let words = std::mem::take(&mut self.words);
        let mut moved: HashMap<u16, u16> = HashMap::new();
        let kept = &mut self.words;
        let mut new = |old: u16| {
            *moved.entry(old).or_insert_with(|| {
                kept.push(words.get(usize::from(old)).cloned().unwrap_or_default());
                u16::try_from(kept.len() - 1).unwrap_or(u16::MAX)
            })
        };
        for Sampled(_, _, places) in &mut self.messages {
            for (key, value) in places {
                (*key, *value) = (new(*key), new(*value));
            }
        }
    }
}

/// The place of a word among `words`, where it is added if it is new.
fn place(words: &mut Vec<String>, word: &str) -> u16 {
    let known = words.iter().position(|known| known == word);
    let place = known.unwrap_or_else(|| {
        words.push(word.to_owned());
        words.len() - 1
    });
    u16::try_from(place).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(n: u64, operator: &str) -> Failure {
        let attributes = [
            ("operator", operator.to_owned()),
            ("label", format!("order-{n}")),
        ];
        Failure {
            at: Timestamp::from_seconds(i64::try_from(n).expect("few")),
            message: n,
            attributes: attributes
                .map(|(key, value)| (key.to_owned(), value))
                .into(),
        }
    }

    #[test]
    fn the_latest_messages_are_kept_once_each_and_no_word_of_others() {
        let mut sample = Sample::default();
        for n in 0..500 {
            sample.add([failure(n, "Mobile"), failure(n, "Mobile")].iter());
        }
        assert_eq!(sample.messages.len(), MOST);
        assert_eq!(sample.words.len(), MOST + 3, "{:?}", sample.words);
        let attributes = sample.attributes();
        let last = attributes.last().expect("the latest");
        let expected = [("operator", "Mobile"), ("label", "order-499")];
        assert_eq!(*last, expected.map(|(key, value)| (key.into(), value)));
        sample.forget(Timestamp::from_seconds(498));
        assert_eq!((sample.messages.len(), sample.words.len()), (2, 5));
        sample.forget(Timestamp::from_seconds(600));
        assert_eq!(sample, Sample::default());
    }

    #[test]
    fn a_sample_takes_few_bytes() {
        let mut sample = Sample::default();
        for n in 0..100 {
            sample.add([failure(n, "Mobile")].iter());
        }
        let stored = serde_json::to_vec(&sample).expect("plain fields");
        assert!(stored.len() < 3_000, "{}", stored.len());
    }
}
