//! The store's clock: this machine's, carried on by the monotonic one where that was set back or stands
//! still.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use smswatch_plugin::model::Timestamp;

/// By how much the store's clock may be ahead of the machine's. It is when that was set back; one that
/// was wrong by more than this before is right now.
const MOST_AHEAD: Duration = Duration::from_secs(100 * 24 * 3600);

/// How much more slowly it runs while it is ahead, so that the two meet again: by a fiftieth.
const SLOWER_BY: u32 = 50;

/// A clock that never goes back, except after one that was wrong by more than [`MOST_AHEAD`].
#[derive(Debug)]
pub(crate) struct Clock(Mutex<Shown>);

/// What it showed, and when that was.
#[derive(Debug, Clone, Copy)]
struct Shown {
    time: Timestamp,
    at: Instant,
}

impl Clock {
    /// A clock that goes on from the latest instant that is stored, if there is one.
    pub(crate) fn new(stored: Option<Timestamp>) -> Self {
        let (wall, at) = (wall(), Instant::now());
        let stored = Shown {
            time: stored.unwrap_or(wall),
            at,
        };
        let time = stored.carried_on(wall, at);
        Self(Mutex::new(Shown { time, at }))
    }

    pub(crate) fn now(&self) -> Timestamp {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, at) = (wall(), Instant::now());
        let time = shown.carried_on(wall, at);
        // What is less than a millisecond must not get lost, however often it is asked.
        if time == wall || at.saturating_duration_since(shown.at) >= Shown::RENEWAL {
            *shown = Shown { time, at };
        }
        time
    }
}

impl Shown {
    /// How often it counts from a later moment while it is ahead.
    const RENEWAL: Duration = Duration::from_secs(60);

    /// What it shows at `at`, when the machine's clock shows `wall`.
    fn carried_on(self, wall: Timestamp, at: Instant) -> Timestamp {
        let passed = at.saturating_duration_since(self.at);
        let carried = self.time + (passed - passed / SLOWER_BY);
        if wall >= carried || carried.since(wall) > MOST_AHEAD {
            wall
        } else {
            carried
        }
    }
}

fn wall() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn time(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn shown(second: i64, at: Instant) -> Shown {
        Shown {
            time: time(second),
            at,
        }
    }

    #[test]
    fn a_clock_that_is_set_back_goes_on_a_little_more_slowly() {
        let at = Instant::now();
        let before = shown(7200, at);
        assert_eq!(before.carried_on(time(0), at + 100 * SECOND), time(7298));
        let still = before.carried_on(time(0), at + 200 * SECOND);
        assert_eq!(still, time(7396), "the machine's clock stands still");
        let met = before.carried_on(time(7300), at + 100 * SECOND);
        assert_eq!(met, time(7300));
    }

    #[test]
    fn a_clock_that_is_set_forward_is_followed_and_goes_on_when_it_is_set_back_again() {
        let at = Instant::now();
        let forward = shown(0, at).carried_on(time(86_400), at + SECOND);
        assert_eq!(forward, time(86_400));
        let back = shown(86_400, at).carried_on(time(50), at + 50 * SECOND);
        assert_eq!(back, time(86_449));
    }

    #[test]
    fn a_clock_that_was_wrong_by_months_is_right_now() {
        let at = Instant::now();
        let wrong = Shown {
            time: time(0) + MOST_AHEAD + 60 * SECOND,
            at,
        };
        assert_eq!(wrong.carried_on(time(1), at + SECOND), time(1));
    }

    #[test]
    fn it_begins_where_it_was_when_the_machines_clock_is_behind() {
        let ahead = wall() + 3600 * SECOND;
        assert!(Clock::new(Some(ahead)).now() >= ahead);
        let before = wall();
        assert!(Clock::new(Some(before - SECOND)).now() >= before);
        assert!(Clock::new(None).now() >= before);
    }
}
