//! What a rate usually measures at this hour of the day, by its sums of the last days, and how sure a share is that
//! was measured now.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Of how many days before today the same hour is looked at.
const DAYS: i64 = 7;

/// How many of them must have had enough events.
const FEWEST_DAYS: usize = 2;

/// How many events are enough at least, whatever the rule says.
const FEWEST_EVENTS: u64 = 20;

/// How many standard deviations a share must be away to be sure of it: 95 %.
const SURE: f64 = 1.96;

/// How many events there were in each hour, and how many of them counted, by the milliseconds at which it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Hours(BTreeMap<i64, (u64, u64)>);

impl Hours {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn add(&mut self, at: Timestamp, is_counted: bool) {
        let (total, count) = self.0.entry(hour_of(at)).or_default();
        *total += 1;
        *count += u64::from(is_counted);
    }

    /// Forgets hours that no day is compared with any more.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let first = hour_of(now) - (DAYS + 1) * DAY;
        self.0.retain(|hour, _| *hour > first);
    }

    /// When the last of them can be forgotten.
    pub(super) fn over_at(&self) -> Option<Timestamp> {
        let (last, _) = self.0.last_key_value()?;
        Some(Timestamp::from_millis(last + (DAYS + 1) * DAY))
    }

    /// Which share in percent usually counts at this hour: that of the day in the middle among those with enough
    /// events, so that one bad day changes little. `None` if too few days are known.
    pub(super) fn usual(&self, now: Timestamp, at_least: u64) -> Option<f64> {
        let enough = at_least.max(FEWEST_EVENTS);
        let days = (1..=DAYS).filter_map(|day| self.0.get(&(hour_of(now) - day * DAY)));
        let known = days.filter(|(total, _)| *total >= enough);
        let mut shares: Vec<f64> = known.map(|(total, count)| share(*total, *count)).collect();
        if shares.len() < FEWEST_DAYS {
            return None;
        }
        shares.sort_by(f64::total_cmp);
        let (low, high) = ((shares.len() - 1) / 2, shares.len() / 2);
        Some(f64::midpoint(shares[low], shares[high]))
    }
}

fn hour_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(HOUR) * HOUR
}

/// A share in percent. Where nothing was counted it is not nothing: a little was possible.
#[expect(clippy::cast_precision_loss, reason = "no hour holds 2^52 events")]
fn share(total: u64, count: u64) -> f64 {
    (count as f64 + 1.0) * 100.0 / (total as f64 + 2.0)
}

/// Above which share in percent it surely is when `count` of `total` were measured, by Wilson's score interval.
#[expect(clippy::cast_precision_loss, reason = "no window holds 2^52 events")]
pub(super) fn surely_above(total: u64, count: u64) -> f64 {
    if total == 0 {
        return 0.0;
    }
    let (n, square) = (total as f64, SURE * SURE);
    let share = count as f64 / n;
    let middle = share + square / (2.0 * n);
    let margin = SURE * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    ((middle - margin) / (1.0 + square / n)).max(0.0) * 100.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(day: i64, hour: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_593_600 + day * 86_400 + hour * 3_600 + 600)
    }

    fn add(hours: &mut Hours, at: Timestamp, good: u64, bad: u64) {
        (0..good).for_each(|_| hours.add(at, false));
        (0..bad).for_each(|_| hours.add(at, true));
    }

    #[test]
    fn the_same_hour_of_at_least_two_days_is_the_usual_and_one_bad_day_is_not() {
        let mut hours = Hours::default();
        add(&mut hours, at(0, 9), 97, 3);
        add(&mut hours, at(0, 10), 0, 100);
        assert_eq!(hours.usual(at(1, 9), 50), None);
        add(&mut hours, at(1, 9), 96, 4);
        let usual = hours.usual(at(2, 9), 50).expect("two days");
        assert!((4.0..5.0).contains(&usual), "{usual}");
        add(&mut hours, at(2, 9), 0, 100);
        let usual = hours.usual(at(3, 9), 50).expect("three days");
        assert!((4.0..6.0).contains(&usual), "{usual}");
        assert_eq!(hours.usual(at(3, 11), 50), None);
        assert_eq!(hours.usual(at(3, 9), 500), None, "they are too few");
        let over_at = hours.over_at().expect("it has hours");
        hours.forget(over_at);
        assert_eq!(hours, Hours::default());
    }

    proptest! {
        #[test]
        fn what_is_sure_is_less_than_what_was_measured_and_closer_the_more_there_was(
            total in 1_u64..10_000,
            part in 0.0..1.0_f64,
        ) {
            let count = (total as f64 * part) as u64;
            let measured = count as f64 * 100.0 / total as f64;
            let sure = surely_above(total, count);
            prop_assert!((0.0..=100.0).contains(&sure));
            prop_assert!(sure <= measured + 1e-9);
            let surer = surely_above(total * 10, count * 10);
            prop_assert!(surer >= sure - 1e-9);
            prop_assert!(surer <= measured + 1e-9);
        }

        #[test]
        fn the_usual_is_among_what_was_measured_whatever_the_order(
            days in prop::collection::vec((20_u64..200, 0_u64..20), 2..7),
        ) {
            let mut hours = Hours::default();
            for (day, (good, bad)) in (0..).zip(&days) {
                add(&mut hours, at(day, 9), *good, *bad);
            }
            let now = at(i64::try_from(days.len()).expect("few"), 9);
            let usual = hours.usual(now, 1).expect("enough days");
            let shares = days.iter().map(|(good, bad)| share(good + bad, *bad));
            let (least, most) = shares.fold((f64::MAX, 0.0_f64), |(least, most), share| {
                (least.min(share), most.max(share))
            });
            prop_assert!((least..=most).contains(&usual));
        }
    }
}
