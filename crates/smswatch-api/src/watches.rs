//! Watches: which messages to follow, and what is told of one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::{MessageId, SmsId, Tags, Timestamp};

use crate::campaigns::{CampaignReply, CampaignToWatch};
use crate::deliveries::DeliveryReply;
use crate::list::list_query;
use crate::schema;
use crate::silences::SilenceReply;
use crate::words::words;

pub use crate::watch_state::WatchState;

/// Messages to be watched, and campaigns to be followed: at least one of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with `messages`")]
pub struct WatchRequest {
    /// The messages: up to 10,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10_000))]
    pub messages: Vec<MessageToWatch>,
    /// The campaigns: up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub campaigns: Vec<CampaignToWatch>,
}

impl WatchRequest {
    /// Asks for the messages called `ids`, each with the same tags.
    #[must_use]
    pub fn new(ids: impl IntoIterator<Item = impl Into<String>>, tags: &Tags) -> Self {
        let message = |id: String| MessageToWatch {
            message_id: id,
            tags: tags.clone(),
        };
        let ids = ids.into_iter().map(Into::into);
        Self {
            messages: ids.map(message).collect(),
            campaigns: Vec::new(),
        }
    }
}

/// A message to be watched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `message_id`")]
pub struct MessageToWatch {
    /// The message, as text: the server says which one of many cannot be an id.
    #[schemars(with = "MessageId")]
    pub message_id: String,
    /// The labels to put on its watch.
    #[serde(default)]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
}

list_query! {
    /// Which page of the watches a list shows. Empty parameters count as missing.
    WatchesQuery {}
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RegisteredReply {
    /// How many messages are watched that were not before, or no longer.
    pub accepted: u64,
    /// How many were watched already, and have gained the tags.
    #[serde(default)]
    pub already_watched: u64,
    /// The messages and campaigns for which nothing was done: a later version wrote what is stored of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<MessageId>,
}

/// A watch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchReply {
    /// The message.
    pub message_id: MessageId,
    /// What state the watch is in.
    pub state: WatchState,
    /// How the message did, over all its parts.
    pub outcome: MessageOutcome,
    /// The watch's labels.
    #[serde(default)]
    pub tags: Tags,
    /// What is known of the parts.
    #[serde(default)]
    pub parts: Vec<PartReply>,
    /// When its message is polled next; `None` when it is not.
    pub next_poll_at: Option<Timestamp>,
    /// When it was registered; `None` if the watch is `unreadable`.
    pub registered_at: Option<Timestamp>,
    /// Why the latest polls brought nothing; `None` if they did.
    pub trouble: Option<TroubleReply>,
    /// Whether this version cannot read the watch: a later version wrote it, or it is damaged. It is left as it is. Here
    /// stands what the newest event of its message tells; in a list, no more than its state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}

/// What is watched under an id: a message, or a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum WatchedReply {
    /// A message.
    Message(WatchReply),
    /// A campaign.
    Campaign(CampaignReply),
}

words! {
    /// How a message did, over all its parts.
    MessageOutcome {
        /// Some part is not final, or not known yet.
        Pending = "pending",
        /// Every part was delivered.
        Delivered = "delivered",
        /// Every part is final, and one or more were not delivered.
        Failed = "failed",
    }
}

/// What is known of one part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartReply {
    /// The part.
    pub sms_id: SmsId,
    /// Its place among the message's parts, from 1.
    pub number: Option<u32>,
    /// The status, in the provider's words.
    pub status: String,
    /// The finer status.
    pub detailed_status: Option<String>,
    /// Since when.
    pub date: Timestamp,
    /// Whether the part has reached its end.
    #[serde(rename = "final", default)]
    pub is_final: bool,
}

/// Why the latest polls of a message brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TroubleReply {
    /// A word for programs.
    pub kind: String,
    /// A sentence for people.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// How many polls in a row.
    #[serde(default)]
    pub polls: u32,
}

/// All that is known of one message.
///
/// `E` is the event: the server sends [`smswatch_model::Event`], and a reader of any version takes an
/// [`EventView`](crate::events::EventView).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(bound(deserialize = "E: Deserialize<'de>"))]
#[schemars(rename = "TimelineReply", bound = "E: JsonSchema")]
pub struct TimelineReply<E> {
    /// Its watch.
    pub watch: WatchReply,
    /// What happened to it, oldest first.
    #[serde(default)]
    pub events: Vec<TriedEventReply<E>>,
    /// The newest deliveries about it.
    #[serde(default)]
    pub deliveries: Vec<DeliveryReply>,
    /// The silences that held back some of them, as far as they are kept.
    #[serde(default)]
    pub silences: Vec<SilenceReply>,
    /// How many log entries about it this version cannot read; their events are missing here.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands in a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// An event, and what each of today's rules makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "TriedEventReply")]
pub struct TriedEventReply<E> {
    /// The event.
    pub event: E,
    /// What each rule makes of it, in their order.
    #[serde(default)]
    pub rules: Vec<RuleVerdictReply>,
}

/// What a rule makes of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleVerdictReply {
    /// The rule's name.
    pub rule: String,
    /// Whether it fires.
    pub fired: bool,
    /// Whether it is about other kinds of events.
    #[serde(default)]
    pub other_kind: bool,
    /// Why it fires, or not.
    pub because: String,
}
