//! Deliveries: which are meant, what is told of one, and what became of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::{DeliveryId, MessageId, Timestamp};

use crate::list::list_query;
use crate::schema;
use crate::words::words;

list_query! {
    /// Which deliveries a list shows. Empty parameters count as missing.
    DeliveriesQuery {
        /// Those in this state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "DeliveryState::known")]
        state: Option<DeliveryState>,
        /// Those for this sink.
        #[serde(skip_serializing_if = "Option::is_none")]
        sink: Option<String>,
        /// Those that this rule made.
        #[serde(skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// Those since an instant (RFC 3339), or for a length of time, such as `2h`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "schema::since")]
        since: Option<String>,
        /// Those about this message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(schema_with = "schema::message_id")]
        message_id: Option<String>,
    }
}

/// Which ended deliveries are to be sent again, or to be dropped. At least one field is needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a filter")]
pub struct EndedRequest {
    /// Those for this sink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<String>,
    /// Those that this rule made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Those since an instant (RFC 3339), or for a length of time, such as `2h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::since")]
    pub since: Option<String>,
    /// Those in this state; dead ones unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "DeliveryState::known")]
    pub state: Option<DeliveryState>,
}

words! {
    /// How far a delivery has come.
    DeliveryState {
        /// It waits for an attempt, or is being attempted.
        Pending = "pending",
        /// The sink took it.
        Delivered = "delivered",
        /// It was given up.
        Dead = "dead",
        /// It was held back on purpose.
        Suppressed = "suppressed",
    }
}

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryReply {
    /// Its name, which the receiver sees on every attempt.
    pub id: DeliveryId,
    /// The sink that it is for.
    pub sink: String,
    /// The rule that made it.
    pub rule: String,
    /// How far it has come.
    pub state: DeliveryState,
    /// Why it is not sent. If it is suppressed, what holds it back: `silence:ID` or the like. If it is
    /// pending, `later_version`: only a later version of smswatch can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The messages that it is about.
    #[serde(default)]
    pub message_ids: Vec<MessageId>,
    /// When it is attempted next.
    pub next_attempt_at: Option<Timestamp>,
    /// How many attempts were made in all; `attempts` holds those that are kept.
    #[serde(default)]
    pub attempts_made: u32,
    /// The attempts that are kept, oldest first.
    #[serde(default)]
    pub attempts: Vec<AttemptReply>,
    /// When the rule made it.
    pub created_at: Timestamp,
    /// When it was queued, which is later if it was sent again.
    pub queued_at: Timestamp,
    /// The sink that did not take it, if it goes to that sink's fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

/// One attempt on a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptReply {
    /// When it ended.
    pub at: Timestamp,
    /// What came of it: `delivered`, `retry` or `dead`; `suppressed` if it was held back unattempted.
    pub result: String,
    /// What the receiver said, what failed, or what held it back.
    pub detail: String,
}

/// The delivery that was queued again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueuedReply {
    /// Its name.
    pub id: DeliveryId,
}

/// How many deliveries are on their way again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RetriedReply {
    /// Their number.
    pub retried: u64,
}

/// How many deliveries are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DroppedReply {
    /// Their number.
    pub dropped: u64,
}
