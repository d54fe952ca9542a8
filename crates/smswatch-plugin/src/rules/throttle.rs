//! What rules say about throttles: how many notifications a destination gets at most.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rate::span_text;

/// How many notifications of a rule a destination gets at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Throttle {
    /// How many, at least 1.
    pub at_most: u32,
    /// In any time of this length, not zero.
    pub per: Duration,
}

/// A destination that a rule with a throttle would notify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttled {
    /// The rule.
    pub rule: String,
    /// The [name](smswatch_model::destination) of the destination.
    pub destination: String,
    /// How many notifications it gets.
    pub throttle: Throttle,
}

impl Throttle {
    /// How many notifications it allows: `5 per 1h`.
    #[must_use]
    pub fn allowance(self) -> String {
        format!("{} per {}", self.at_most, span_text(self.per))
    }

    /// Why a notification of `rule` is held back: `throttle of alerts: 5 per 1h are told already`.
    #[must_use]
    pub fn reason(self, rule: &str) -> String {
        let verb = if self.at_most == 1 { "is" } else { "are" };
        format!(
            "throttle of {rule}: {} {verb} told already",
            self.allowance()
        )
    }
}
