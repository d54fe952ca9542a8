//! What is wrong with a sink or a destination, for people.

use smswatch_model::Timestamp;

use super::Circuit;

impl Circuit {
    /// What is wrong with the sink: why nothing is claimed, or what failed last.
    pub(crate) fn trouble(&self, now: Timestamp) -> Option<String> {
        let mut troubles = Vec::new();
        if let Some(since) = self.paused {
            troubles.push(format!("paused since {}", seconds(since)));
        }
        match &self.open {
            Some(open) if open.gone => troubles.push(format!(
                "down since {}, next try at {}; the receiver says that it is gone for good: {}",
                seconds(open.since),
                seconds(open.probe_at),
                open.reason
            )),
            Some(open) => troubles.push(format!(
                "down since {}, next try at {}: {}",
                seconds(open.since),
                seconds(open.probe_at),
                open.reason
            )),
            None => troubles.extend(self.failed_of.clone()),
        }
        if let Some(until) = self.held_until(now) {
            let until = seconds(until);
            troubles.push(format!("the receiver asked for a pause until {until}"));
        }
        (!troubles.is_empty()).then(|| troubles.join("; "))
    }
}

/// An instant without what is less than a second.
fn seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_seconds(instant.as_seconds())
}
