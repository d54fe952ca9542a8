//! How many calls of the provider's API this process made in the last minute.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Over how long calls are counted.
pub(super) const SPAN: Duration = Duration::from_secs(60);

/// How many calls there had been in all at some moments of the last minute.
#[derive(Debug, Default)]
pub(super) struct RecentCalls(VecDeque<(Instant, u64)>);

impl RecentCalls {
    /// Notes how many there have been in all by `now`; returns how many of them fell into the last minute.
    pub(super) fn note(&mut self, in_all: u64, now: Instant) -> u64 {
        self.0.push_back((now, in_all));
        // The newest of those that are older than the span is where the span begins.
        while self
            .0
            .get(1)
            .is_some_and(|(at, _)| now.duration_since(*at) >= SPAN)
        {
            self.0.pop_front();
        }
        let before = self.0.front().map_or(0, |(_, in_all)| *in_all);
        in_all.saturating_sub(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_calls_of_the_last_minute_count() {
        let mut calls = RecentCalls::default();
        let begun = Instant::now();
        let mut note =
            |second: u64, in_all| calls.note(in_all, begun + Duration::from_secs(second));
        assert_eq!(note(0, 0), 0);
        assert_eq!(note(30, 600), 600);
        assert_eq!(note(60, 900), 900);
        assert_eq!(note(90, 1000), 400);
        assert_eq!(note(300, 1000), 0);
    }
}
