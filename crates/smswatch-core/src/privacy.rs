//! What of a message may be stored, logged and sent.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use smswatch_model::{MessageFacts, PhoneNumber};

use crate::Secret;
use crate::settings::Numbers;

/// Turns telephone numbers into what may be told of them.
#[derive(Clone)]
pub struct Privacy {
    numbers: Numbers,
    key: Hmac<Sha256>,
}

/// What may be told of the people of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct People {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) to_key: Option<String>,
}

impl Privacy {
    /// Shows numbers as `numbers` says, and derives the key of their hashes from `secret`.
    ///
    /// The key is made of a secret that every replica has anyway and that no store holds: with the
    /// key beside the hashes, ten digits would be guessed in seconds.
    ///
    /// # Panics
    ///
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn new(numbers: Numbers, secret: &Secret) -> Self {
        let new = |key: &[u8]| {
            Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
        };
        let mut derive = new(secret.reveal().as_bytes());
        derive.update(b"smswatch to_key 1");
        Self {
            numbers,
            key: new(&derive.finalize().into_bytes()),
        }
    }

    /// A keyed hash of a number: equal for equal numbers, whatever they were written like.
    #[must_use]
    pub fn number_key(&self, number: &PhoneNumber) -> String {
        let mut hash = self.key.clone();
        hash.update(number.reveal().as_bytes());
        hash.finalize().into_bytes()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// A keyed hash of `text` in a `context`, which only a replica with the same secret can make.
    pub(crate) fn seal(&self, context: &str, text: &str) -> String {
        let mut hash = self.key.clone();
        // A number has no line breaks: what is sealed is never a number's key.
        for part in ["seal\n", context, "\n", text] {
            hash.update(part.as_bytes());
        }
        hash.finalize().into_bytes()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub(crate) fn people(&self, facts: &MessageFacts) -> People {
        let is_inbound = facts
            .direction
            .as_ref()
            .is_some_and(|direction| direction.eq_ignore_ascii_case("inbound"));
        let from = facts.from.as_ref().map(|from| {
            // Who wrote to us is a person; who we wrote as is a name that we chose.
            if is_inbound && PhoneNumber::looks_like_one(from) {
                self.show(&PhoneNumber::new(from))
            } else {
                from.clone()
            }
        });
        People {
            from,
            to: facts.to.as_ref().map(|to| self.show(to)),
            to_key: facts.to.as_ref().map(|to| self.number_key(to)),
        }
    }

    /// Free text without the recipient's number.
    pub(crate) fn text(&self, text: String, facts: &MessageFacts) -> String {
        let Some(to) = facts.to.as_ref().filter(|_| self.numbers == Numbers::Mask) else {
            return text;
        };
        to.masked_in(&text).unwrap_or(text)
    }

    fn show(&self, number: &PhoneNumber) -> String {
        match self.numbers {
            Numbers::Mask => number.masked(),
            Numbers::Full => number.reveal().to_owned(),
        }
    }
}

impl fmt::Debug for Privacy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Privacy")
            .field("numbers", &self.numbers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> MessageFacts {
        MessageFacts {
            from: Some("+306911111111".to_owned()),
            to: Some(PhoneNumber::new("+306900000001")),
            ..MessageFacts::default()
        }
    }

    fn privacy(numbers: Numbers) -> Privacy {
        Privacy::new(numbers, &Secret::new("application secret"))
    }

    #[test]
    fn a_number_is_masked_everywhere_unless_it_may_be_full() {
        let people = privacy(Numbers::Mask).people(&facts());
        assert_eq!(people.to.as_deref(), Some("+3069******01"));
        let text = privacy(Numbers::Mask).text("306900000001 is not known".to_owned(), &facts());
        assert_eq!(text, "3069******01 is not known");
        let people = privacy(Numbers::Full).people(&facts());
        assert_eq!(people.to.as_deref(), Some("+306900000001"));
        let text = privacy(Numbers::Full).text("306900000001".to_owned(), &facts());
        assert_eq!(text, "306900000001");
    }

    #[test]
    fn who_wrote_to_us_is_masked_too() {
        let inbound = MessageFacts {
            direction: Some("INBOUND".to_owned()),
            ..facts()
        };
        let people = privacy(Numbers::Mask).people(&inbound);
        assert_eq!(people.from.as_deref(), Some("+3069******11"));
        let outbound = privacy(Numbers::Mask).people(&facts());
        assert_eq!(outbound.from.as_deref(), Some("+306911111111"));
    }

    #[test]
    fn equal_numbers_have_equal_keys_and_the_key_depends_on_the_secret() {
        let number = PhoneNumber::new("00306900000001");
        let key = privacy(Numbers::Mask).number_key(&number);
        assert_eq!(
            key,
            privacy(Numbers::Full).number_key(&PhoneNumber::new("+306900000001"))
        );
        let other = Privacy::new(Numbers::Mask, &Secret::new("another"));
        assert_ne!(key, other.number_key(&number));
        assert!(!format!("{other:?}").contains("another"));
    }
}
