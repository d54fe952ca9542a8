//! What a watch becomes by news that no poll of its own brought.

use smswatch_model::{Event, MessageId, Observation, Source, Timestamp};

use super::{Answer, Applied, Lifecycle, Step};
use crate::record::WatchState;
use crate::watch::Watch;

impl Lifecycle<'_> {
    /// Takes in what a sweep or a callback tells of an unregistered message: its watch
    /// begins, and statuses that were old by then are recorded and not told.
    pub(crate) fn apply_found(
        &self,
        message_id: &MessageId,
        watch: &Watch,
        observation: &Observation,
        now: Timestamp,
        random: f64,
    ) -> Applied {
        let mut applied = self.apply_seen(message_id, watch, observation, now, random);
        for event in &mut applied.events {
            event.backfill = now.since(event.time) > self.settings.first_seen_max_age;
        }
        let recorded = applied.events.iter().filter(|event| event.backfill);
        let parts = recorded.filter_map(|event| event.part.sms_id.clone());
        applied.watch.untold.extend(parts);
        applied
    }

    /// Takes in what a sweep or a callback tells of a message that is watched. Its polls go on in their
    /// schedule, or a stretched gap from now; the look after its end stays to come.
    pub(crate) fn apply_told(
        &self,
        message_id: &MessageId,
        watch: &Watch,
        observation: &Observation,
        now: Timestamp,
        random: f64,
    ) -> Applied {
        let mut applied = self.apply_seen(message_id, watch, observation, now, random);
        // The poll that is due before the next sweep has its answer here.
        let next_sweep = now + self.until_next_sweep();
        let is_poll = observation.source == Source::Sweep && watch.due <= next_sweep;
        let after = &mut applied.watch;
        if is_poll || after.state != watch.state {
            return applied;
        }
        after.step = watch.step;
        if watch.state != WatchState::Watching {
            after.is_confirmed = watch.is_confirmed;
            after.due = watch.due;
        } else if observation.source == Source::Sweep || self.stretch_for(after) == 1 {
            after.due = after.due.min(watch.due);
        } else {
            let same_due = Watch {
                due: watch.due,
                ..after.clone()
            };
            // When it is told the same again, nothing need be written.
            if same_due == *watch {
                *after = same_due;
            }
        }
        applied
    }

    /// Takes only the news of an observation into account: schedule and deadlines belong to
    /// the process that changed the watch meanwhile.
    pub(crate) fn apply_news(
        &self,
        message_id: &MessageId,
        watch: &Watch,
        observation: &Observation,
        now: Timestamp,
        random: f64,
    ) -> Applied {
        let mut applied = self.apply_seen(message_id, watch, observation, now, random);
        if applied.watch.state == watch.state {
            applied.watch.due = watch.due;
            applied.watch.step = watch.step;
        }
        applied
    }

    fn apply_seen(
        &self,
        message_id: &MessageId,
        watch: &Watch,
        observation: &Observation,
        now: Timestamp,
        random: f64,
    ) -> Applied {
        let answer = Answer::Seen(Box::new(observation.clone()));
        self.apply(message_id, watch, &answer, now, random)
    }

    /// By how much the gaps between polls of a message are stretched.
    pub(super) fn stretch_for(&self, watch: &Watch) -> u32 {
        if watch.is_pushed { self.stretch } else { 1 }
    }
}

impl Step<'_> {
    /// Tells what was recorded and told to nobody, if a user has registered the message since.
    pub(super) fn tell_recorded(&mut self, observation: &Observation) {
        if !std::mem::take(&mut self.applied.watch.is_wanted) {
            return;
        }
        let untold = std::mem::take(&mut self.applied.watch.untold);
        for change in untold.first_sights(&self.applied.watch.snapshot, observation) {
            self.applied.watch.sequence += 1;
            let sequence = self.applied.watch.sequence;
            let announcer = self.announcer(&observation.facts);
            let event = announcer.change(change, observation.source, sequence);
            self.applied.events.push(Event {
                recorded: true,
                ..event
            });
        }
    }
}
