//! What becomes of a watch when a poll of its message has ended: pure decisions.

mod ending;
mod removal;
mod stuck;
mod told;
mod trouble;
mod unknown;

use std::time::Duration;

use smswatch_model::{
    AGREEMENT_GAP, Event, EventKind, MessageFacts, MessageId, Observation, Source, Timestamp, diff,
};

pub(crate) use self::told::Effect;
use crate::context::Context;
use crate::event::Announcer;
use crate::privacy::Privacy;
use crate::record::WatchState;
use crate::rules::StuckAfter;
use crate::schedule::{self, Slots};
use crate::settings::{Settings, WatchSettings};
use crate::store::{WatchPriority, shard_of};
use crate::watch::{TroubleKind, Watch};
use crate::whose::Whose;

/// Until what age a watch goes before others when there is more to do than time.
pub(crate) const YOUNG: Duration = Duration::from_secs(5 * 60);

/// How long the mark of a removed watch stays at least. A poll that was under way when the watch was
/// removed, or a process that stood still meanwhile, finds the mark and does not bring the watch back.
pub(crate) const SHORTEST_MARK: Duration = Duration::from_secs(60 * 60);

/// After how many sweeps that did not take place messages are polled which sweeps told of.
const SWEEPS_MISSED: u32 = 10;

/// What is to be done for a watch that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// Poll its message.
    Poll,
    /// Nothing but to wait for another due time: the settings have changed.
    Wait(Timestamp),
    /// Its time is over, and only a mark of it stays.
    Retire,
    /// Nothing of it is needed any more.
    Delete,
}

/// What a poll brought.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// The provider told something.
    Seen(Box<Observation>),
    /// The provider answered and told nothing.
    Empty,
    /// The provider does not know the message.
    Unknown,
    /// The provider says that no message can have this id. Of a known message this is no answer.
    Invalid(Whose),
    /// The provider's answer cannot be read.
    Unreadable(Failure),
    /// There was no answer.
    Failed(Failure),
}

/// That a poll brought nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Failure {
    /// Another poll makes sense after this at the earliest.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) whose: Whose,
}

/// What a poll made of a watch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Applied {
    pub(crate) watch: Watch,
    pub(crate) events: Vec<Event>,
    pub(crate) stale: u32,
    pub(crate) clamped: u32,
    /// How many parts were left out because there are too many.
    pub(crate) left_out: u32,
    /// The message was given up as final although parts of it were never seen.
    pub(crate) has_missing_parts: bool,
}

/// What the decisions depend on besides the watch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifecycle<'a> {
    pub(crate) settings: &'a WatchSettings,
    pub(crate) privacy: &'a Privacy,
    pub(crate) provider: &'a str,
    /// Into how many shards the store is split.
    pub(crate) shards: u16,
    /// How long after its registration a message without a final status is stuck, ascending.
    pub(crate) stuck_after: &'a [StuckAfter],
    /// By how much the gaps between polls are stretched while callbacks arrive, at least 1.
    pub(crate) stretch: u32,
    /// How often the sweep takes place that tells something, if a sweep does.
    pub(crate) sweep_every: Duration,
    /// How often any message is swept, if sweeps of all messages take place.
    pub(crate) all_swept_every: Duration,
}

impl<'a> Lifecycle<'a> {
    /// The decisions of this process, with its settings and rules of the moment.
    pub(crate) fn of(
        context: &'a Context,
        settings: &'a Settings,
        stuck_after: &'a [StuckAfter],
    ) -> Self {
        Self {
            settings: &settings.watch,
            privacy: &context.privacy,
            provider: context.provider,
            shards: context.store.shard_count(),
            stuck_after,
            stretch: context
                .arrivals
                .stretch(settings.callbacks.as_ref(), context.clock.now()),
            sweep_every: Duration::ZERO,
            all_swept_every: settings.all_swept_every(),
        }
    }
}

