//! Log entries that could not be routed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

/// A log entry that could not be routed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetAsideReply {
    /// The shard in whose log it stood.
    pub shard: u16,
    /// Where in the log it stood.
    pub position: String,
    /// When it was set aside.
    pub at: Timestamp,
    /// Why it could not be routed.
    pub error: String,
    /// The entry as text, however damaged it is.
    pub body: String,
}
