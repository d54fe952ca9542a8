//! Silences: what is not told for a while, and what that has held back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smswatch_model::Timestamp;

use crate::list::list_query;
use crate::schema;
use crate::words::words;

/// A silence that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `match` and `until`")]
pub struct SilenceRequest {
    /// What it holds back: the keys of a rule's `match`, and `rule`, `sink`, `severity` and `event`.
    #[serde(rename = "match", default)]
    pub matching: Map<String, Value>,
    /// Whether it holds back everything. Only then `match` may be empty or missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everything: bool,
    /// When it ends: an instant (RFC 3339), or how long from now, such as `2h`. Every silence ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::until")]
    pub until: Option<String>,
    /// Why it is wanted.
    #[serde(default)]
    pub comment: String,
    /// Who wants it.
    #[serde(default)]
    pub author: String,
}

list_query! {
    /// Which silences a list shows.
    SilencesQuery {}
}

/// Of which delivery a silence is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalQuery {
    /// The delivery's id.
    #[schemars(with = "smswatch_model::DeliveryId")]
    pub delivery_id: String,
}

words! {
    /// Whether a silence holds back anything.
    SilenceState {
        /// It does.
        Active = "active",
        /// It did.
        Ended = "ended",
    }
}

words! {
    /// Where a silence comes from.
    SilenceSource {
        /// It was made over the API.
        Api = "api",
        /// It is a maintenance window of the configuration.
        Configuration = "configuration",
    }
}

/// A silence, or a maintenance window that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceReply {
    /// Its name. Deliveries that a silence holds back have the reason `silence:ID`; the id of a maintenance
    /// window is the reason itself.
    pub id: String,
    /// Whether it holds back anything.
    pub state: SilenceState,
    /// Where it comes from.
    pub source: SilenceSource,
    /// What it holds back; everything if this is empty.
    #[serde(rename = "match", default)]
    pub matching: Map<String, Value>,
    /// When it ends, or did.
    pub until: Timestamp,
    /// Why it is there.
    #[serde(default)]
    pub comment: String,
    /// Who made it.
    #[serde(default)]
    pub author: String,
    /// When it was made, or when the window opened.
    pub created_at: Timestamp,
    /// How many deliveries it has held back; `None` for a maintenance window.
    pub held_back: Option<u64>,
    /// What probably is not what was meant; told once, when it is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A silence that would hold back what a delivery told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalReply {
    /// What it would hold back.
    #[serde(rename = "match")]
    pub matching: Map<String, Value>,
}
