//! Messages that a source finds by itself, without anybody who has registered them.

use smswatch_model::{MessageId, Observation, Timestamp};

use super::{Answer, Applied, Lifecycle};
use crate::watch::Watch;

impl Lifecycle<'_> {
    /// Takes in what a sweep or a callback tells of a message that nobody has registered: its watch
    /// begins, and statuses that were old by then are recorded and not told.
    pub(crate) fn apply_found(
        &self,
        message_id: &MessageId,
        watch: &Watch,
        observation: &Observation,
        now: Timestamp,
        random: f64,
    ) -> Applied {
        let answer = Answer::Seen(Box::new(observation.clone()));
        let mut applied = self.apply(message_id, watch, &answer, now, random);
        for event in &mut applied.events {
            event.backfill = now.since(event.time) > self.settings.first_seen_max_age;
        }
        applied
    }
}
