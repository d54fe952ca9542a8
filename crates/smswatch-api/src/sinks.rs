//! Sinks: whether they take deliveries, and what came of a test.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::{DeliveryId, Timestamp};

use crate::words::words;

/// Whether a sink takes deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SinkReply {
    /// What stands most against deliveries.
    pub state: SinkState,
    /// The sink's name.
    pub sink: String,
    /// How many deliveries it gets at most, such as `10 in 1 s`; `None` if nothing limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Since when it is paused by hand.
    pub paused_since: Option<Timestamp>,
    /// Since when it is down.
    pub open_since: Option<Timestamp>,
    /// Why it is down.
    pub open_reason: Option<String>,
    /// Until when its receiver wants nothing.
    pub held_until: Option<Timestamp>,
    /// Those of its destinations whose deliveries wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<DestinationReply>,
}

words! {
    /// What stands most against deliveries to a sink.
    SinkState {
        /// An operator paused it.
        Paused = "paused",
        /// It is down: its breaker is open.
        Open = "open",
        /// Its receiver asked for a break.
        Held = "held",
        /// Nothing: it takes deliveries.
        Delivering = "delivering",
    }
}

/// A destination of a sink whose deliveries wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DestinationReply {
    /// What a rule asks of the sink, such as `channel #private`.
    pub destination: String,
    /// Since when it is down.
    pub open_since: Option<Timestamp>,
    /// What is wrong with it.
    pub trouble: String,
}

/// What came of the test of a sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SinkTestReply {
    /// The name under which the receiver knows the notification.
    pub id: DeliveryId,
    /// The sink's name.
    pub sink: String,
    /// Whether the sink took the notification.
    pub result: SinkTestResult,
    /// What the other side said, what failed, or why nothing was sent.
    pub detail: String,
}

words! {
    /// Whether a sink took a test notification.
    SinkTestResult {
        /// It took it.
        Delivered = "delivered",
        /// The attempt failed, and is not repeated.
        Failed = "failed",
        /// There was no attempt: the sink is paused, down or busy.
        NotTried = "not_tried",
    }
}
