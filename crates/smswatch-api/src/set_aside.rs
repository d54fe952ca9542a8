//! Log entries that could not be routed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

use crate::list::list_query;

list_query! {
    /// Which page of the entries a list shows. Empty parameters count as missing.
    SetAsideQuery {}
}

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
