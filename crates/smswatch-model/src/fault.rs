//! Who can do something about a status.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who can act on a status: the sender, the recipient, the carrier, or no one needs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// The sender: text, sender id or account must change.
    Sender,
    /// The recipient: the number or the handset.
    Recipient,
    /// The carrier: the message was taken and not brought.
    Carrier,
    /// Nothing is wrong.
    None,
}

impl Fault {
    /// Judges a status by its detailed status, or by itself where that says nothing known.
    #[must_use]
    pub fn of(status: &str, detailed_status: Option<&str>) -> Self {
        FaultTable::default().of(status, detailed_status)
    }

    /// The word that stands for this in rules and payloads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Carrier => "carrier",
            Self::None => "none",
        }
    }

    fn of_word(word: &str) -> Option<Self> {
        const TABLE: [(Fault, &[&str]); 4] = [
            (Fault::Sender, &["Carrier Violation", "Failed", "Unsent"]),
            (
                Fault::Recipient,
                &[
                    "Unknown Number",
                    "Call Barred",
                    "Roaming",
                    "Undelivered on Handset",
                    "DND Error Code",
                ],
            ),
            (
                Fault::Carrier,
                &["Expired", "Undelivered", "Unknown Status"],
            ),
            (Fault::None, &["Sent", "Delivered"]),
        ];
        TABLE
            .iter()
            .find(|(_, words)| words.iter().any(|known| known.eq_ignore_ascii_case(word)))
            .map(|(fault, _)| *fault)
    }
}

/// Who can act on which status, where an operator knows better than the built-in table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultTable(BTreeMap<String, Fault>);

impl FaultTable {
    /// Judges a status by its detailed status, or by itself where that says nothing known.
    #[must_use]
    pub fn of(&self, status: &str, detailed_status: Option<&str>) -> Fault {
        let known = |word| self.named(word).or_else(|| Fault::of_word(word));
        detailed_status
            .and_then(known)
            .or_else(|| known(status))
            .unwrap_or(Fault::None)
    }

    /// Who can act on a status or detailed status, if the operator said so. Case does not matter.
    #[must_use]
    pub fn named(&self, word: &str) -> Option<Fault> {
        // Nearly always there is nothing, and nothing to be made for the search.
        match self.0.is_empty() {
            true => None,
            false => self.0.get(&word.to_lowercase()).copied(),
        }
    }
}

impl<W: AsRef<str>> FromIterator<(W, Fault)> for FaultTable {
    fn from_iter<I: IntoIterator<Item = (W, Fault)>>(words: I) -> Self {
        let words = words.into_iter();
        Self(
            words
                .map(|(word, fault)| (word.as_ref().to_lowercase(), fault))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_says_of_a_word_comes_before_the_table() {
        let table = FaultTable::from_iter([
            ("carrier violation", Fault::Carrier),
            ("Undelivered", Fault::Recipient),
            ("Buffered", Fault::Sender),
        ]);
        let of = |status, detail| table.of(status, detail);
        assert_eq!(of("Undelivered", Some("Carrier Violation")), Fault::Carrier);
        assert_eq!(of("Undelivered", Some("Expired")), Fault::Carrier);
        assert_eq!(of("undelivered", None), Fault::Recipient);
        assert_eq!(of("Undelivered", Some("New Word")), Fault::Recipient);
        assert_eq!(of("Buffered", None), Fault::Sender);
        assert_eq!(of("Failed", None), Fault::Sender);
    }

    #[test]
    fn the_detail_speaks_before_the_status() {
        assert_eq!(
            Fault::of("Undelivered", Some("Carrier Violation")),
            Fault::Sender
        );
        assert_eq!(
            Fault::of("Undelivered", Some("unknown number")),
            Fault::Recipient
        );
        assert_eq!(Fault::of("Undelivered", Some("Expired")), Fault::Carrier);
        assert_eq!(
            Fault::of("Undelivered", Some("Never Heard Of")),
            Fault::Carrier
        );
        assert_eq!(Fault::of("Failed", None), Fault::Sender);
        assert_eq!(Fault::of("Delivered", None), Fault::None);
        assert_eq!(Fault::of("Buffered", None), Fault::None);
    }
}
