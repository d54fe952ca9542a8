//! What is wrong with a sink or a destination, for people.

use std::time::Duration;

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
                "gone since {}, `sink resume` ends it: {}",
                seconds(open.since),
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
            troubles.push(format!("the receiver wants nothing until {until}"));
        }
        (!troubles.is_empty()).then(|| troubles.join("; "))
    }
}

/// An instant without what is less than a second.
fn seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_seconds(instant.as_seconds())
}

/// A length of time as people say it: `1 m 30 s`.
pub(crate) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    match parts.is_empty() {
        true => "less than a second".to_owned(),
        false => parts[..parts.len().min(2)].join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_said_by_its_largest_units() {
        let said = [0, 1, 90, 3_600, 3_661, 90_000].map(|n| spoken(Duration::from_secs(n)));
        let expected = [
            "less than a second",
            "1 s",
            "1 m 30 s",
            "1 h",
            "1 h 1 m",
            "1 d 1 h",
        ];
        assert_eq!(said, expected);
    }
}
