//! What a source said at one moment about one message and some of its parts.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::phone::PhoneNumber;
use crate::{SmsId, Timestamp, Word};

/// Where an observation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The provider was asked about this one message.
    Poll,
    /// The provider was asked for a page of messages.
    Sweep,
    /// The provider pushed it.
    Callback,
}

impl Source {
    /// The word that stands for this in rules, payloads and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Poll => "poll",
            Self::Sweep => "sweep",
            Self::Callback => "callback",
        }
    }
}

/// What a source said about one part of a message.
#[derive(Debug, Clone, PartialEq)]
pub struct PartReport {
    /// The part.
    pub sms_id: SmsId,
    /// Its place among the message's parts, from 1.
    pub number: Option<u32>,
    /// Its status.
    pub status: Word,
    /// The finer status, where the source tells one.
    pub detailed_status: Option<Word>,
    /// The provider's free text on the status.
    pub description: Option<String>,
    /// When the part took this status, by the provider's clock.
    pub date: Option<Timestamp>,
    /// What the part cost, in the account's currency.
    pub price: Option<Number>,
    /// The provider's latency; its unit is not documented.
    pub latency: Option<Number>,
}

/// The text of a message, which never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct MessageText(String);

impl MessageText {
    /// Takes the text as the provider tells it.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text: only for the keyed hash, and for who configured `privacy.body`.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MessageText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} characters", self.0.chars().count())
    }
}

/// What a source said about the message as a whole; every field may be missing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MessageFacts {
    /// How many parts the message has.
    pub part_count: Option<u32>,
    /// The sender as the recipient sees it.
    pub from: Option<String>,
    /// The recipient.
    pub to: Option<PhoneNumber>,
    /// Other numbers that the parts name as their recipient: these are masked wherever they stand, too.
    pub other_numbers: Vec<PhoneNumber>,
    /// The recipient's country, by its ISO 3166-1 code where the provider keeps to it.
    pub country: Option<String>,
    /// The recipient's mobile operator.
    pub operator: Option<String>,
    /// The label given at sending.
    pub label: Option<String>,
    /// The campaign's name.
    pub campaign: Option<String>,
    /// The application that sent it.
    pub application: Option<String>,
    /// The provider's service that it came from.
    pub originating_service: Option<String>,
    /// The text that was sent: what is kept of it is decided by `privacy.body`.
    pub body: Option<MessageText>,
    /// The recipient's groups.
    pub groups: Vec<String>,
    /// `Outbound` or `Inbound`.
    pub direction: Option<String>,
}

/// What a source said at one moment about one or more parts of one message.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Who said it.
    pub source: Source,
    /// When it was asked for or arrived, by the store's clock.
    pub observed_at: Timestamp,
    /// What holds for the whole message.
    pub facts: MessageFacts,
    /// What holds for its parts; parts that are not mentioned are unchanged.
    pub parts: Vec<PartReport>,
}
