//! Status words that the provider does not document.

use smswatch_model::{Event, MessageId, Observation, Timestamp, Word};

use super::Lifecycle;
use crate::event::Announcer;
use crate::watch::Watch;

impl Lifecycle<'_> {
    /// The events that an observation tells status words which the provider does not document, but those that
    /// `is_told`. `watch` is what it made of the watch.
    ///
    /// Messages with such a word are not final, so they are polled again: what a process that ends did not
    /// tell, another one tells.
    pub(crate) fn unknown_words(
        &self,
        message_id: &MessageId,
        watch: &Watch,
        observation: &Observation,
        now: Timestamp,
        is_told: impl Fn(&Word) -> bool,
    ) -> Vec<Event> {
        let is_unknown = |word: &Word| !word.is_documented();
        if !observation
            .parts
            .iter()
            .any(|part| is_unknown(&part.status))
        {
            return Vec::new();
        }
        let observation = &*self.privacy.observation(observation);
        let announcer = Announcer {
            provider: self.provider,
            privacy: self.privacy,
            settings: self.settings,
            message_id: &watch.spelling.spell(message_id),
            facts: &observation.facts,
            snapshot: &watch.snapshot,
            tags: &watch.tags,
            detected_at: now,
        };
        let parts = observation.parts.iter();
        let unknown = parts.filter(|part| is_unknown(&part.status) && !is_told(&part.status));
        unknown
            .map(|part| announcer.unknown_status(part, observation.source))
            .collect()
    }
}
