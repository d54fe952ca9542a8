//! The same thing going wrong again and again: since when, how often, and how it was last.

use std::time::Duration;

use smswatch_model::Timestamp;

/// Bad news in a row; none of them while all is well.
#[derive(Debug, Default)]
pub(super) struct FailureStreak(Option<OngoingFailure>);

/// A streak that is going on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OngoingFailure {
    /// When the first of them came.
    pub(super) since: Timestamp,
    /// When the last of them came.
    pub(super) seen: Timestamp,
    /// How many there were.
    pub(super) count: u32,
    /// What the last of them said.
    pub(super) what: String,
}

impl FailureStreak {
    /// Bad news came at `now`.
    pub(super) fn add(&mut self, now: Timestamp, what: String) {
        let (since, count) = match &self.0 {
            Some(bad) => (bad.since, bad.count.saturating_add(1)),
            None => (now, 1),
        };
        self.0 = Some(OngoingFailure {
            since,
            seen: now,
            count,
            what,
        });
    }

    /// Good news came.
    pub(super) fn end(&mut self) {
        self.0 = None;
    }

    /// Ends a streak whose last bad news came before `limit`.
    pub(super) fn end_if_older(&mut self, limit: Timestamp) {
        self.0.take_if(|bad| bad.seen < limit);
    }

    /// The streak, if there were at least `fewest` over at least `duration`. What counts is what was
    /// seen: time in which nothing was tried proves nothing.
    pub(super) fn lasting(&self, fewest: u32, duration: Duration) -> Option<&OngoingFailure> {
        self.0
            .as_ref()
            .filter(|bad| bad.count >= fewest && bad.seen.since(bad.since) >= duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn streak(seconds: &[i64]) -> FailureStreak {
        let mut streak = FailureStreak::default();
        for second in seconds {
            streak.add(at(*second), format!("at {second}"));
        }
        streak
    }

    fn lasts(seconds: &[i64]) -> bool {
        let minute = Duration::from_secs(60);
        streak(seconds).lasting(3, minute).is_some()
    }

    #[test]
    fn it_lasts_when_there_were_enough_over_long_enough() {
        assert!(lasts(&[0, 30, 60]));
        assert!(!lasts(&[0, 60]), "two are too few");
        assert!(!lasts(&[0, 1, 2, 59]), "that is not long enough");
        assert!(!lasts(&[]));
    }

    #[test]
    fn it_tells_its_beginning_and_what_came_last() {
        let streak = streak(&[0, 30, 90]);
        let bad = streak.lasting(3, Duration::from_secs(60));
        let expected = OngoingFailure {
            since: at(0),
            seen: at(90),
            count: 3,
            what: "at 90".to_owned(),
        };
        assert_eq!(bad, Some(&expected));
    }

    #[test]
    fn good_news_and_a_long_silence_end_it() {
        let mut ended = streak(&[0, 30, 60]);
        ended.end();
        assert_eq!(ended.lasting(0, Duration::ZERO), None);
        let mut silent = streak(&[0, 30, 60]);
        silent.end_if_older(at(60));
        assert!(silent.lasting(0, Duration::ZERO).is_some());
        silent.end_if_older(at(61));
        assert_eq!(silent.lasting(0, Duration::ZERO), None);
    }
}
