//! Notices, by this machine's monotonic clock, that the store's clock does not get to what is due.

use std::collections::HashMap;
use std::time::Duration;

use smswatch_model::Timestamp;
use tokio::time::Instant;

use super::Queue;

/// When what each queue has next should be due.
#[derive(Debug, Default)]
pub(super) struct Expected(HashMap<Queue, Next>);

/// What a queue has next.
#[derive(Debug, Clone, Copy)]
struct Next {
    due: Timestamp,
    /// When that should be, by this machine's measure.
    at: Instant,
    /// By how much it may be later: a clock that was set back runs a little more slowly for a while.
    slack: Duration,
}

impl Expected {
    /// By how much `due`, which is what the queue has next when the store's clock shows `now`, is late
    /// by this machine's measure. Only the same due time that was expected before can be late: another
    /// one says that the queue goes on.
    pub(super) fn overdue(
        &mut self,
        queue: Queue,
        due: Timestamp,
        now: Timestamp,
        at: Instant,
    ) -> Duration {
        if due <= now {
            self.0.remove(&queue);
            return Duration::ZERO;
        }
        let ahead = due.since(now);
        let next = Next {
            due,
            at: at + ahead,
            slack: ahead / 20,
        };
        let known = self.0.entry(queue).or_insert(next);
        if known.due != due {
            *known = next;
        }
        at.saturating_duration_since(known.at + known.slack)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Shard, WatchPriority};

    const SECOND: Duration = Duration::from_secs(1);
    const QUEUE: Queue = (WatchPriority::New, Shard(0));

    fn time(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_makes_what_is_next_overdue() {
        let (mut expected, begun) = (Expected::default(), Instant::now());
        let mut overdue =
            |due, now, at| expected.overdue(QUEUE, time(due), time(now), begun + at * SECOND);
        assert_eq!(overdue(5, 0, 0), Duration::ZERO);
        assert_eq!(overdue(5, 4, 4), Duration::ZERO);
        let slack = Duration::from_millis(250);
        assert_eq!(overdue(5, 4, 10), 5 * SECOND - slack, "it stands still");
        assert_eq!(
            overdue(5, -3600, 70),
            65 * SECOND - slack,
            "it was set back"
        );
        assert_eq!(overdue(9, -3600, 70), Duration::ZERO, "that is another one");
    }

    #[test]
    fn what_gets_due_in_time_is_never_overdue() {
        let (mut expected, begun) = (Expected::default(), Instant::now());
        for second in 0..100_u32 {
            let now = time(i64::from(second));
            let due = time(i64::from(second / 10 * 10 + 10));
            let overdue = expected.overdue(QUEUE, due, now, begun + second * SECOND);
            assert_eq!(overdue, Duration::ZERO);
        }
    }
}
