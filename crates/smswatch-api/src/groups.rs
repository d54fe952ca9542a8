//! Groups: events that wait to be told together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

/// A group of events that is told when its time comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GroupReply {
    /// The rule that gathers them.
    pub rule: String,
    /// The sink that is notified.
    pub sink: String,
    /// What the events share: the values of the rule's `by`.
    #[serde(default)]
    pub group: BTreeMap<String, String>,
    /// How many events wait.
    pub events: u64,
    /// When the first of them was noticed.
    pub since: Option<Timestamp>,
    /// When they are told.
    pub next_notification_at: Timestamp,
}
