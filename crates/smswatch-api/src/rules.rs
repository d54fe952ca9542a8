//! Rules, and how often each fired of late.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

/// A rule, and how often it fired: once for all that is seen of a message at once, however many it notified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleReply {
    /// The rule's name.
    pub rule: String,
    /// How often it fired in the last 24 hours; the hour in which they began is counted whole.
    #[serde(default)]
    pub fired_24h: u64,
    /// The same in the last seven days.
    #[serde(default)]
    pub fired_7d: u64,
    /// When it fired last in these seven days; `None` if it did not.
    pub last_fired_at: Option<Timestamp>,
}
