//! A length of time as people write it: a number and its unit.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The units in milliseconds, the longest first.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A length of time, written as `500ms`, `30s`, `5m`, `2h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(Duration);

/// The text is not a number with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a duration: write a number and its unit, such as `500ms`, `30s`, `5m`, `2h` or `7d`")]
pub struct InvalidSpan;

impl Span {
    /// The regular expression that the text of a span matches.
    pub const PATTERN: &'static str = "^[0-9]{1,9}(ms|s|m|h|d)$";

    /// A span of `seconds`.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of `milliseconds`.
    #[must_use]
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// The same length of time as a [`Duration`].
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl fmt::Display for Span {
    /// Writes the span in the longest unit that leaves no rest.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis == 0 {
            return formatter.write_str("0s");
        }
        let whole = UNITS
            .iter()
            .find(|(_, unit)| millis.is_multiple_of(u128::from(*unit)));
        let (name, unit) = whole.copied().unwrap_or(("ms", 1));
        write!(formatter, "{}{name}", millis / u128::from(unit))
    }
}

impl FromStr for Span {
    type Err = InvalidSpan;

    fn from_str(text: &str) -> Result<Self, InvalidSpan> {
        let n_digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(n_digits);
        if n_digits > 9 {
            return Err(InvalidSpan);
        }
        let (_, unit) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or(InvalidSpan)?;
        let number: u64 = number.parse().map_err(|_| InvalidSpan)?;
        Ok(Self::from_millis(number * unit))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Span")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: `500ms`, `30s`, `5m`, `2h` or `7d`.",
            "pattern": Self::PATTERN,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_and_written_in_its_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("7d", 604_800_000),
            ("0s", 0),
            ("1500ms", 1500),
            ("90s", 90_000),
        ] {
            let span: Span = text.parse().expect(text);
            assert_eq!(span, Span::from_millis(millis));
            assert_eq!(span.to_string(), text);
        }
        assert_eq!(Span::from_secs(120).to_string(), "2m");
    }

    #[test]
    fn a_bare_number_a_strange_unit_and_a_sign_are_refused() {
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "1.5h",
            "5min",
            "5S",
            "9999999999s",
        ] {
            assert_eq!(text.parse::<Span>(), Err(InvalidSpan), "{text}");
        }
    }

    #[test]
    fn the_pattern_accepts_what_is_read() {
        let pattern = regex::Regex::new(Span::PATTERN).expect("a regular expression");
        for text in [
            "500ms",
            "7d",
            "0s",
            "999999999d",
            "",
            "5",
            "1.5h",
            "5min",
            "9999999999s",
        ] {
            assert_eq!(
                pattern.is_match(text),
                text.parse::<Span>().is_ok(),
                "{text}"
            );
        }
    }
}
