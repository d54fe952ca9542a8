//! How the process is, and how much there is of everything.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;

/// What `/healthz` answers: whether no part of the process hangs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AliveReply {
    /// Whether it lives: if not, it should be started anew.
    pub ok: bool,
}

/// What `/readyz` answers: whether the process does its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReadyReply {
    /// Whether it does.
    pub ready: bool,
    /// How each part is, by its name: `store`, `provider`, `sink:NAME` and others.
    #[serde(default)]
    pub parts: BTreeMap<String, PartHealthReply>,
}

/// How one part is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartHealthReply {
    /// Whether it works.
    pub ok: bool,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What `/v1/status` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusReply {
    /// The version that answers.
    pub version: String,
    /// How the process is.
    #[serde(flatten)]
    pub health: ReadyReply,
    /// How many watches there are, by their state.
    #[serde(default)]
    pub watches: BTreeMap<String, u64>,
    /// The queue of each sink.
    #[serde(default)]
    pub queues: Vec<QueueReply>,
    /// How many log entries wait to be routed.
    #[serde(default)]
    pub unrouted: u64,
    /// How many log entries could not be routed.
    #[serde(default)]
    pub set_aside: u64,
    /// How many silences and maintenance windows hold something back.
    #[serde(default)]
    pub silences: u64,
}

/// How much waits for a sink, and how much was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueReply {
    /// The sink's name.
    pub sink: String,
    /// How many deliveries wait or are under way.
    #[serde(default)]
    pub pending: u64,
    /// How many more are pending that a later version wrote and this one cannot read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left: u64,
    /// How many dead letters are kept.
    #[serde(default)]
    pub dead: u64,
    /// Since when deliveries are given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_since: Option<Timestamp>,
    /// When the last one was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_last_at: Option<Timestamp>,
    /// Why the last one was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_reason: Option<String>,
    /// When the oldest pending one was queued.
    pub oldest: Option<Timestamp>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
