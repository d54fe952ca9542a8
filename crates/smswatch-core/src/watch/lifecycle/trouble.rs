//! What becomes of a watch whose polls bring nothing: it is asked again, and never ended by what may be
//! somebody else's failure.

use std::time::Duration;

use smswatch_model::{EventKind, MessageFacts, Timestamp};

use super::Step;
use crate::record::WatchState;
use crate::watch::{Trouble, TroubleKind};

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
            self.failed(None);
            self.not_later_than(deadline);
        } else if watch.state == WatchState::Watching {
            self.announce_deadline(EventKind::NotFound, deadline, &MessageFacts::default());
            self.end(WatchState::NotFound);
        } else {
            self.confirm();
        }
    }

    /// The provider's answer about this message cannot be read.
    pub(super) fn unreadable(&mut self, retry_after: Option<Duration>) {
        let watch = &mut self.applied.watch;
        let deadline = watch.registered_at + self.lifecycle.settings.give_up_after;
        let is_watching = watch.state == WatchState::Watching;
        if self.now < deadline {
            self.failed(retry_after);
            self.not_later_than(deadline);
            // It is an answer: the schedule goes on.
            self.applied.watch.step = self.applied.watch.step.saturating_add(1);
        } else if is_watching {
            self.announce_deadline(EventKind::GaveUp, deadline, &MessageFacts::default());
            self.end(WatchState::GaveUp);
        } else {
            self.confirm();
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
