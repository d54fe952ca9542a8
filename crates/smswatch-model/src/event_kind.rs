//! The kinds of facts that events are, with their names.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What kind of fact an event is; its name is the `type` of payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A part's status changed, or was seen for the first time.
    #[serde(rename = "sms.status_changed")]
    StatusChanged,
    /// The message has no final status within the time that a rule allows.
    #[serde(rename = "sms.stuck")]
    Stuck,
    /// The provider still does not know the message.
    #[serde(rename = "sms.not_found")]
    NotFound,
    /// The message was watched for as long as the configuration allows, and is not final.
    #[serde(rename = "sms.gave_up")]
    GaveUp,
    /// The provider told a status word that it does not document and that was not told before.
    #[serde(rename = "sms.unknown_status")]
    UnknownStatus,
    /// Each message of a campaign that is followed has ended, or it is not followed any longer.
    #[serde(rename = "sms.campaign_finished")]
    CampaignFinished,
    /// A rate rose above its rule's bound.
    #[serde(rename = "alert.firing")]
    AlertFiring,
    /// A rate fell below its rule's bound again, or nothing is left to measure.
    #[serde(rename = "alert.resolved")]
    AlertResolved,
    /// A sink keeps failing; what is for it waits.
    #[serde(rename = "smswatch.sink_down")]
    SinkDown,
    /// A sink that was down works again.
    #[serde(rename = "smswatch.sink_recovered")]
    SinkRecovered,
    /// Deliveries to a sink were given up: they are dead letters.
    #[serde(rename = "smswatch.dead_letter")]
    DeadLetter,
    /// The provider keeps giving no usable answer.
    #[serde(rename = "smswatch.provider_down")]
    ProviderDown,
    /// The provider refuses the credentials.
    #[serde(rename = "smswatch.provider_auth_failed")]
    ProviderAuthFailed,
    /// Polls of messages start long after they were due.
    #[serde(rename = "smswatch.polling_behind")]
    PollingBehind,
    /// Messages become final and no callback tells of it any more.
    #[serde(rename = "smswatch.callbacks_silent")]
    CallbacksSilent,
    /// A test of a sink.
    #[serde(rename = "smswatch.test")]
    Test,
}

impl EventKind {
    /// Every kind there is.
    pub const ALL: [Self; 16] = [
        Self::StatusChanged,
        Self::Stuck,
        Self::NotFound,
        Self::GaveUp,
        Self::UnknownStatus,
        Self::CampaignFinished,
        Self::AlertFiring,
        Self::AlertResolved,
        Self::SinkDown,
        Self::SinkRecovered,
        Self::DeadLetter,
        Self::ProviderDown,
        Self::ProviderAuthFailed,
        Self::PollingBehind,
        Self::CallbacksSilent,
        Self::Test,
    ];

    /// The `type` in payloads.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StatusChanged => "sms.status_changed",
            Self::Stuck => "sms.stuck",
            Self::NotFound => "sms.not_found",
            Self::GaveUp => "sms.gave_up",
            Self::UnknownStatus => "sms.unknown_status",
            Self::CampaignFinished => "sms.campaign_finished",
            Self::AlertFiring => "alert.firing",
            Self::AlertResolved => "alert.resolved",
            Self::SinkDown => "smswatch.sink_down",
            Self::SinkRecovered => "smswatch.sink_recovered",
            Self::DeadLetter => "smswatch.dead_letter",
            Self::ProviderDown => "smswatch.provider_down",
            Self::ProviderAuthFailed => "smswatch.provider_auth_failed",
            Self::PollingBehind => "smswatch.polling_behind",
            Self::CallbacksSilent => "smswatch.callbacks_silent",
            Self::Test => "smswatch.test",
        }
    }

    /// The word that stands for this behind `event:` in rules: the `type` without what stands before
    /// its dot.
    #[must_use]
    pub fn word(self) -> &'static str {
        let name = self.as_str();
        name.split_once('.').map_or(name, |(_, word)| word)
    }

    /// The kind of this name: its `type` in payloads, or its word in rules.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let is_named = |kind: &Self| kind.as_str() == name || kind.word() == name;
        Self::ALL.into_iter().find(is_named)
    }

    /// Whether such an event is about a rate that a rule measures.
    #[must_use]
    pub fn is_of_rate(self) -> bool {
        matches!(self, Self::AlertFiring | Self::AlertResolved)
    }

    /// Whether such an event is about one message, and not about a campaign or smswatch itself.
    #[must_use]
    pub fn is_of_message(self) -> bool {
        match self {
            Self::StatusChanged
            | Self::Stuck
            | Self::NotFound
            | Self::GaveUp
            | Self::UnknownStatus => true,
            Self::CampaignFinished
            | Self::AlertFiring
            | Self::AlertResolved
            | Self::SinkDown
            | Self::SinkRecovered
            | Self::DeadLetter
            | Self::ProviderDown
            | Self::ProviderAuthFailed
            | Self::PollingBehind
            | Self::CallbacksSilent
            | Self::Test => false,
        }
    }
}

/// Any text, since later versions know more kinds; the ones of this version are named.
impl JsonSchema for EventKind {
    fn schema_name() -> Cow<'static, str> {
        "EventKind".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "x-extensible-enum": Self::ALL.map(Self::as_str) })
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
