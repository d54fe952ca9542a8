//! Since when, and for how long, a receiver takes nothing: what a fallback waits for.

use smswatch_model::Timestamp;

use super::Circuit;

/// A time in which the receiver takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Absence {
    pub(crate) since: Timestamp,
    /// When it ends; `None` if that is unknown.
    pub(crate) until: Option<Timestamp>,
}

impl Circuit {
    /// The time in which the receiver takes nothing: its breaker is open, or it asked for time. A pause by hand is none,
    /// nor one that is over at `now`.
    pub(crate) fn absence(&self, now: Timestamp) -> Option<Absence> {
        let open = self
            .open_since()
            .map(|since| Absence { since, until: None });
        let held = self.held.filter(|held| now < held.to);
        open.or_else(|| {
            held.map(|held| Absence {
                since: held.from,
                until: Some(held.to),
            })
        })
    }
}
