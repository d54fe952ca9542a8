//! What a status word means: whether it is final, and how it ranks among words of the same second.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

/// Words that Routee documents, statuses and detailed statuses alike; position is part of stored data.
const KNOWN: [&str; 15] = [
    "Queued",
    "Sent",
    "Delivered",
    "Undelivered",
    "Failed",
    "Unsent",
    "Network Error",
    "Undelivered on Handset",
    "Unknown Number",
    "Roaming",
    "Call Barred",
    "Unknown Status",
    "Carrier Violation",
    "Expired",
    "DND Error Code",
];

/// How many of them are statuses; behind them are the detailed statuses.
const STATUSES: usize = 7;

/// A status or detailed status as the provider spelled it; compared without regard to case.
#[derive(Clone)]
pub struct Word(Cow<'static, str>);

impl Word {
    /// Keeps `text` as it is spelled; documented words take no memory of their own.
    #[must_use]
    pub fn new(text: &str) -> Self {
        match KNOWN.iter().find(|known| **known == text) {
            Some(known) => Self(Cow::Borrowed(known)),
            None => Self(Cow::Owned(text.to_owned())),
        }
    }

    /// The documented word at `code`, as [`Word::code`] numbers them.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        KNOWN
            .get(usize::from(code))
            .map(|known| Self(Cow::Borrowed(known)))
    }

    /// The statuses that the provider documents.
    #[must_use]
    pub fn statuses() -> &'static [&'static str] {
        &KNOWN[..STATUSES]
    }

    /// The detailed statuses that the provider documents and that say more than the status.
    #[must_use]
    pub fn details() -> &'static [&'static str] {
        &KNOWN[STATUSES..]
    }

    /// Every documented word, statuses and detailed statuses alike.
    pub fn documented() -> impl Iterator<Item = &'static str> {
        KNOWN.into_iter()
    }

    /// A small number that stands for a documented word spelled exactly so; it never changes.
    #[must_use]
    pub fn code(&self) -> Option<u8> {
        KNOWN
            .iter()
            .position(|known| *known == self.0)
            .and_then(|code| u8::try_from(code).ok())
    }

    /// Whether the provider documents it, in any case.
    #[must_use]
    pub fn is_documented(&self) -> bool {
        self.is_any(&KNOWN)
    }

    /// The word as the provider spelled it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The word in lower case, for ids and comparisons.
    #[must_use]
    pub fn to_lowercase(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Whether a message part with this status has reached its end.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_any(&["Delivered", "Undelivered", "Failed", "Unsent"])
    }

    /// Whether this is `Delivered`.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.is_any(&["Delivered"])
    }

    /// Where the word stands among statuses of the same second: the later in a message's life, the higher.
    #[must_use]
    pub fn rank(&self) -> u8 {
        if self.is_any(&["Queued"]) {
            0
        } else if self.is_any(&["Sent"]) {
            1
        } else if self.is_delivered() {
            3
        } else if self.is_final() {
            4
        } else {
            2
        }
    }

    /// Orders by the lower-cased word, then by its spelling, so that the order is total.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let lower = |word: &Self| {
            word.0
                .bytes()
                .map(|b| b.to_ascii_lowercase())
                .collect::<Vec<_>>()
        };
        if self.0 == other.0 {
            return Ordering::Equal;
        }
        lower(self)
            .cmp(&lower(other))
            .then_with(|| self.0.cmp(&other.0))
    }

    fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.0.eq_ignore_ascii_case(word))
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Word {}

impl fmt::Display for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_words_are_known_in_any_case_and_unknown_words_are_not_final() {
        for word in ["Delivered", "DELIVERED", "undelivered", "Failed", "Unsent"] {
            assert!(Word::new(word).is_final(), "{word}");
        }
        for word in [
            "Queued",
            "Sent",
            "Network Error",
            "EXPIRED",
            "",
            "Delivered ",
        ] {
            assert!(!Word::new(word).is_final(), "{word}");
        }
    }

    #[test]
    fn documented_words_are_known_in_any_case() {
        assert!(Word::new("NETWORK error").is_documented());
        assert!(!Word::new("Buffered").is_documented());
    }

    #[test]
    fn ranks_follow_a_messages_life() {
        let ranks = [
            "Queued",
            "Sent",
            "Buffered",
            "Delivered",
            "Undelivered",
            "Unsent",
        ]
        .map(|word| Word::new(word).rank());
        assert_eq!(ranks, [0, 1, 2, 3, 4, 4]);
    }

    #[test]
    fn every_known_word_has_a_code_of_its_own() {
        for (position, known) in KNOWN.iter().enumerate() {
            let code = Word::new(known).code().expect("known words have codes");
            assert_eq!(usize::from(code), position);
            assert_eq!(Word::from_code(code).expect("a code").as_str(), *known);
        }
        assert_eq!(
            Word::new("delivered").code(),
            None,
            "another spelling is kept as it is"
        );
    }
}
