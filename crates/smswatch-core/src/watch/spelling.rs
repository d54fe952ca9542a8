//! How a watched id was spelled when it was registered.
//!
//! Ids are compared without case, so the stores know them in lower case alone. Which letters were
//! capitals is kept beside the watch: a bit for each place, none for an id in lower case.

use smswatch_model::MessageId;

/// Which places of an id hold capitals.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Spelling(Box<[u8]>);

impl Spelling {
    /// How many bytes the bits of the longest id take.
    pub(super) const MOST_BYTES: usize = 200 / 8;

    pub(crate) fn of(message_id: &MessageId) -> Self {
        let mut bits = Vec::new();
        for (place, byte) in message_id.as_str().bytes().enumerate() {
            if byte.is_ascii_uppercase() {
                bits.resize(place / 8 + 1, 0);
                bits[place / 8] |= 1 << (place % 8);
            }
        }
        Self(bits.into())
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id as it was registered, of the id as the store knows it.
    pub(crate) fn spell(&self, message_id: &MessageId) -> MessageId {
        if self.0.is_empty() {
            return message_id.clone();
        }
        let spelled = message_id
            .as_str()
            .chars()
            .enumerate()
            .map(|(place, letter)| {
                let bits = self.0.get(place / 8).copied().unwrap_or(0);
                if bits & 1 << (place % 8) == 0 {
                    letter
                } else {
                    letter.to_ascii_uppercase()
                }
            });
        MessageId::new(spelled.collect::<String>()).unwrap_or_else(|_| message_id.clone())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_gets_its_spelling_back(id in "[!-~]{1,200}") {
            let id = MessageId::new(id).expect("visible ASCII");
            let spelling = Spelling::of(&id);
            prop_assert!(spelling.as_bytes().len() <= Spelling::MOST_BYTES);
            let spelled = spelling.spell(&id.to_lowercase());
            prop_assert_eq!(spelled.as_str(), id.as_str());
        }
    }

    #[test]
    fn an_id_in_lower_case_takes_no_room() {
        let id = MessageId::new("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01").expect("a valid id");
        assert!(Spelling::of(&id).as_bytes().is_empty());
    }
}
