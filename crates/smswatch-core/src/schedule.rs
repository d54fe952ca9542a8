//! When a watch is due next: gaps with jitter, rounded so that few distinct due times exist.

use std::time::Duration;

use smswatch_model::Timestamp;

use crate::store::Shard;

/// The share of a gap that jitter may add. Rounding adds at most another 64th, so that together
/// they stay below the tenth that is promised.
const MAX_JITTER: f64 = 0.08;

/// Position `step` of a list whose last entry repeats.
///
/// # Panics
///
/// The list is empty.
pub(crate) fn gap(schedule: &[Duration], step: u32) -> Duration {
    let last = schedule
        .len()
        .checked_sub(1)
        .expect("a schedule has at least one gap");
    schedule[usize::try_from(step).unwrap_or(last).min(last)]
}

/// The longest gap that stretching makes. A message whose callbacks got lost is found after it.
const MOST_STRETCHED: Duration = Duration::from_secs(6 * 3600);

/// A gap between two polls of a message, stretched because callbacks report on it.
pub(crate) fn stretched(gap: Duration, by: u32) -> Duration {
    gap.saturating_mul(by).min(MOST_STRETCHED).max(gap)
}

/// Where a shard's due times lie.
///
/// They are rounded up to slots, so that watches that are due at about the same time share a due
/// time and stores keep one list for all of them. Each shard's slots begin at another moment: the
/// shards then take turns, and what one of them finds does not wait for the work of all others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slots {
    /// Which part of a slot passes before this shard's begins, from 0 to less than 1.
    offset: f64,
}

impl Slots {
    pub(crate) fn of(shard: Shard, shard_count: u16) -> Self {
        let offset = f64::from(shard.0) / f64::from(shard_count.max(1));
        Self {
            offset: offset.fract(),
        }
    }

    /// `gap` after `now` with jitter, `random` between 0 and 1, rounded up to its slot.
    pub(crate) fn after(self, now: Timestamp, gap: Duration, random: f64) -> Timestamp {
        let jitter = gap.mul_f64(MAX_JITTER * random.clamp(0.0, 1.0));
        self.round_up(now + gap + jitter, gap)
    }

    /// `deadline`, rounded up as a due time that lies this far from `now`.
    pub(crate) fn at(self, now: Timestamp, deadline: Timestamp) -> Timestamp {
        self.round_up(deadline, deadline.since(now))
    }

    /// Rounds up to a slot, whose width is a power of two of milliseconds and at most a 64th of
    /// `gap`.
    fn round_up(self, due: Timestamp, gap: Duration) -> Timestamp {
        let widest = u64::try_from(gap.as_millis() / 64).unwrap_or(u64::MAX);
        let width = 1_u64 << widest.max(1).ilog2();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            reason = "a slot lasts less than 2^52 milliseconds"
        )]
        let offset = (width as f64 * self.offset) as i64;
        let width = i64::try_from(width).expect("a 64th of a duration in milliseconds fits");
        let millis = due.as_millis();
        let missing = (offset - millis.rem_euclid(width)).rem_euclid(width);
        Timestamp::from_millis(millis.saturating_add(missing))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_gap_repeats() {
        let schedule = [5, 10, 30].map(Duration::from_secs);
        let gaps = [0, 1, 2, 3, u32::MAX].map(|step| gap(&schedule, step).as_secs());
        assert_eq!(gaps, [5, 10, 30, 30, 30]);
    }

    #[test]
    fn an_hour_has_few_slots() {
        let hour = Duration::from_secs(3600);
        let due = |shard| {
            let slots = Slots::of(Shard(shard), 16);
            slots.after(Timestamp::from_seconds(1_777_636_800), hour, 0.3)
        };
        assert_eq!(due(0).as_millis() % 32_768, 0);
        assert_eq!(due(4).as_millis() % 32_768, 8_192);
    }

    proptest! {
        #[test]
        fn a_due_time_lies_within_a_tenth_behind_its_gap(
            now in 0..4_000_000_000_000_i64,
            gap in 1..604_800_000_u64,
            random in 0.0..=1.0_f64,
            shard in 0..16_u16,
        ) {
            let now = Timestamp::from_millis(now);
            let gap = Duration::from_millis(gap);
            let due = Slots::of(Shard(shard), 16).after(now, gap, random);
            prop_assert!(due >= now + gap);
            prop_assert!(due <= now + gap.mul_f64(1.1) + Duration::from_millis(1));
        }

        #[test]
        fn a_deadline_is_never_due_before_it(
            now in 0..4_000_000_000_000_i64,
            ahead in 0..604_800_000_i64,
            shard in 0..16_u16,
        ) {
            let deadline = Timestamp::from_millis(now + ahead);
            let due = Slots::of(Shard(shard), 16).at(Timestamp::from_millis(now), deadline);
            prop_assert!(due >= deadline);
            prop_assert!(due.since(deadline).as_millis() * 64 <= u128::from(ahead.unsigned_abs()));
        }
    }
}
