//! What becomes of a watch whose polls bring nothing: it is asked again, and never ended by what may be
//! somebody else's failure. `observe/blame.rs` has a table of what ends when.

use smswatch_model::{EventKind, MessageFacts, Timestamp};

use super::{Failure, Step};
use crate::record::WatchState;
use crate::schedule;
use crate::watch::{Trouble, TroubleKind};
use crate::whose::Whose;

impl Step<'_> {
    /// Notes what is wrong with the polls of the message, or that nothing is.
    pub(super) fn note(&mut self, kind: Option<TroubleKind>) {
        let now = self.now;
        let watch = &mut self.applied.watch;
        let Some(kind) = kind else {
            watch.trouble = None;
            return;
        };
        let is_known = !watch.snapshot.parts.is_empty();
        match &mut watch.trouble {
            Some(trouble) if trouble.kind == kind => {
                trouble.polls = trouble.polls.saturating_add(1);
            }
            // Since when a known message is unknown decides about its end; a failure in between says
            // nothing about that.
            Some(trouble) if trouble.kind == TroubleKind::NotFound && is_known => {}
            // Polls that fail now in this way and now in another have brought nothing since the first of them.
            Some(trouble) if ![trouble.kind, kind].contains(&TroubleKind::NotFound) => {
                trouble.kind = kind;
                trouble.polls = trouble.polls.saturating_add(1);
            }
            trouble => *trouble = Some(Trouble::new(kind, now)),
        }
    }

    /// The provider says that it does not know a message that it has told of before. Gateways and
    /// servers that are being replaced say so for a while, too.
    pub(super) fn gone(&mut self) {
        let watch = &self.applied.watch;
        let gone = watch
            .trouble
            .filter(|trouble| trouble.kind == TroubleKind::NotFound);
        let (since, polls) = gone.map_or((self.now, 1), |gone| (gone.since, gone.polls));
        let deadline = since + self.lifecycle.settings.not_found_grace;
        if polls < 2 || self.now < deadline {
            self.failed(Failure::default());
            self.not_later_than(deadline);
        } else if watch.state == WatchState::Watching {
            self.announce_deadline(EventKind::NotFound, deadline, &MessageFacts::default());
            self.end(WatchState::NotFound);
        } else {
            self.confirm();
        }
    }

    /// A poll brought nothing. When the time of the watch is over, two in a row end it, if the trouble is the
    /// message's own: nobody would learn of it otherwise.
    pub(super) fn failed(&mut self, failure: Failure) {
        let settings = self.lifecycle.settings;
        let watch = &mut self.applied.watch;
        let gap = schedule::gap(&settings.schedule, watch.step);
        watch.due = self.slots.after(self.now, gap, self.random);
        if watch.state == WatchState::Watching {
            let deadline = watch.registered_at + settings.give_up_after;
            let is_second = watch
                .trouble
                .is_some_and(|trouble| trouble.since < self.now);
            if self.now >= deadline && is_second && failure.whose == Whose::Message {
                self.announce_deadline(EventKind::GaveUp, deadline, &MessageFacts::default());
                return self.end(WatchState::GaveUp);
            }
            self.not_later_than(deadline);
        }
        let earliest = self.now + failure.retry_after.unwrap_or_default();
        self.applied.watch.due = self.applied.watch.due.max(earliest);
    }

    /// The provider's answer about this message cannot be read.
    pub(super) fn unreadable(&mut self, failure: Failure) {
        let watch = &self.applied.watch;
        let deadline = watch.registered_at + self.lifecycle.settings.give_up_after;
        let is_its_own = failure.whose == Whose::Message;
        if watch.state != WatchState::Watching && self.now >= deadline && is_its_own {
            return self.confirm();
        }
        self.failed(failure);
        if is_its_own {
            // It is an answer: the schedule goes on.
            self.applied.watch.step = self.applied.watch.step.saturating_add(1);
        }
    }

    /// The next poll takes place at this deadline if it would come later.
    fn not_later_than(&mut self, deadline: Timestamp) {
        if deadline > self.now {
            let due = self.slots.at(self.now, deadline);
            self.applied.watch.due = self.applied.watch.due.min(due);
        }
    }
}