impl Lifecycle<'_> {
    /// Until the next sweep has told what this one tells, even if it comes a little late; zero without one.
    fn until_next_sweep(&self) -> Duration {
        self.sweep_every + self.sweep_every / 4
    }

    fn slots(&self, message_id: &MessageId) -> Slots {
        Slots::of(shard_of(message_id.as_str(), self.shards), self.shards)
    }

    /// What is to be done for a watch that is due.
    pub(crate) fn task(&self, message_id: &MessageId, watch: &Watch, now: Timestamp) -> Task {
        let Some(ended) = watch.ended_at else {
            return match watch.state {
                WatchState::Watching => Task::Poll,
                _ => Task::Delete,
            };
        };
        let end = ended + self.kept_for(watch.state);
        let wants_look = match watch.state {
            WatchState::Watching => true,
            // When the provider cannot be asked, its confirmation does not keep a watch for ever.
            WatchState::Final => !watch.is_confirmed && (end > now || watch.trouble.is_none()),
            _ => false,
        };
        if wants_look {
            Task::Poll
        } else if end > now {
            Task::Wait(self.slots(message_id).at(now, end))
        } else if ended + SHORTEST_MARK > now {
            Task::Retire
        } else {
            Task::Delete
        }
    }

    /// How long a watch of this state is kept after its end.
    fn kept_for(&self, state: WatchState) -> Duration {
        let retention = self.settings.retention;
        match state {
            WatchState::Removed => retention.max(SHORTEST_MARK),
            _ => retention,
        }
    }

    /// The queue in which a watch waits for its due time.
    pub(crate) fn priority(watch: &Watch) -> WatchPriority {
        let is_young = watch.due < watch.registered_at + YOUNG;
        if watch.state == WatchState::Watching && is_young {
            WatchPriority::New
        } else {
            WatchPriority::Rest
        }
    }

    /// Takes an answer into account.
    pub(crate) fn apply(
        &self,
        message_id: &MessageId,
        watch: &Watch,
        answer: &Answer,
        now: Timestamp,
        random: f64,
    ) -> Applied {
        let mut step = Step {
            lifecycle: *self,
            slots: self.slots(message_id),
            spelled: watch.spelling.spell(message_id),
            now,
            random,
            source: Source::Poll,
            applied: Applied::nothing(watch.clone()),
        };
        let is_known = !watch.snapshot.parts.is_empty();
        step.note(match answer {
            Answer::Seen(_) | Answer::Empty => None,
            Answer::Unknown => Some(TroubleKind::NotFound),
            Answer::Invalid(_) => Some(TroubleKind::InvalidId),
            Answer::Unreadable(_) => Some(TroubleKind::Unreadable),
            Answer::Failed(_) => Some(TroubleKind::Failed),
        });
        match answer {
            Answer::Seen(observation) => step.seen(observation),
            Answer::Empty if is_known => step.nothing_new(),
            Answer::Unknown if is_known => step.gone(),
            // It was a good id when it was answered.
            Answer::Invalid(whose) if is_known => step.failed(Failure {
                whose: *whose,
                retry_after: None,
            }),
            Answer::Empty | Answer::Unknown | Answer::Invalid(_) => step.unknown(),
            Answer::Unreadable(failure) => step.unreadable(*failure),
            Answer::Failed(failure) => step.failed(*failure),
        }
        step.applied
    }
}

/// An answer that is being taken into account.
struct Step<'a> {
    lifecycle: Lifecycle<'a>,
    slots: Slots,
    /// The id as it was registered.
    spelled: MessageId,
    now: Timestamp,
    random: f64,
    /// Who told it.
    source: Source,
    applied: Applied,
}

impl Applied {
    /// A watch of which there is nothing to tell.
    pub(crate) fn nothing(watch: Watch) -> Self {
        Self {
            watch,
            events: Vec::new(),
            stale: 0,
            clamped: 0,
            left_out: 0,
            has_missing_parts: false,
        }
    }
}

