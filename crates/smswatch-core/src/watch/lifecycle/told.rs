//! What a watch becomes by news that no poll of its own brought.

use smswatch_model::{Event, MessageId, Observation, Source, Timestamp};

use super::{Answer, Applied, Lifecycle, Step};
use crate::record::WatchState;
use crate::watch::Watch;

/// What an observation means for the watch that it is about, if no poll of that watch brought it in time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Effect {
    /// A sweep or a callback tells of an unregistered message: statuses that were old by then are recorded
    /// and not told, unless they came about after this moment, up to which the same source had told all there was.
    Begins(Option<Timestamp>),
    /// A sweep or a callback tells of a message that is watched. Its polls go on in their schedule, or a
    /// stretched gap from now; the look after its end stays to come.
    Continues,
    /// Another process changed the watch meanwhile: schedule and deadlines belong to that one, and the look after its end
    /// stays to come.
    OnlyNews,
}

impl Lifecycle<'_> {
    /// Takes in an observation that no poll of the watch's own brought, or that comes too late for its schedule.
    pub(crate) fn apply_seen(
        &self,
        effect: Effect,
        message_id: &MessageId,
        watch: &Watch,
        observation: &Observation,
        now: Timestamp,
        random: f64,
    ) -> Applied {
        let answer = Answer::Seen(Box::new(observation.clone()));
        let mut applied = self.apply(message_id, watch, &answer, now, random);
        match effect {
            Effect::Begins(known_until) => self.record_old(&mut applied, known_until, now),
            Effect::Continues => {
                self.keep_schedule(&mut applied.watch, watch, observation.source, now)
            }
            Effect::OnlyNews if applied.watch.state == watch.state => {
                applied.watch.due = watch.due;
                applied.watch.step = watch.step;
                applied.watch.is_confirmed = watch.is_confirmed;
            }
            Effect::OnlyNews => {}
        }
        applied
    }

    /// Marks what was old by the time its message was found. What came about while nobody looked is news, however long that
    /// was.
    fn record_old(&self, applied: &mut Applied, known_until: Option<Timestamp>, now: Timestamp) {
        for event in &mut applied.events {
            let is_known = known_until.is_none_or(|known_until| event.time < known_until);
            event.backfill = is_known && now.since(event.time) > self.settings.first_seen_max_age;
        }
        let recorded = applied.events.iter().filter(|event| event.backfill);
        let parts = recorded.filter_map(|event| event.part.sms_id.clone());
        applied.watch.untold.extend(parts);
    }

    /// Has `after` polled in the schedule of the watch that it was `before`.
    fn keep_schedule(&self, after: &mut Watch, before: &Watch, source: Source, now: Timestamp) {
        // The poll that is due before the next sweep has its answer here.
        let next_sweep = now + self.until_next_sweep();
        let is_poll = source == Source::Sweep && before.due <= next_sweep;
        if is_poll || after.state != before.state {
            return;
        }
        after.step = before.step;
        if before.state != WatchState::Watching {
            after.is_confirmed = before.is_confirmed;
            after.due = before.due;
        } else if source == Source::Sweep || self.stretch_for(after) == 1 {
            after.due = after.due.min(before.due);
        } else {
            let same_due = Watch {
                due: before.due,
                ..after.clone()
            };
            // When it is told the same again, nothing need be written.
            if same_due == *before {
                *after = same_due;
            }
        }
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
