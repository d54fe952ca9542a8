//! Who can do something about a status.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who can act on a status: the sender, the recipient, the carrier, or nobody needs to.
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
        detailed_status
            .and_then(Self::of_word)
            .or_else(|| Self::of_word(status))
            .unwrap_or(Self::None)
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

#[cfg(test)]
mod tests {
    use super::*;

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
