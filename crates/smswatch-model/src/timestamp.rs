//! An instant, as everything here counts it: milliseconds since 1970, UTC.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant in milliseconds since the Unix epoch, UTC.
///
/// Written as RFC 3339: without a fraction when it lies on a whole second, else with three digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// The text is no date and time that RFC 3339 or ISO 8601 knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time with an offset, such as `2026-05-01T10:28:49Z`")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The last instant that can be written; stands for "never".
    pub const MAX: Self = Self(253_402_207_200_000);

    /// The instant `milliseconds` after the epoch, held within the years 1 to 9999.
    #[must_use]
    pub fn from_millis(milliseconds: i64) -> Self {
        Self(milliseconds.clamp(-62_135_596_800_000, Self::MAX.0))
    }

    /// The instant `seconds` after the epoch, held within the years 1 to 9999.
    #[must_use]
    pub fn from_seconds(seconds: i64) -> Self {
        Self::from_millis(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_sub(millis(duration)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = jiff::Timestamp::from_millisecond(self.0)
            .expect("the constructors hold the value within jiff's range");
        if self.0.rem_euclid(1000) == 0 {
            write!(formatter, "{instant:.0}")
        } else {
            write!(formatter, "{instant:.3}")
        }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    /// Reads RFC 3339 and its relatives: fractions of any length, any offset, seconds left out.
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        text.trim()
            .parse::<jiff::Timestamp>()
            .map(|instant| Self::from_millis(instant.as_millisecond()))
            .map_err(|_| InvalidTimestamp)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let timestamp: Timestamp = text.parse().expect(text);
        assert_eq!(timestamp.to_string(), expected);
    }

    #[test]
    fn dates_are_read_with_and_without_fraction_offset_and_seconds() {
        check("2015-11-11T17:07:04Z", "2015-11-11T17:07:04Z");
        check("2024-05-01T10:28:45.227Z", "2024-05-01T10:28:45.227Z");
        check("2024-05-01T10:28:45.2Z", "2024-05-01T10:28:45.200Z");
        check(
            "2024-05-01T12:28:45.227999+02:00",
            "2024-05-01T10:28:45.227Z",
        );
        check("2015-11-11T15:00Z", "2015-11-11T15:00:00Z");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "2015-11-11",
            "2015-13-11T17:07:04Z",
            "1700000000",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn arithmetic_stays_within_what_can_be_written() {
        let far = Timestamp::MAX + Duration::from_secs(u64::MAX);
        assert_eq!(far, Timestamp::MAX);
        assert_eq!(far.to_string().len(), "9999-12-30T22:00:00Z".len());
        assert_eq!(
            Timestamp::from_seconds(i64::MIN).to_string(),
            "0001-01-01T00:00:00Z"
        );
    }
}
