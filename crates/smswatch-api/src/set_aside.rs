//! Log entries that could not be routed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

use crate::schema;

/// Which page of the entries a list shows. Empty parameters count as missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAsideQuery {
    /// Where the page begins: the `next` of the one before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::cursor")]
    pub cursor: Option<String>,
    /// How many items the page has at most: 1 to 1000, 100 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::limit")]
    pub limit: Option<String>,
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
