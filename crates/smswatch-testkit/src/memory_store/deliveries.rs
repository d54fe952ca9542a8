//! Deliveries: what is kept of each, and what attempts make of it.

use std::time::Duration;

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, Completion, DeadLetter, DeliveryState, NewDelivery, Outcome, Outcomes, Priority,
    Redrive, StoredDelivery,
};

use super::{Contained, OFFERED_EVERY, next};

/// How much later a left delivery is offered for every other one.
const APART: Duration = Duration::from_millis(6);

/// Whose a pending delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// It waits until it is due.
    Nobody,
    /// Whoever has its token, until it is due.
    Claimer,
    /// A later version; it is offered when it is due.
    LaterVersion,
}

/// A delivery, wherever it is.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) number: i64,
    pub(super) new: NewDelivery,
    pub(super) state: DeliveryState,
    pub(super) holder: Holder,
    pub(super) due: Timestamp,
    pub(super) queued_at: Timestamp,
    /// When it came to its end, or was left to a later version.
    pub(super) ended_at: Option<Timestamp>,
    pub(super) token: i64,
    pub(super) attempts_made: u32,
    /// How many of them were made before it was queued again.
    pub(super) attempts_before: u32,
    pub(super) created_at: Timestamp,
    attempts: Vec<Attempt>,
}

impl Delivery {
    fn new(new: &NewDelivery, number: i64, now: Timestamp) -> Self {
        let note = &new.suppressed;
        Self {
            number,
            new: new.clone(),
            state: match note {
                Some(_) => DeliveryState::Suppressed,
                None => DeliveryState::Pending,
            },
            holder: Holder::Nobody,
            due: now,
            queued_at: now,
            ended_at: note.is_some().then_some(now),
            token: 0,
            attempts_made: 0,
            attempts_before: 0,
            created_at: now,
            attempts: note.iter().cloned().collect(),
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.state == DeliveryState::Pending
    }

    /// Whether it is pending for a sink, and not left to a later version.
    pub(super) fn is_in_queue(&self, sink: &str) -> bool {
        self.is_pending() && self.new.sink == sink && self.holder != Holder::LaterVersion
    }

    /// Whether somebody may be attempting it.
    pub(super) fn is_claimed(&self, now: Timestamp) -> bool {
        self.holder == Holder::Claimer && self.due > now
    }

    /// When it ended, or was queued while it is pending.
    pub(super) fn changed_at(&self) -> Timestamp {
        self.ended_at.unwrap_or(self.queued_at)
    }

    /// Makes it due, under another token than anybody has.
    pub(super) fn free(&mut self, due: Timestamp) {
        (self.due, self.holder) = (due, Holder::Nobody);
        self.token += 1;
    }

    fn end(&mut self, state: DeliveryState, now: Timestamp) {
        self.free(now);
        (self.state, self.ended_at) = (state, Some(now));
    }

    /// Keeps an attempt: the first one, which tells how it began, and the newest ones.
    fn keep(&mut self, attempt: &Attempt) {
        self.attempts.push(attempt.clone());
        let surplus = self.attempts.len().saturating_sub(Attempt::MAX_KEPT);
        self.attempts.drain(1..=surplus);
    }

    /// Queues it again.
    pub(super) fn requeue(&mut self, now: Timestamp) {
        self.free(now);
        self.state = DeliveryState::Pending;
        (self.queued_at, self.ended_at) = (now, None);
        self.attempts_before = self.attempts_made;
    }

    /// As others see it.
    pub(super) fn stored(&self) -> StoredDelivery {
        StoredDelivery {
            id: self.new.id.clone(),
            sink: self.new.sink.clone(),
            rule: self.new.rule.clone(),
            state: self.state,
            message_ids: self.new.message_ids.clone(),
            created_at: self.created_at,
            queued_at: self.queued_at,
            next_attempt_at: self.is_pending().then_some(self.due),
            attempts_made: self.attempts_made,
            attempts: self.attempts.clone(),
            body: self.new.body.clone(),
        }
    }
}

impl Contained {
    /// Queues deliveries, and returns how many did not exist before.
    pub(super) fn add_all(&mut self, new: &[NewDelivery], last: &mut i64, now: Timestamp) -> u64 {
        let mut added = 0;
        for one in new {
            if !self.deliveries.contains_key(&one.id) {
                let delivery = Delivery::new(one, next(last), now);
                self.deliveries.insert(one.id.clone(), delivery);
                added += 1;
            }
        }
        added
    }

