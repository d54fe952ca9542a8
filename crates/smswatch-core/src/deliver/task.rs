//! One claimed delivery, from its claim to what becomes of it.

use std::sync::Arc;

use smswatch_model::{EventKind, Notification};

use super::Attempted;
use super::breaker::Share;
use super::destination::Destination;
use crate::codec::InvalidBody;
use crate::context::Context;
use crate::store::{Attempt, ClaimedDelivery, Completion, Outcome, Priority, Shard};

/// A delivery that this process has claimed.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) shard: Shard,
    pub(super) priority: Priority,
    pub(super) delivery: ClaimedDelivery,
    /// What it tells, or why it cannot be read.
    pub(super) notification: Result<Arc<Notification>, InvalidBody>,
    /// Where it goes, if its rule chose that.
    pub(super) destination: Option<Destination>,
    /// It probes whether the sink's receiver is well again.
    pub(super) probes_sink: bool,
    /// It probes whether its destination is well again.
    pub(super) probes_destination: bool,
    /// Its part in the attempts on its destination.
    pub(super) share: Option<Share>,
}

impl Task {
    /// Whether it is a probe of any kind.
    pub(super) fn is_probe(&self) -> bool {
        self.probes_sink || self.probes_destination
    }

    /// What it tells, if this is its first attempt: silences hold back neither later attempts nor what is sent again.
    pub(super) fn first_told(&self) -> Option<&Notification> {
        let is_first = self.delivery.attempts_made == 0 && !self.delivery.is_queued_again;
        let notification = self.notification.as_deref().ok();
        notification.filter(|_| is_first)
    }

    /// It goes back as `outcome` says, without an attempt.
    pub(super) fn given_back(&self, context: &Context, outcome: Outcome) -> Attempted {
        self.ended(context, outcome, String::new())
    }

    /// What became of it.
    pub(super) fn ended(&self, context: &Context, outcome: Outcome, detail: String) -> Attempted {
        Attempted {
            shard: self.shard,
            priority: self.priority,
            is_about_dead: self
                .notification
                .as_ref()
                .is_ok_and(|made| made.kind == EventKind::DeadLetter),
            completion: Completion {
                id: self.delivery.id.clone(),
                token: self.delivery.token,
                outcome,
                attempt: Attempt {
                    at: context.clock.now(),
                    result: outcome.word().to_owned(),
                    detail,
                },
                fallback: None,
            },
        }
    }
}
