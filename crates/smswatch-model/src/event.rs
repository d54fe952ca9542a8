//! A fact worth routing, in the shape in which every sink, store and API tells it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::{
    Alert, CampaignSummary, EventId, EventKind, Fault, MessageId, Outcome, SmsId, Source, StatusAt,
    Tags, Timestamp, Word,
};

/// What a part's status was before a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviousStatus {
    /// The status.
    pub status: String,
    /// The finer status.
    pub detailed_status: Option<String>,
    /// Since when.
    pub date: Timestamp,
}

/// What a part's status is after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CurrentStatus {
    /// The status.
    pub status: String,
    /// The finer status.
    pub detailed_status: Option<String>,
    /// The provider's free text.
    pub description: Option<String>,
    /// Since when.
    pub date: Timestamp,
    /// Whether the part has reached its end.
    #[serde(rename = "final")]
    pub is_final: bool,
}

impl From<&StatusAt> for PreviousStatus {
    fn from(status: &StatusAt) -> Self {
        Self {
            status: status.status.to_string(),
            detailed_status: status.detailed_status.as_ref().map(Word::to_string),
            date: status.date,
        }
    }
}

impl CurrentStatus {
    /// The status with the provider's text on it.
    #[must_use]
    pub fn new(status: &StatusAt, description: Option<String>) -> Self {
        Self {
            status: status.status.to_string(),
            detailed_status: status.detailed_status.as_ref().map(Word::to_string),
            description,
            date: status.date,
            is_final: status.status.is_final(),
        }
    }
}

/// The part that an event is about.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PartFacts {
    /// The part.
    pub sms_id: Option<SmsId>,
    /// Its place among the message's parts, from 1.
    pub number: Option<u32>,
    /// What it cost, in the account's currency.
    pub price: Option<Number>,
    /// The provider's latency; its unit is not documented.
    pub latency: Option<Number>,
}

/// The message that an event is about, as far as it may be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Who carries it: `routee`.
    pub provider: String,
    /// The message; `None` for events that are about no message.
    pub message_id: Option<MessageId>,
    /// How it did; `None` for events that are about no message.
    pub outcome: Option<Outcome>,
    /// How many parts it has; `None` if none is known.
    pub part_count: Option<u32>,
    /// The sender as the recipient sees it.
    pub from: Option<String>,
    /// The recipient, masked unless `privacy.numbers` is `full`.
    pub to: Option<String>,
    /// A keyed hash of the recipient's number: equal for equal numbers.
    pub to_key: Option<String>,
    /// The recipient's country.
    pub country: Option<String>,
    /// The recipient's mobile operator.
    pub operator: Option<String>,
    /// The label given at sending.
    pub label: Option<String>,
    /// The campaign's name. In `sms.campaign_finished`, the tracking id of a campaign of which no name is known.
    pub campaign: Option<String>,
    /// The application that sent it.
    pub application: Option<String>,
    /// The provider's service that it came from, such as `Sms` or `Failover`.
    #[serde(default)]
    pub originating_service: Option<String>,
    /// A keyed hash of the text without its digits: equal for messages of one wording.
    #[serde(default)]
    pub body_key: Option<String>,
    /// The text, as far as `privacy.body` keeps it.
    #[serde(default)]
    pub body: Option<String>,
    /// The recipient's groups.
    pub groups: Vec<String>,
    /// `Outbound` or `Inbound`.
    pub direction: Option<String>,
    /// The labels that its watch carries.
    pub tags: Tags,
}

impl Message {
    /// A message of which nothing is known yet but its provider; also for events that are about no message.
    #[must_use]
    pub fn unknown(provider: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            message_id: None,
            outcome: None,
            part_count: None,
            from: None,
            to: None,
            to_key: None,
            country: None,
            operator: None,
            label: None,
            campaign: None,
            application: None,
            originating_service: None,
            body_key: None,
            body: None,
            groups: Vec::new(),
            direction: None,
            tags: Tags::new(),
        }
    }
}

/// That something lasts and is told again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Repeated {
    /// After how many seconds it is told again each time.
    pub every: u64,
    /// How many of these times have passed, at least 1.
    pub times: u64,
}

impl Repeated {
    /// How many seconds have passed since it was told first.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.every.saturating_mul(self.times)
    }
}

/// What an event about smswatch itself, or about a campaign, is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// The sink's name, the provider's, or the campaign's.
    pub name: String,
    /// What was seen of it, such as the last answer; it shows no secret.
    pub description: Option<String>,
    /// Where it is one destination of a sink that a rule chose, and not the whole sink: what that is,
    /// such as `channel #private`. Where the provider does not answer one kind of request alone: which,
    /// `single messages` or `pages of messages`. Else payloads leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// How the campaign did; payloads leave it out for anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Box<CampaignSummary>>,
}

