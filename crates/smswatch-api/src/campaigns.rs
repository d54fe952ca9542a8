//! Campaigns: what is followed as a whole, and how it does.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use smswatch_model::{MessageId, Tags, Timestamp};

use crate::list::list_query;
use crate::schema;
use crate::watch_state::WatchState;

/// A campaign to be followed, with every message in it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object with a `tracking_id`")]
pub struct CampaignToWatch {
    /// The id that Routee gave the campaign, as text: the server says which one of many cannot be an id.
    #[schemars(with = "MessageId")]
    pub tracking_id: String,
    /// The labels that the watches of its messages get.
    #[serde(default)]
    #[schemars(schema_with = "schema::tags")]
    pub tags: Tags,
}

list_query! {
    /// Which page of the campaigns a list shows. Empty parameters count as missing.
    CampaignsQuery {}
}

/// A campaign, and how it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignReply {
    /// The id that Routee gave it.
    pub tracking_id: MessageId,
    /// Its name, once Routee has told it.
    pub name: Option<String>,
    /// What state it is in: `final` once each message has ended.
    pub state: WatchState,
    /// The labels that the watches of its messages get.
    #[serde(default)]
    pub tags: Tags,
    /// How many messages it has, as far as they were told; `None` until its pages were had.
    pub messages: Option<u64>,
    /// How many of them did how: `delivered`, `failed`, `pending`.
    #[serde(default)]
    pub by_outcome: BTreeMap<String, u64>,
    /// How many parts have which status, the finer one where there is one.
    #[serde(default)]
    pub by_status: BTreeMap<String, u64>,
    /// What all parts cost, in the account's currency.
    pub cost: Option<Number>,
    /// What the parts of messages cost that failed.
    pub cost_of_failed: Option<Number>,
    /// The operators whose messages took longest to be delivered, the slowest first.
    #[serde(default)]
    pub slowest_operators: Vec<CampaignOperatorReply>,
    /// Why its pages could not be had the last time; `None` if they could.
    pub trouble: Option<String>,
    /// When its pages are asked for next; `None` when they are not.
    pub next_poll_at: Option<Timestamp>,
    /// When it was registered; `None` if it is `unreadable`.
    pub registered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Whether this version cannot read it: a later version wrote it, or it is damaged. It is left as it is, and only its
    /// id is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}

impl CampaignReply {
    /// How many of its messages have this outcome.
    #[must_use]
    pub fn count(&self, outcome: &str) -> u64 {
        self.by_outcome.get(outcome).copied().unwrap_or_default()
    }
}

/// How the messages of a campaign did with one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignOperatorReply {
    /// The operator; empty where Routee tells none.
    pub operator: String,
    /// How many messages went there.
    pub messages: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How many seconds after the campaign's first date half of those that were delivered had been.
    pub median_seconds: Option<u64>,
}
