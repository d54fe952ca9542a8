//! How many attempts run at once after a sink was parked: few at first, so that a receiver that has
//! just come back is not run over by all that has waited.

use smswatch_model::Timestamp;

/// Begins with one slot and doubles with each success.
#[derive(Debug)]
pub(super) struct SlowStart {
    /// When the sink was parked last; `None` if it never was.
    since: Option<Timestamp>,
    slots: usize,
    most: usize,
}

impl SlowStart {
    /// A slow start up to `most` slots, all of which are there as long as the sink was never parked.
    pub(super) fn new(most: usize) -> Self {
        Self {
            since: None,
            slots: most,
            most,
        }
    }

    /// How many attempts may run at once, when the sink was parked until `since`.
    pub(super) fn slots(&mut self, since: Option<Timestamp>) -> usize {
        if self.since != since {
            self.since = since;
            self.slots = since.map_or(self.most, |_| 1);
        }
        self.slots
    }

    pub(super) fn succeed(&mut self) {
        self.slots = self.slots.saturating_mul(2).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_that_was_never_parked_has_all_slots() {
        assert_eq!(SlowStart::new(8).slots(None), 8);
    }

    #[test]
    fn slots_begin_at_one_after_each_parking_and_double_with_each_success() {
        let mut slow_start = SlowStart::new(6);
        for parking in 1..3 {
            let since = Some(Timestamp::from_seconds(parking));
            let mut seen = Vec::new();
            for _ in 0..5 {
                seen.push(slow_start.slots(since));
                slow_start.succeed();
            }
            assert_eq!(seen, [1, 2, 4, 6, 6]);
        }
    }
}
