//! How a campaign did: many messages that were sent together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::{MessageId, Timestamp};

/// What is known of a campaign, all its messages together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignSummary {
    /// The id that the provider gave it.
    pub tracking_id: MessageId,
    /// Its name, if the provider tells one.
    pub name: Option<String>,
    /// How many messages it has, as far as they were told.
    pub messages: u64,
    /// How many of them were delivered.
    pub delivered: u64,
    /// How many of them have ended and were not delivered.
    pub failed: u64,
    /// How many of them have not ended.
    pub pending: u64,
    /// How many parts have which status, the finer one where there is one.
    pub by_status: BTreeMap<String, u64>,
    /// What all parts cost, in the account's currency.
    pub cost: Number,
    /// What the parts of messages cost that failed.
    pub cost_of_failed: Number,
    /// The operators whose messages took longest to be delivered, the slowest first.
    pub slowest_operators: Vec<CampaignOperator>,
    /// The earliest date of any part.
    pub started_at: Option<Timestamp>,
    /// The latest date of any part.
    pub latest_at: Option<Timestamp>,
}

/// How the messages of a campaign did with one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignOperator {
    /// The operator, as the provider names it; empty where it tells none.
    pub operator: String,
    /// How many messages went there.
    pub messages: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How many seconds after the campaign's first date half of those that were delivered had been.
    pub median_seconds: Option<u64>,
}