    pub(super) fn complete(
        &mut self,
        sink: &str,
        completions: &[Completion],
        last: &mut i64,
        now: Timestamp,
    ) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for completion in completions {
            let held = self.complete_one(sink, completion, now);
            outcomes.done.push(held);
            if let (true, Some(fallback)) = (held, &completion.fallback) {
                outcomes.queued += self.add_all(std::slice::from_ref(fallback), last, now);
            }
        }
        outcomes
    }

    fn complete_one(&mut self, sink: &str, completion: &Completion, now: Timestamp) -> bool {
        let found = self.deliveries.get_mut(&completion.id);
        let held = found.filter(|one| {
            one.is_pending() && one.new.sink == sink && one.token == completion.token.0
        });
        let Some(delivery) = held else { return false };
        if completion.outcome.is_kept() {
            delivery.keep(&completion.attempt);
        }
        if completion.outcome.is_attempt() {
            delivery.attempts_made += 1;
        }
        match completion.outcome {
            Outcome::Delivered => delivery.end(DeliveryState::Delivered, now),
            Outcome::Dead => delivery.end(DeliveryState::Dead, now),
            Outcome::Suppressed => delivery.end(DeliveryState::Suppressed, now),
            Outcome::Retry(delay) | Outcome::Postponed(delay) => delivery.free(now + delay),
            Outcome::Returned => delivery.free(now.min(delivery.queued_at)),
            Outcome::Left => self.leave_one(&completion.id, now),
        }
        true
    }

    pub(super) fn dead_letter(
        &mut self,
        sink: &str,
        dead_letters: &[DeadLetter],
        attempt: &Attempt,
        last: &mut i64,
        now: Timestamp,
    ) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for dead_letter in dead_letters {
            let found = self.deliveries.get_mut(&dead_letter.id);
            let found = found.filter(|one| {
                let is_free = one.is_in_queue(sink) && !one.is_claimed(now);
                is_free && one.new.priority == Priority::Normal
            });
            outcomes.done.push(found.is_some());
            let Some(delivery) = found else { continue };
            delivery.keep(attempt);
            delivery.end(DeliveryState::Dead, now);
            outcomes.queued += self.add_all(dead_letter.fallback.as_slice(), last, now);
        }
        outcomes
    }

    /// Leaves pending deliveries that belong to nobody to a later version, and returns how many they were.
    pub(super) fn leave(
        &mut self,
        sink: &str,
        priority: Priority,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> u64 {
        let mut left = 0;
        for id in ids {
            let found = self.deliveries.get(id).is_some_and(|one| {
                let is_free = one.is_in_queue(sink) && !one.is_claimed(now);
                is_free && one.new.priority == priority
            });
            if found {
                self.leave_one(id, now);
                left += 1;
            }
        }
        left
    }

    fn leave_one(&mut self, id: &DeliveryId, now: Timestamp) {
        let others = self.deliveries.values();
        let others = others.filter(|one| one.is_pending() && one.holder == Holder::LaterVersion);
        let others = u32::try_from(others.count()).unwrap_or(u32::MAX);
        if let Some(delivery) = self.deliveries.get_mut(id) {
            delivery.free(now + OFFERED_EVERY.max(APART.saturating_mul(others)));
            (delivery.holder, delivery.ended_at) = (Holder::LaterVersion, Some(now));
        }
    }

    /// Queues a delivery again, or forgets it.
    pub(super) fn take_up(&mut self, id: &DeliveryId, action: Redrive, now: Timestamp) {
        match action {
            Redrive::Forget => drop(self.deliveries.remove(id)),
            Redrive::Requeue => {
                if let Some(delivery) = self.deliveries.get_mut(id) {
                    delivery.requeue(now);
                }
            }
        }
    }
}