/// A fact worth routing: a change of status, or one that smswatch found out by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Its name, derived from what happened.
    pub event_id: EventId,
    /// What kind of fact it is.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The how-manieth change of its message it is, from 1.
    pub sequence: u64,
    /// Who told it; `None` for what smswatch found out by itself.
    pub source: Option<Source>,
    /// When it happened, by the provider's clock.
    pub time: Timestamp,
    /// When it was noticed, by the store's clock.
    pub detected_at: Timestamp,
    /// The status left a final one, or two polls overruled the order of dates.
    pub regression: bool,
    /// Only a detail was added to a status that had none.
    pub refined: bool,
    /// The event that told the status without its detail, when this one is `refined`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refines: Option<EventId>,
    /// It happened before the message was watched; it is recorded and not routed.
    pub backfill: bool,
    /// It stands in the log as `backfill` under the same name, and is told because its message was
    /// registered since; else payloads leave it out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub recorded: bool,
    /// It was noticed long after it happened.
    pub late: bool,
    /// Who can act on its status; `None` if it is about no status.
    pub fault: Option<Fault>,
    /// What was known before; none at first sight.
    pub previous: Option<PreviousStatus>,
    /// What is known now.
    pub current: Option<CurrentStatus>,
    /// How many seconds after its registration the message had no final status, if it is
    /// [stuck](EventKind::Stuck); else payloads leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The event whose end it tells, such as that the sink went down which works again; else payloads leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<EventId>,
    /// That it is told again while it lasts, and how often it was; else payloads leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated: Option<Repeated>,
    /// The part.
    pub part: PartFacts,
    /// The message.
    pub message: Message,
    /// What it is about, where that is smswatch itself and no message; else payloads leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// What was measured, if it is about a rate; else payloads leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Event {
    /// Whether what is stored of it says more than is known.
    fn has_unknowns(&self) -> bool {
        let message = &self.message;
        self.fault.is_none() || message.outcome.is_none() || message.part_count.is_none()
    }

    /// Fills in what earlier versions expect where nothing is known, so that they can read what is stored.
    fn fill_unknowns(&mut self) {
        self.fault.get_or_insert(Fault::None);
        self.message.outcome.get_or_insert(Outcome::Pending);
        self.message.part_count.get_or_insert(0);
    }

    /// The same events as stores keep them: earlier versions can read them.
    #[must_use]
    pub fn as_stored(events: &[Self]) -> Cow<'_, [Self]> {
        if !events.iter().any(Self::has_unknowns) {
            return Cow::Borrowed(events);
        }
        let mut events = events.to_vec();
        events.iter_mut().for_each(Self::fill_unknowns);
        Cow::Owned(events)
    }

    /// Takes out again what [`Self::as_stored`], or an earlier version, said where nothing is known.
    pub fn forget_unknowns(&mut self) {
        if self.current.is_none() {
            self.fault = None;
        }
        if self.message.message_id.is_none() {
            self.message.outcome = None;
        }
        self.message.part_count.take_if(|count| *count == 0);
    }

    /// The event that told the status without its detail; `None` unless this one is `refined`.
    ///
    /// What was logged before events said so is derived again, as the earlier event's id was.
    #[must_use]
    pub fn refined_event(&self) -> Option<EventId> {
        if !self.refined {
            return None;
        }
        self.refines.clone().or_else(|| {
            let previous = self.previous.as_ref()?;
            let told = StatusAt {
                status: Word::new(&previous.status),
                detailed_status: None,
                date: previous.date,
            };
            let message = self.message.message_id.as_ref()?;
            Some(change_event_id(
                message,
                self.part.sms_id.as_ref()?,
                &told,
                0,
            ))
        })
    }
}

/// The name of the event that a part took a status, after `regressions` (see
/// [`Part::regressions`](crate::Part::regressions)).
///
/// The case of ids and words, the provider's texts and the price do not enter: a change that is found
/// again, by another source or after a failover, has the name that it had.
#[must_use]
pub fn change_event_id(
    message: &MessageId,
    sms_id: &SmsId,
    current: &StatusAt,
    regressions: u32,
) -> EventId {
    let detail = current
        .detailed_status
        .as_ref()
        .map(Word::to_lowercase)
        .unwrap_or_default();
    let (message, sms_id) = (
        message.as_str().to_ascii_lowercase(),
        sms_id.as_str().to_ascii_lowercase(),
    );
    let status = current.status.to_lowercase();
    let date = current.date.as_seconds().to_be_bytes();
    let counted = regressions.to_be_bytes();
    let mut inputs = vec![
        message.as_bytes(),
        sms_id.as_bytes(),
        status.as_bytes(),
        detail.as_bytes(),
        &date,
    ];
    // Names from before regressions were counted stay as they are.
    if regressions > 0 {
        inputs.push(&counted);
    }
    EventId::derived(inputs)
}

/// The name of an event of a derived kind about a message, due at `deadline`.
#[must_use]
pub fn deadline_event_id(message: &MessageId, kind: EventKind, deadline: Timestamp) -> EventId {
    derived_event_id(&message.as_str().to_ascii_lowercase(), kind, deadline, 0)
}

/// The name of an event of a derived kind: the `n`th of its kind for `subject`, due at `deadline`.
#[must_use]
pub fn derived_event_id(subject: &str, kind: EventKind, deadline: Timestamp, n: u64) -> EventId {
    EventId::derived([
        subject.as_bytes(),
        kind.as_str().as_bytes(),
        &deadline.as_millis().to_be_bytes(),
        &n.to_be_bytes(),
    ])
}

/// The name of the event that the provider told the status `word` for the first time, in any case.
#[must_use]
pub fn unknown_status_event_id(word: &Word) -> EventId {
    let never = Timestamp::from_millis(0);
    derived_event_id(&word.to_lowercase(), EventKind::UnknownStatus, never, 0)
}

impl Event {
    /// An event that says no more than what happened when, and to which message. It was noticed as it happened.
    #[must_use]
    pub fn bare(event_id: EventId, kind: EventKind, time: Timestamp, message: Message) -> Self {
        Self {
            event_id,
            kind,
            sequence: 0,
            source: None,
            time,
            detected_at: time,
            regression: false,
            refined: false,
            refines: None,
            backfill: false,
            recorded: false,
            late: false,
            fault: None,
            previous: None,
            current: None,
            after: None,
            ends: None,
            repeated: None,
            part: PartFacts::default(),
            message,
            about: None,
            alert: None,
        }
    }
}
