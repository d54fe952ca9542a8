//! When a message that has no final status is stuck: once for each length of time that a rule names, and again
//! and again where a rule wants that.

use std::time::Duration;

use smswatch_model::{MessageFacts, Part, Repeated, Timestamp};

use super::Step;
use crate::rules::StuckAfter;

/// Registrations are kept in whole seconds, rounded down. So a deadline is decided a second later: no message is
/// called stuck before its time.
const ROUNDING: Duration = Duration::from_secs(1);

impl Step<'_> {
    /// Tells every deadline that has passed and is not told yet, and again what repeats. An answer without `facts`
    /// decides nothing: rules could not see which message it is about.
    pub(super) fn tell_stuck(&mut self, facts: &MessageFacts) {
        for stuck in self.lifecycle.stuck_after {
            let after = stuck.after.as_secs();
            let Some(passed) = self.passed_since(after) else {
                continue;
            };
            if self.applied.watch.stuck.insert(after) {
                self.tell_stuck_after(after, None, facts);
            }
            let Some(every) = repeat_of(stuck) else {
                continue;
            };
            // Times that passed without an answer are told as one, and those before the rule repeated not at all.
            let times = passed / every;
            let repeats = &mut self.applied.watch.stuck_repeats;
            let told = repeats.entry((after, every)).or_insert(times);
            if *told < times {
                *told = times;
                let repeated = Some(Repeated { every, times });
                self.tell_stuck_after(after, repeated, facts);
            }
        }
    }

    fn tell_stuck_after(&mut self, after: u64, repeated: Option<Repeated>, facts: &MessageFacts) {
        self.applied.watch.sequence += 1;
        let watch = &self.applied.watch;
        let open = open_part(&watch.snapshot.parts);
        let (registered_at, sequence) = (watch.registered_at, watch.sequence);
        let announcer = self.announcer(facts);
        let event = announcer.stuck(after, repeated, registered_at, open, sequence);
        self.applied.events.push(event);
    }

    /// The next deadline that is not told yet.
    pub(super) fn next_stuck(&self) -> Option<Timestamp> {
        let watch = &self.applied.watch;
        let next = self.lifecycle.stuck_after.iter().filter_map(|stuck| {
            let after = stuck.after.as_secs();
            if !watch.stuck.contains(&after) {
                return Some(after);
            }
            let every = repeat_of(stuck)?;
            let told = watch.stuck_repeats.get(&(after, every)).copied();
            let told = told.unwrap_or_else(|| self.passed_since(after).unwrap_or_default() / every);
            after.checked_add(every.checked_mul(told.checked_add(1)?)?)
        });
        // One that has passed is told by the next answer that tells about the message, whenever it comes.
        let decided = next.map(|after| decided_at(watch.registered_at, after));
        decided.filter(|at| *at > self.now).min()
    }

    /// The message was final until now: it was not stuck at the deadlines that have passed.
    pub(super) fn was_final(&mut self) {
        for stuck in self.lifecycle.stuck_after {
            let after = stuck.after.as_secs();
            let Some(passed) = self.passed_since(after) else {
                continue;
            };
            let was_told = !self.applied.watch.stuck.insert(after);
            if let Some(every) = repeat_of(stuck) {
                // What was not told is not told again either.
                let times = if was_told { passed / every } else { u64::MAX };
                let repeats = &mut self.applied.watch.stuck_repeats;
                let known = repeats.entry((after, every)).or_insert(times);
                *known = times.max(*known);
            }
        }
    }

    /// How many seconds ago it could be decided whether the message was stuck `after` seconds; `None` if that is
    /// still to come.
    fn passed_since(&self, after: u64) -> Option<u64> {
        let decided_at = decided_at(self.applied.watch.registered_at, after);
        (self.now >= decided_at).then(|| self.now.since(decided_at).as_secs())
    }
}

/// When it can be decided whether a message was stuck `after` seconds.
fn decided_at(registered_at: Timestamp, after: u64) -> Timestamp {
    registered_at + Duration::from_secs(after) + ROUNDING
}

/// After how many seconds it is told again, not none.
fn repeat_of(stuck: &StuckAfter) -> Option<u64> {
    let every = stuck.repeat?.as_secs();
    (every > 0).then_some(every)
}

/// The part that is furthest from its end; `None` if only parts that were never seen are missing.
fn open_part(parts: &[Part]) -> Option<&Part> {
    let open = parts.iter().filter(|part| !part.status.is_final());
    open.min_by_key(|part| (part.status.rank(), part.date))
}
