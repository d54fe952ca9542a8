//! How late the polls of this process start of late.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use smswatch_model::Timestamp;

/// For how long a poll that started late is remembered, at least; at most twice as long.
const WINDOW: Duration = Duration::from_secs(60);

/// How late polls started, at worst.
#[derive(Debug, Default)]
pub(crate) struct PollLag(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the current window began.
    since: Timestamp,
    /// The worst in it, and in the one before it; `None` if there was no poll.
    worst: [Option<Duration>; 2],
}

impl State {
    /// Begins windows that are over.
    fn turn(&mut self, now: Timestamp) {
        let age = now.since(self.since);
        if age >= WINDOW {
            let [current, _] = self.worst;
            self.worst = [None, current.filter(|_| age < 2 * WINDOW)];
            self.since = now;
        }
    }
}

impl PollLag {
    /// A poll started, or had to be put off, `lag` after it was due.
    pub(crate) fn add(&self, lag: Duration, now: Timestamp) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn(now);
        let [current, _] = &mut state.worst;
        *current = (*current).max(Some(lag));
    }

    /// The worst of the last minute or two; `None` if no poll was due in it.
    pub(crate) fn worst(&self, now: Timestamp) -> Option<Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.turn(now);
        state.worst.into_iter().max().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_the_last_minutes_is_told_and_forgotten() {
        let at = |second: i64| Timestamp::from_seconds(1_777_636_800 + second);
        let lag = PollLag::default();
        assert_eq!(lag.worst(at(0)), None);
        lag.add(Duration::from_secs(9), at(1));
        lag.add(Duration::from_secs(2), at(2));
        assert_eq!(lag.worst(at(3)), Some(Duration::from_secs(9)));
        lag.add(Duration::from_secs(1), at(70));
        assert_eq!(lag.worst(at(71)), Some(Duration::from_secs(9)));
        assert_eq!(lag.worst(at(140)), Some(Duration::from_secs(1)));
        assert_eq!(lag.worst(at(900)), None);
    }
}
