//! Leaves some of a sink's attempts to other destinations while one of them does not answer.
//!
//! A destination that hangs fails only when its attempts time out; until then they run. So those that have
//! not answered lately have at most half of a sink's attempts together.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use super::super::Destination;
use super::{Breaker, Known};
use crate::deliver::HOLD;
use crate::deliver::SinkUnit;

/// Of how many destinations it is kept at most whether they answer.
const MOST: usize = 256;

/// What this process knows of its own attempts on one destination.
#[derive(Debug)]
struct Answers {
    running: usize,
    /// The last attempt that ended was answered, in whatever way.
    is_answered: bool,
    /// When an attempt was answered last, or when the first of those that run began.
    at: Instant,
}

/// What this process knows of its own attempts on the destinations of a sink, by their keys.
#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<String, Answers>);

/// One attempt among those of a destination; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    unit: Arc<SinkUnit>,
    key: String,
}

impl Answers {
    fn is_silent(&self) -> bool {
        !self.is_answered || (self.running > 0 && self.at.elapsed() > HOLD)
    }
}

impl Shares {
    /// Counts one more attempt on a destination; it refuses when that has not answered lately, and all
    /// that have not run `most` together. Probes are never refused.
    fn begin(&mut self, key: &str, most: usize, is_probe: bool) -> bool {
        let silent = self.0.values().filter(|answers| answers.is_silent());
        let running: usize = silent.map(|answers| answers.running).sum();
        let is_silent = self.0.get(key).is_none_or(Answers::is_silent);
        if is_silent && running >= most && !is_probe {
            return false;
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, answers| answers.running > 0);
        }
        let answers = self.0.entry(key.to_owned()).or_insert_with(|| Answers {
            running: 0,
            is_answered: false,
            at: Instant::now(),
        });
        if answers.running == 0 {
            answers.at = Instant::now();
        }
        answers.running += 1;
        true
    }

    fn note(&mut self, key: &str, is_answered: bool) {
        if let Some(answers) = self.0.get_mut(key) {
            answers.is_answered = is_answered;
            if is_answered {
                answers.at = Instant::now();
            }
        }
    }

    fn end(&mut self, key: &str) {
        if let Some(answers) = self.0.get_mut(key) {
            answers.running = answers.running.saturating_sub(1);
        }
    }
}

impl Breaker {
    /// Takes part in the attempts on a destination; `None` while that would leave too few to others.
    pub(crate) fn share(
        &self,
        unit: &Arc<SinkUnit>,
        destination: &Destination,
        is_probe: bool,
    ) -> Option<Share> {
        let key = destination.key();
        let mut known = self.known();
        let Known { shares, slots, .. } = &mut *known;
        if !shares.begin(key, self.most_silent, is_probe) {
            return None;
        }
        slots.remove(key);
        Some(Share {
            unit: Arc::clone(unit),
            key: key.to_owned(),
        })
    }
}

impl Share {
    /// The attempt was answered, or was not in time.
    pub(crate) fn note(&self, is_answered: bool) {
        let mut known = self.unit.breaker.known();
        known.shares.note(&self.key, is_answered);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.unit.breaker.known().shares.end(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_that_do_not_answer_leave_attempts_to_others() {
        let mut shares = Shares::default();
        let begun = (0..10)
            .filter(|_| shares.begin("hanging", 4, false))
            .count();
        assert_eq!(begun, 4);
        assert!(!shares.begin("unknown", 4, false), "it may hang, too");
        assert!(shares.begin("hanging", 4, true), "a probe is always made");
    }

    #[test]
    fn a_destination_that_answers_has_all_attempts() {
        let mut shares = Shares::default();
        assert!(shares.begin("good", 4, false));
        shares.note("good", true);
        for _ in 0..10 {
            assert!(shares.begin("good", 4, false));
        }
        shares.note("good", false);
        assert!(!shares.begin("good", 4, false));
        for _ in 0..11 {
            shares.end("good");
        }
        assert!(shares.begin("good", 4, false), "one of it shows more");
    }
}
