//! What of a message may be stored, logged and sent.

mod body;

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use smswatch_model::{
    MessageFacts, MessageText, Observation, PhoneNumber, Tags, Word, mask_numbers, without_digits,
};

use self::body::masked_body;
use crate::Secret;
use crate::settings::{BodyText, Numbers, PrivacySettings};

/// Turns telephone numbers and message texts into what may be told of them.
#[derive(Clone)]
pub struct Privacy {
    settings: PrivacySettings,
    numbers_key: Hmac<Sha256>,
    texts_key: Hmac<Sha256>,
    cursors_key: Hmac<Sha256>,
}

/// What may be told of the people of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct People {
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) to_key: Option<String>,
}

impl Privacy {
    /// Shows what `settings` allow, and derives the keys of the hashes from `secret`.
    ///
    /// The keys are made of a secret that every replica has anyway and that no store holds: with the
    /// key beside the hashes, ten digits would be guessed in seconds.
    ///
    /// # Panics
    ///
    /// Never: HMAC takes keys of any length.
    #[must_use]
    pub fn new(settings: PrivacySettings, secret: &Secret) -> Self {
        let new = |key: &[u8]| {
            Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length")
        };
        let derived = |purpose: &[u8]| {
            let mut derive = new(secret.reveal().as_bytes());
            derive.update(purpose);
            new(&derive.finalize().into_bytes())
        };
        Self {
            settings,
            numbers_key: derived(b"smswatch to_key 1"),
            texts_key: derived(b"smswatch body_key 1"),
            cursors_key: derived(b"smswatch cursors 1"),
        }
    }

    /// A keyed hash of a number: equal for equal numbers, whatever they were written like.
    #[must_use]
    pub fn number_key(&self, number: &PhoneNumber) -> String {
        keyed(&self.numbers_key, number.reveal())
    }

    /// Whether events carry the message's text, in full or masked.
    #[must_use]
    pub fn keeps_texts(&self) -> bool {
        self.settings.body != BodyText::Omit
    }

    /// Whether no whole number may be stored, and events show them with their middle hidden.
    #[must_use]
    pub fn hides_numbers(&self) -> bool {
        self.settings.numbers == Numbers::Mask
    }

    /// A keyed hash of a text without its digits: equal for messages that differ in a code or a date
    /// only.
    pub(crate) fn text_key(&self, text: &MessageText) -> String {
        keyed(&self.texts_key, &without_digits(text.reveal()))
    }

    /// A keyed hash of `text` in a `context`, which only a replica with the same secret can make.
    pub(crate) fn seal(&self, context: &str, text: &str) -> String {
        // No context has a line break: it cannot run into the text.
        keyed(&self.cursors_key, &format!("{context}\n{text}"))
    }

    pub(crate) fn people(&self, facts: &MessageFacts) -> People {
        let known = Known::of(facts);
        let from = facts.from.as_ref().map(|from| match &known.sender {
            Some(sender) => self.show(sender),
            // The sender of an outgoing message is a name that we chose, even if it is a number.
            None if known.is_of_others(from) => from.clone(),
            None => self.masked(from, &known).into_owned(),
        });
        People {
            from,
            to: facts.to.as_ref().map(|to| self.show(to)),
            to_key: facts.to.as_ref().map(|to| self.number_key(to)),
        }
    }

    /// Text of the provider without the numbers of the message's people, and without anybody's that
    /// is written with its country.
    pub(crate) fn text(&self, text: &str, facts: &MessageFacts) -> String {
        self.masked(text, &Known::of(facts)).into_owned()
    }

    /// A watch's tags with the numbers in names and values masked; `None` if they hold none.
    pub(crate) fn tags(&self, tags: &Tags, facts: &MessageFacts) -> Option<Tags> {
        let known = Known::of(facts);
        let is_bare = |text: &String| matches!(self.masked(text, &known), Cow::Borrowed(_));
        if tags
            .iter()
            .all(|(name, value)| is_bare(name) && is_bare(value))
        {
            return None;
        }
        let masked = |text| self.masked(text, &known).into_owned();
        Some(
            tags.iter()
                .map(|(name, value)| (masked(name), masked(value)))
                .collect(),
        )
    }

    /// What is kept of the message's text.
    pub(crate) fn body(&self, facts: &MessageFacts) -> Option<String> {
        let body = facts.body.as_ref()?.reveal();
        match self.settings.body {
            BodyText::Omit => None,
            BodyText::Mask => Some(masked_body(body)),
            BodyText::Keep => Some(self.text(body, facts)),
        }
    }

    /// An observation whose statuses, which are stored as they are told, name no number.
    pub(crate) fn observation<'o>(&self, observation: &'o Observation) -> Cow<'o, Observation> {
        let known = Known::of(&observation.facts);
        let masked = |word: &Word| match self.masked(word.as_str(), &known) {
            Cow::Borrowed(_) => None,
            Cow::Owned(masked) => Some(Word::new(&masked)),
        };
        let mut observation = Cow::Borrowed(observation);
        for place in 0..observation.parts.len() {
            let part = &observation.parts[place];
            let status = masked(&part.status);
            let detail = part.detailed_status.as_ref().and_then(masked);
            if let Some(status) = status {
                observation.to_mut().parts[place].status = status;
            }
            if let Some(detail) = detail {
                observation.to_mut().parts[place].detailed_status = Some(detail);
            }
        }
        observation
    }

    fn masked<'t>(&self, text: &'t str, known: &Known<'_>) -> Cow<'t, str> {
        match self.settings.numbers {
            Numbers::Full => Cow::Borrowed(text),
            Numbers::Mask => {
                mask_numbers(text, known.numbers()).map_or(Cow::Borrowed(text), Cow::Owned)
            }
        }
    }

    fn show(&self, number: &PhoneNumber) -> String {
        match self.settings.numbers {
            Numbers::Mask => number.masked(),
            Numbers::Full => number.reveal().to_owned(),
        }
    }
}

/// The numbers of the people of a message.
struct Known<'f> {
    facts: &'f MessageFacts,
    /// Who wrote to us; `None` if we wrote.
    sender: Option<PhoneNumber>,
}

impl<'f> Known<'f> {
    fn of(facts: &'f MessageFacts) -> Self {
        let direction = facts.direction.as_deref();
        let is_inbound =
            direction.is_some_and(|direction| direction.eq_ignore_ascii_case("inbound"));
        let from = facts.from.as_deref().filter(|_| is_inbound);
        let sender = from
            .filter(|from| PhoneNumber::looks_like_one(from))
            .map(PhoneNumber::new);
        Self { facts, sender }
    }

    fn numbers(&self) -> impl Iterator<Item = &PhoneNumber> {
        let recipients = self.facts.to.iter().chain(&self.facts.other_numbers);
        recipients.chain(&self.sender)
    }

    /// Whether `from` is a number, and none of these people's.
    fn is_of_others(&self, from: &str) -> bool {
        PhoneNumber::looks_like_one(from) && {
            let from = PhoneNumber::new(from);
            self.numbers().all(|known| *known != from)
        }
    }
}

fn keyed(key: &Hmac<Sha256>, text: &str) -> String {
    let mut hash = key.clone();
    hash.update(text.as_bytes());
    hex::encode(&hash.finalize().into_bytes()[..16])
}

impl fmt::Debug for Privacy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Privacy")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
