//! What the store holds that this version does not understand, as the health report tells it.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use smswatch_model::Timestamp;

use crate::health::{CONTENTS, Health};

/// When something unexpected was last found in the store. Whatever it is in the way of is tried again
/// and again, so a while without it means that it is gone.
#[derive(Debug, Default)]
pub(crate) struct Contents(AtomicI64);

impl Contents {
    /// How long after it was found last it counts as gone.
    const QUIET: Duration = Duration::from_secs(60);

    pub(crate) fn unexpected(&self, health: &Health, now: Timestamp, what: &str) {
        self.0.fetch_max(now.as_millis(), Ordering::Relaxed);
        health.trouble(CONTENTS, what);
    }

    /// Says that all is well once that is so, or what is left to a later version.
    pub(crate) fn pulse(&self, health: &Health, now: Timestamp, left: &Left) {
        let found_at = Timestamp::from_millis(self.0.load(Ordering::Relaxed));
        if now.since(found_at) <= Self::QUIET {
            return;
        }
        if let Some(words) = left.words() {
            health.trouble(CONTENTS, &words);
        } else if health.is_in_trouble(CONTENTS) {
            health.well(CONTENTS);
        }
    }
}

/// How much is left to a later version, as far as this process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Left {
    pub(crate) watches: u64,
    pub(crate) deliveries: u64,
}

impl Left {
    /// What there is of it, for people; `None` if there is nothing.
    fn words(&self) -> Option<String> {
        let kinds = [
            (self.watches, "watch", "watches"),
            (self.deliveries, "delivery", "deliveries"),
        ];
        let named = kinds.into_iter().filter(|(count, ..)| *count > 0);
        let named = named.map(|(count, one, more)| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {more}"),
        });
        let named: Vec<_> = named.collect();
        let verb = if self.watches + self.deliveries == 1 {
            "is"
        } else {
            "are"
        };
        (!named.is_empty()).then(|| {
            format!(
                "{} {verb} left to a later version of smswatch, which wrote what this one cannot read",
                named.join(" and ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unexpected_in_the_store_is_told_until_it_is_gone() {
        let (contents, health) = (Contents::default(), Health::new([]));
        let now = Timestamp::from_seconds(1_777_636_800);
        contents.pulse(&health, now, &Left::default());
        assert!(!health.is_in_trouble(CONTENTS));
        contents.unexpected(&health, now, "a record of another version");
        contents.pulse(&health, now + Contents::QUIET, &Left::default());
        assert!(health.is_in_trouble(CONTENTS));
        let later = now + Contents::QUIET + Duration::from_secs(1);
        contents.pulse(&health, later, &Left::default());
        assert!(!health.is_in_trouble(CONTENTS));
        let left = Left {
            watches: 0,
            deliveries: 3,
        };
        contents.pulse(&health, later, &left);
        assert!(
            health.is_in_trouble(CONTENTS),
            "three deliveries are left to others"
        );
        contents.pulse(&health, later, &Left::default());
        assert!(!health.is_in_trouble(CONTENTS));
    }

    #[test]
    fn what_is_left_to_a_later_version_is_said_by_its_kind() {
        let said = |watches, deliveries| {
            let left = Left {
                watches,
                deliveries,
            };
            left.words()
        };
        assert_eq!(said(0, 0), None);
        let behind = "left to a later version of smswatch, which wrote what this one cannot read";
        assert_eq!(said(1, 0), Some(format!("1 watch is {behind}")));
        assert_eq!(said(0, 2), Some(format!("2 deliveries are {behind}")));
        assert_eq!(
            said(3, 1),
            Some(format!("3 watches and 1 delivery are {behind}"))
        );
    }
}
