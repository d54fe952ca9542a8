//! Compiles `throttle`: how many notifications of a rule a destination gets at most.

use std::time::Duration;

use smswatch_plugin::rules::Throttle;

use super::Compiler;
use super::expect::spot;
use crate::yaml::{Content, Entry};

/// The keys of `throttle`.
const KEYS: [&str; 2] = ["at_most", "per"];

/// The most that `at_most` can be.
const MOST: u32 = 1000;

/// What `per` is at least and at most.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What would be right.
const EXAMPLE: &str = "such as `throttle: {at_most: 5, per: 1h}`";

impl Compiler<'_> {
    pub(super) fn throttle(&mut self, throttle: &Entry) -> Option<Throttle> {
        self.mapping(throttle, &KEYS, EXAMPLE)?;
        let missing = KEYS
            .iter()
            .filter(|key| throttle.value.entry(key).is_none());
        let missing: Vec<String> = missing.map(|key| format!("`{key}`")).collect();
        if !missing.is_empty() {
            let message = format!("`throttle` needs {}", missing.join(" and "));
            self.error(throttle.key.place, message).hint = Some(EXAMPLE.to_owned());
        }
        let at_most = throttle.value.entry("at_most");
        let at_most = at_most.and_then(|entry| self.at_most(entry));
        let per = throttle.value.entry("per");
        let per = per.and_then(|entry| self.per(entry));
        Some(Throttle {
            at_most: at_most?,
            per: per?,
        })
    }

    fn at_most(&mut self, entry: &Entry) -> Option<u32> {
        let number = match entry.value.content() {
            Content::Number(number) => number.as_u64(),
            _ => None,
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=MOST).contains(number));
        if number.is_none() {
            let message = format!("`at_most` is a whole number from 1 to {MOST}");
            self.error(spot(entry), message);
        }
        number
    }

    fn per(&mut self, entry: &Entry) -> Option<Duration> {
        let per = self.span(entry)?.duration();
        if per < SHORTEST || per > LONGEST {
            self.error(spot(entry), "`per` is from 1s to 7d");
            return None;
        }
        Some(per)
    }
}