impl Step<'_> {
    fn seen(&mut self, observation: &Observation) {
        self.source = observation.source;
        self.applied.watch.is_pushed |= self.source == Source::Callback;
        let now = self.now;
        let watch = &mut self.applied.watch;
        let (known_parts, known_count) = (watch.snapshot.parts.len(), watch.snapshot.part_count);
        let observation = &*self.lifecycle.privacy.observation(observation);
        let diff = diff(&watch.snapshot, observation);
        let told = std::mem::take(&mut watch.announced);
        watch.announced = told.after(&diff.changes, &watch.snapshot, &diff.snapshot);
        let untold = std::mem::take(&mut watch.untold);
        watch.untold = untold.after(&diff.changes, &watch.snapshot, &diff.snapshot);
        watch.snapshot = diff.snapshot;
        // Only an observation tells whose number a tag names.
        let masked = self.lifecycle.privacy.tags(&watch.tags, &observation.facts);
        if let Some(masked) = masked {
            watch.tags = masked;
        }
        self.applied.stale = diff.stale;
        self.applied.clamped = diff.clamped;
        self.applied.left_out = diff.left_out;
        // A part is missing from when its number is told, which can be after the last part came.
        let has_grown = watch.snapshot.parts.len() > known_parts
            || watch.snapshot.part_count > known_count
            || watch.last_part_at.is_none();
        if has_grown && !watch.snapshot.is_complete() {
            watch.last_part_at = Some(Timestamp::from_seconds(now.as_seconds()));
        }
        for (position, change) in diff.changes.iter().enumerate() {
            let earlier = &diff.changes[..position];
            let refines = told.refined_by(change, earlier, &self.spelled);
            self.applied.watch.sequence += 1;
            let sequence = self.applied.watch.sequence;
            let announcer = self.announcer(&observation.facts);
            let event = announcer.change(change.clone(), observation.source, sequence);
            self.applied.events.push(Event { refines, ..event });
        }
        self.tell_recorded(observation);
        self.decide(Some(&observation.facts));
    }

    /// The provider answered and told nothing of a message that is known.
    fn nothing_new(&mut self) {
        self.decide(None);
    }

    fn unknown(&mut self) {
        let watch = &self.applied.watch;
        let deadline = watch.registered_at + self.lifecycle.settings.not_found_grace;
        if watch.state != WatchState::Watching {
            self.confirm();
        } else if self.now >= deadline {
            self.announce_deadline(EventKind::NotFound, deadline, &MessageFacts::default());
            self.end(WatchState::NotFound);
        } else {
            self.next_poll(Some(deadline));
        }
    }

    /// What an answer means for the watch, once its news are taken in; `facts` if it tells about the message.
    fn decide(&mut self, facts: Option<&MessageFacts>) {
        let settings = self.lifecycle.settings;
        let watch = &self.applied.watch;
        let is_final = watch.snapshot.known_parts_are_final();
        let is_whole = is_final && watch.snapshot.is_complete();
        match watch.state {
            WatchState::Watching => {}
            WatchState::Final if !is_final => return self.resume(),
            // A callback or a sweep can tell of what polls had given up.
            WatchState::NotFound | WatchState::GaveUp if facts.is_some() && is_whole => {
                return self.end(WatchState::Final);
            }
            WatchState::NotFound if facts.is_some() => return self.is_found(facts),
            _ => return self.confirm(),
        }
        if is_whole {
            self.end(WatchState::Final);
            return;
        }
        let give_up = watch.registered_at + settings.give_up_after;
        let parts_missing = watch
            .last_part_at
            .filter(|_| is_final)
            .map(|last_part| last_part + settings.not_found_grace);
        if parts_missing.is_some_and(|deadline| self.now >= deadline) {
            self.applied.has_missing_parts = true;
            self.end(WatchState::Final);
            return;
        }
        if let Some(facts) = facts {
            self.tell_stuck(facts);
        }
        if self.now >= give_up {
            let facts = facts.cloned().unwrap_or_default();
            self.announce_deadline(EventKind::GaveUp, give_up, &facts);
            self.end(WatchState::GaveUp);
        } else {
            let deadlines = [
                parts_missing,
                Some(give_up),
                self.contradiction_is_decided_at(),
                self.next_stuck(),
            ];
            self.next_poll(deadlines.into_iter().flatten().min());
        }
    }

    /// When another poll can decide a contradiction that this one found: whoever waits for the news does
    /// not wait for the schedule, whose gaps are long by then.
    fn contradiction_is_decided_at(&self) -> Option<Timestamp> {
        let parts = self.applied.watch.snapshot.parts.iter();
        let found = parts.filter_map(|part| Some(part.candidate.as_ref()?.since + AGREEMENT_GAP));
        // One of a part that is not told any more is never decided.
        found.filter(|decided| *decided > self.now).min()
    }

    /// The schedule goes on; a deadline that comes first is the next due time. Of what sweeps tell, those that
    /// come first after the gap and the deadline have the say: a poll only makes up for them.
    fn next_poll(&mut self, deadline: Option<Timestamp>) {
        let (now, random) = (self.now, self.random);
        let schedule = &self.lifecycle.settings.schedule;
        let stretch = self.lifecycle.stretch_for(&self.applied.watch);
        let watch = &mut self.applied.watch;
        let mut gap = schedule::stretched(schedule::gap(schedule, watch.step), stretch);
        if stretch > 1 {
            // A callback that gets lost is made up for by a sweep, which is the cheaper way.
            gap = gap.max(self.lifecycle.all_swept_every * 2);
        }
        let is_swept = self.source == Source::Sweep;
        let every = if is_swept {
            self.lifecycle.sweep_every
        } else {
            Duration::ZERO
        };
        let gap = gap.max(every * SWEEPS_MISSED);
        let deadline = deadline.map(|deadline| deadline + every);
        watch.step = watch.step.saturating_add(1);
        let poll = self.slots.after(now, gap, random);
        watch.due = deadline.map_or(poll, |deadline| poll.min(self.slots.at(now, deadline)));
    }

    fn announce_deadline(&mut self, kind: EventKind, deadline: Timestamp, facts: &MessageFacts) {
        // The first change of a message is number 1, whatever was told before anything was known of it.
        if !self.applied.watch.snapshot.parts.is_empty() {
            self.applied.watch.sequence += 1;
        }
        let sequence = self.applied.watch.sequence;
        let event = self.announcer(facts).deadline(kind, deadline, sequence);
        self.applied.events.push(event);
    }

    fn announcer<'b>(&'b self, facts: &'b MessageFacts) -> Announcer<'b> {
        Announcer {
            provider: self.lifecycle.provider,
            privacy: self.lifecycle.privacy,
            settings: self.lifecycle.settings,
            message_id: &self.spelled,
            facts,
            snapshot: &self.applied.watch.snapshot,
            tags: &self.applied.watch.tags,
            detected_at: self.now,
        }
    }
}

#[cfg(test)]
mod tests;
