//! What rules say about rates: what is measured, and when that is an alert.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The units of a window as a person writes them, in milliseconds, the longest first.
const UNITS: [(&str, u128); 4] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
];

/// When a rate is an alert.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RateSettings {
    /// How long the window is, not zero.
    pub over: Duration,
    /// What it must rise above.
    pub above: RateBound,
    /// What it must fall below to be resolved: in the unit of `above`, and not more.
    pub clear_below: RateBound,
    /// How many events there must be at least.
    pub at_least: u64,
    /// For how long it must be above its bound.
    pub lasting: Duration,
    /// How often it is reported again while it fires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Duration>,
    /// How it compares with what is usual at this hour of the day; `above` holds until that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<UsualBound>,
}

/// A bound that follows what a rate usually measures at this hour of the day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UsualBound {
    /// How much more than usual it is.
    pub more: More,
    /// Whether an alert is resolved below the same bound, and not below `clear_below`.
    pub clears: bool,
}

/// How much more than usual a share must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum More {
    /// This many times the usual share.
    Times(f64),
    /// This many percentage points above it.
    Points(f64),
}

impl UsualBound {
    /// The highest share in percent that a bound can be.
    pub const HIGHEST: f64 = 95.0;

    /// The bound in percent where `usual` percent are usual.
    #[must_use]
    pub fn percent(self, usual: f64) -> f64 {
        let bound = match self.more {
            More::Times(times) => usual * times,
            More::Points(points) => usual + points,
        };
        bound.min(Self::HIGHEST)
    }
}

/// A bound of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RateBound {
    /// The share of those events that count, in percent.
    Percent(f64),
    /// How many events count.
    Count(u64),
}

/// The events of one rule that are measured together.
#[derive(Debug, Clone, PartialEq)]
pub struct RateGroup {
    /// The rule.
    pub rule: String,
    /// The values that they share, by the rule's `by`.
    pub values: BTreeMap<String, String>,
    /// When that is an alert.
    pub settings: RateSettings,
}

/// A rule that holds back an event while the alert of a rate fires.
#[derive(Debug, Clone, PartialEq)]
pub struct UnlessFiring {
    /// The rule.
    pub rule: String,
    /// The rate, for the values that the event has.
    pub rate: RateGroup,
}

/// What an event adds to a rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The rate in which it is measured.
    pub group: RateGroup,
    /// Whether it counts (`count` of the rule matches it).
    pub counts: bool,
}

impl RateSettings {
    /// How long the window is, such as `15m`.
    #[must_use]
    pub fn window(&self) -> String {
        span_text(self.over)
    }
}

/// A length of time in its longest whole unit, such as `15m`.
pub(super) fn span_text(span: Duration) -> String {
    let millis = span.as_millis();
    let whole = UNITS.iter().find(|(_, unit)| millis.is_multiple_of(*unit));
    let (name, unit) = whole.copied().unwrap_or(("ms", 1));
    format!("{}{name}", millis / unit)
}

impl RateBound {
    /// What is compared with the bound: `count` events, or `percent` of all.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no window holds 2^52 events")]
    pub fn value(self, count: u64, percent: f64) -> f64 {
        match self {
            Self::Percent(_) => percent,
            Self::Count(_) => count as f64,
        }
    }

    /// Whether the bound is below what was measured.
    #[must_use]
    pub fn is_below(self, count: u64, percent: f64) -> bool {
        match self {
            Self::Percent(bound) => percent > bound,
            Self::Count(bound) => count > bound,
        }
    }

    /// Whether the bound is above what was measured.
    #[must_use]
    pub fn is_above(self, count: u64, percent: f64) -> bool {
        match self {
            Self::Percent(bound) => percent < bound,
            Self::Count(bound) => count < bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_written_in_its_longest_whole_unit() {
        for (millis, text) in [
            (900_000, "15m"),
            (90_000, "90s"),
            (7_200_000, "2h"),
            (1_500, "1500ms"),
        ] {
            let settings = RateSettings {
                over: Duration::from_millis(millis),
                above: RateBound::Count(0),
                clear_below: RateBound::Count(0),
                at_least: 1,
                lasting: Duration::ZERO,
                repeat: None,
                usual: None,
            };
            assert_eq!(settings.window(), text);
        }
    }
}
