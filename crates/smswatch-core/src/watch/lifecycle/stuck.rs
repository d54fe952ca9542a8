//! When a message that has no final status is stuck: once for each length of time that a rule names.

use std::time::Duration;

use smswatch_model::{MessageFacts, Part, Timestamp};

use super::Step;

/// Registrations are kept in whole seconds, rounded down. So a deadline is decided a second later: no message is
/// called stuck before its time.
const ROUNDING: Duration = Duration::from_secs(1);

impl Step<'_> {
    /// Tells every deadline that has passed and is not told yet. An answer without `facts` decides none: rules
    /// could not see which message it is about.
    pub(super) fn tell_stuck(&mut self, facts: &MessageFacts) {
        for (after, deadline) in self.stuck_deadlines() {
            if self.now >= deadline + ROUNDING && self.applied.watch.stuck.insert(after) {
                self.applied.watch.sequence += 1;
                let watch = &self.applied.watch;
                let open = open_part(&watch.snapshot.parts);
                let sequence = watch.sequence;
                let event = self.announcer(facts).stuck(after, deadline, open, sequence);
                self.applied.events.push(event);
            }
        }
    }

    /// The next deadline that is not told yet.
    pub(super) fn next_stuck(&self) -> Option<Timestamp> {
        let deadlines = self.stuck_deadlines().into_iter();
        // One that has passed is told by the next answer that tells about the message, whenever it comes.
        let decided = deadlines.map(|(_, deadline)| deadline + ROUNDING);
        decided.filter(|at| *at > self.now).min()
    }

    /// The message was final until now: it was not stuck at the deadlines that have passed.
    pub(super) fn was_final(&mut self) {
        let passed: Vec<u64> = self
            .stuck_deadlines()
            .into_iter()
            .filter(|(_, deadline)| self.now >= *deadline + ROUNDING)
            .map(|(after, _)| after)
            .collect();
        self.applied.watch.stuck.extend(passed);
    }

    /// How many seconds after the registration the message is stuck, and when that is; those that are not
    /// told yet, in order.
    fn stuck_deadlines(&self) -> Vec<(u64, Timestamp)> {
        let watch = &self.applied.watch;
        let afters = self.lifecycle.stuck_after.iter().map(Duration::as_secs);
        afters
            .filter(|after| !watch.stuck.contains(after))
            .map(|after| (after, watch.registered_at + Duration::from_secs(after)))
            .collect()
    }
}

/// The part that is furthest from its end; `None` if only parts that were never seen are missing.
fn open_part(parts: &[Part]) -> Option<&Part> {
    let open = parts.iter().filter(|part| !part.status.is_final());
    open.min_by_key(|part| (part.status.rank(), part.date))
}
