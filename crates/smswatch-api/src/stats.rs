//! What became of messages in a length of time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

use crate::schema;

/// Of which length of time figures are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatsQuery {
    /// How far back they go: `1m` to `7d`, `24h` unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::window")]
    pub window: Option<String>,
}

/// What became of messages. Figures are by the hour, so the first hour is counted whole. In one hour of a shard 100
/// pairs of country and operator are told apart; what is beyond counts as `other`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsReply {
    /// The length of time, as it was asked for.
    pub window: String,
    /// When the first hour began that is counted.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// All messages together.
    #[serde(flatten)]
    pub total: StatsGroupReply,
    /// The same by the recipient's country; `unknown` if Routee did not tell it.
    #[serde(default)]
    pub by_country: BTreeMap<String, StatsGroupReply>,
    /// The same by the recipient's operator; `unknown` if Routee did not tell it.
    #[serde(default)]
    pub by_operator: BTreeMap<String, StatsGroupReply>,
    /// The same by the hour in which it was noticed, the first hour first.
    #[serde(default)]
    pub by_hour: Vec<StatsHourReply>,
}

/// What became of messages in one hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsHourReply {
    /// When the hour began.
    pub from: Timestamp,
    /// What was noticed in it.
    #[serde(flatten)]
    pub figures: StatsGroupReply,
}

/// What became of some messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsGroupReply {
    /// How many were seen for the first time.
    pub messages: u64,
    /// How many parts came to each status and are in it still.
    #[serde(default)]
    pub by_status: BTreeMap<String, u64>,
    /// How many were `delivered`, how many `failed`, and how many of those that were seen for the first time are
    /// `pending`.
    #[serde(default)]
    pub by_outcome: BTreeMap<String, u64>,
    /// How many percent of those that ended were `delivered` and how many `failed`.
    #[serde(default)]
    pub percent_by_outcome: BTreeMap<String, f64>,
    /// How long deliveries took; `None` if none was seen on its way.
    pub delivery_seconds: Option<DeliverySecondsReply>,
    /// What the parts cost that were not delivered, in the account's currency.
    #[serde(default)]
    pub undelivered_cost: f64,
}

/// How many seconds deliveries took, from the status before to `Delivered`, by the provider's dates. Figures are
/// rounded up to 1, 2, 3, 5, 8, 12, 20, 30, 45, 60, 90, 120 seconds and so on, to a day at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliverySecondsReply {
    /// Half of them took no longer.
    pub p50: u32,
    /// 95 % of them took no longer.
    pub p95: u32,
    /// How many deliveries these are.
    pub count: u64,
}
