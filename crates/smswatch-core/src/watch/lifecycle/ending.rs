//! How a watch ends, is looked at once more, and is followed again.

use std::time::Duration;

use smswatch_model::{AGREEMENT_GAP, MessageFacts, Part, Source, Timestamp};

use super::Step;
use crate::record::WatchState;

impl Step<'_> {
    pub(super) fn end(&mut self, state: WatchState) {
        let settings = self.lifecycle.settings;
        // Where callbacks arrive, one of them tells of a status that flips, too. Why a part failed is often told by a
        // poll alone.
        let parts = &self.applied.watch.snapshot.parts;
        let is_explained =
            |part: &Part| part.status.is_delivered() || part.detailed_status().is_some();
        let is_told_anyway = self.source == Source::Callback
            && self.lifecycle.stretch_for(&self.applied.watch) > 1
            && parts.iter().all(is_explained);
        let watch = &mut self.applied.watch;
        watch.state = state;
        watch.ended_at = Some(Timestamp::from_seconds(self.now.as_seconds()));
        watch.last_part_at = None;
        watch.is_confirmed =
            state != WatchState::Final || settings.confirm_after.is_zero() || is_told_anyway;
        self.wait_for_the_end();
    }

    /// The poll after the end has taken place. A contradiction that it found waits for another one.
    pub(super) fn confirm(&mut self) {
        let now = self.now;
        let watch = &mut self.applied.watch;
        watch.trouble = None;
        // One of a part that is not told any more is never decided.
        let mut candidates = watch
            .snapshot
            .parts
            .iter()
            .filter_map(|part| part.candidate.as_ref());
        watch.is_confirmed = candidates.all(|found| found.since + 2 * AGREEMENT_GAP <= now);
        self.wait_for_the_end();
        if !self.applied.watch.is_confirmed {
            self.applied.watch.due = self.now + AGREEMENT_GAP;
        }
    }

    /// A status left a final one for one that is not: the message is followed again.
    pub(super) fn resume(&mut self) {
        self.was_final();
        self.follow_again();
        self.next_poll(self.next_stuck());
    }

    /// A message that was not found turns up after all: it is followed, and was not final at any deadline.
    pub(super) fn is_found(&mut self, facts: Option<&MessageFacts>) {
        self.follow_again();
        if let Some(facts) = facts {
            self.tell_stuck(facts);
        }
        self.next_poll(self.next_stuck());
    }

    fn follow_again(&mut self) {
        let watch = &mut self.applied.watch;
        watch.state = WatchState::Watching;
        watch.ended_at = None;
        watch.is_confirmed = false;
    }

    pub(super) fn wait_for_the_end(&mut self) {
        let settings = self.lifecycle.settings;
        let confirm_after = settings.confirm_after.max(self.until_next_sweep());
        let watch = &mut self.applied.watch;
        let ended = watch.ended_at.unwrap_or(self.now);
        watch.due = if watch.is_confirmed {
            self.slots.at(self.now, ended + settings.retention)
        } else {
            self.slots.after(self.now, confirm_after, self.random)
        };
    }

    /// Of what a sweep tells, the next one tells again, perhaps a little late: that is cheaper than a poll.
    pub(super) fn until_next_sweep(&self) -> Duration {
        match self.source {
            Source::Sweep => self.lifecycle.until_next_sweep(),
            _ => Duration::ZERO,
        }
    }
}
