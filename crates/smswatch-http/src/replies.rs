//! What answers look like on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use smswatch_core::{
    DestinationState, GivenUp, HealthReport, Registered, SinkState, SinkTest, TriedEvent, Trouble,
    WatchView,
};
use smswatch_model::{DeliveryId, Event, MessageId, Outcome, Part, SmsId, Tags, Timestamp};
use smswatch_plugin::codec;
use smswatch_plugin::record::WatchState;
use smswatch_plugin::rules::RuleVerdict;
use smswatch_plugin::store::{
    Attempt, DeliveryState, Gauges, KeptAside, Page, QueueGauge, StoredDelivery,
};

use crate::auth::Caller;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct ListReply<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl<T, U: From<T>> From<Page<T>> for ListReply<U> {
    fn from(page: Page<T>) -> Self {
        let page = page.map(U::from);
        Self {
            items: page.items,
            next: page.next,
        }
    }
}

/// Whether a sink takes deliveries.
#[derive(Debug, Serialize)]
pub(crate) struct SinkReply {
    state: &'static str,
    sink: String,
    paused_since: Option<Timestamp>,
    open_since: Option<Timestamp>,
    open_reason: Option<String>,
    held_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    destinations: Vec<DestinationReply>,
}

/// A destination of a sink whose deliveries wait.
#[derive(Debug, Serialize)]
struct DestinationReply {
    destination: String,
    open_since: Option<Timestamp>,
    trouble: String,
}

impl From<DestinationState> for DestinationReply {
    fn from(state: DestinationState) -> Self {
        Self {
            destination: state.destination,
            open_since: state.open_since,
            trouble: state.trouble,
        }
    }
}

/// What came of the test of a sink.
#[derive(Debug, Serialize)]
pub(crate) struct SinkTestReply {
    id: DeliveryId,
    sink: String,
    result: &'static str,
    detail: String,
}

impl From<SinkTest> for SinkTestReply {
    fn from(test: SinkTest) -> Self {
        Self {
            id: test.id,
            sink: test.sink,
            result: test.outcome.as_str(),
            detail: test.detail,
        }
    }
}

impl From<SinkState> for SinkReply {
    fn from(state: SinkState) -> Self {
        Self {
            state: state.word(),
            sink: state.sink,
            paused_since: state.paused_since,
            open_since: state.open_since,
            open_reason: state.open_reason,
            held_until: state.held_until,
            destinations: state
                .destinations
                .into_iter()
                .map(DestinationReply::from)
                .collect(),
        }
    }
}

/// What became of a registration.
#[derive(Debug, Serialize)]
pub(crate) struct RegisteredReply {
    accepted: u64,
    already_watched: u64,
    /// Nothing was done for these: a later version wrote their watches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<MessageId>,
}

impl From<Registered> for RegisteredReply {
    fn from(registered: Registered) -> Self {
        Self {
            accepted: registered.accepted,
            already_watched: registered.already_watched,
            unreadable: registered.unreadable,
        }
    }
}

/// A watch.
#[derive(Debug, Serialize)]
pub(crate) struct WatchReply {
    message_id: MessageId,
    state: &'static str,
    outcome: Outcome,
    tags: Tags,
    parts: Vec<PartReply>,
    next_poll_at: Option<Timestamp>,
    registered_at: Timestamp,
    /// Why the latest polls brought nothing.
    trouble: Option<TroubleReply>,
}

#[derive(Debug, Serialize)]
struct TroubleReply {
    kind: &'static str,
    message: &'static str,
    since: Timestamp,
    polls: u32,
}

impl From<Trouble> for TroubleReply {
    fn from(trouble: Trouble) -> Self {
        Self {
            kind: trouble.kind.as_str(),
            message: trouble.kind.sentence(),
            since: trouble.since,
            polls: trouble.polls,
        }
    }
}

impl From<WatchView> for WatchReply {
    fn from(view: WatchView) -> Self {
        Self {
            message_id: view.message_id,
            state: view.state.as_str(),
            outcome: view.outcome,
            tags: view.tags,
            parts: view.parts.into_iter().map(PartReply::from).collect(),
            next_poll_at: view.next_poll_at,
            registered_at: view.registered_at,
            trouble: view.trouble.map(TroubleReply::from),
        }
    }
}

#[derive(Debug, Serialize)]
struct PartReply {
    sms_id: SmsId,
    number: Option<u32>,
    status: String,
    detailed_status: Option<String>,
    date: Timestamp,
    #[serde(rename = "final")]
    is_final: bool,
}

impl From<Part> for PartReply {
    fn from(part: Part) -> Self {
        Self {
            number: part.number,
            status: part.status.to_string(),
            detailed_status: part.detailed_status().map(ToString::to_string),
            date: Timestamp::from_seconds(part.date),
            is_final: part.status.is_final(),
            sms_id: part.sms_id,
        }
    }
}

/// All that is known of one message.
#[derive(Debug, Serialize)]
pub(crate) struct TimelineReply {
    pub(crate) watch: WatchReply,
    pub(crate) events: Vec<TriedEventReply>,
    pub(crate) deliveries: Vec<DeliveryReply>,
}

/// An event, and what each rule made of it.
#[derive(Debug, Serialize)]
pub(crate) struct TriedEventReply {
    event: Event,
    rules: Vec<TrialReply>,
}

#[derive(Debug, Serialize)]
struct TrialReply {
    rule: String,
    fired: bool,
    /// It is about other kinds of events.
    other_kind: bool,
    because: String,
}

impl From<TriedEvent> for TriedEventReply {
    fn from(tried: TriedEvent) -> Self {
        let rules = tried
            .trials
            .into_iter()
            .map(|trial: RuleVerdict| TrialReply {
                rule: trial.rule,
                fired: trial.fired,
                other_kind: trial.is_about_others,
                because: trial.because,
            });
        Self {
            rules: rules.collect(),
            event: tried.event,
        }
    }
}

/// A delivery.
#[derive(Debug, Serialize)]
pub(crate) struct DeliveryReply {
    id: DeliveryId,
    sink: String,
    rule: String,
    state: DeliveryState,
    /// Why it waits although nothing stands against an attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    message_ids: Vec<MessageId>,
    next_attempt_at: Option<Timestamp>,
    /// All of them, while `attempts` holds those that are kept.
    attempts_made: u32,
    attempts: Vec<AttemptReply>,
    created_at: Timestamp,
    queued_at: Timestamp,
    /// The sink that did not take it, if it goes to that sink's fallback.
    #[serde(skip_serializing_if = "Option::is_none")]
    instead_of: Option<String>,
}

#[derive(Debug, Serialize)]
struct AttemptReply {
    at: Timestamp,
    result: String,
    detail: String,
}

/// Why a delivery is pending that this version cannot read.
const OF_A_LATER_VERSION: &str = "later_version";

impl From<StoredDelivery> for DeliveryReply {
    fn from(delivery: StoredDelivery) -> Self {
        let reason = delivery
            .waits_for_later_version()
            .then_some(OF_A_LATER_VERSION);
        let attempts = delivery
            .attempts
            .into_iter()
            .map(|attempt: Attempt| AttemptReply {
                at: attempt.at,
                result: attempt.result,
                detail: attempt.detail,
            });
        Self {
            instead_of: codec::instead_of(&delivery.body),
            id: delivery.id,
            sink: delivery.sink,
            rule: delivery.rule,
            state: delivery.state,
            reason,
            message_ids: delivery.message_ids,
            next_attempt_at: delivery.next_attempt_at,
            attempts_made: delivery.attempts_made,
            attempts: attempts.collect(),
            created_at: delivery.created_at,
            queued_at: delivery.queued_at,
        }
    }
}

/// A log entry that could not be routed.
#[derive(Debug, Serialize)]
pub(crate) struct SetAsideReply {
    shard: u16,
    position: String,
    at: Timestamp,
    error: String,
    /// As text, however damaged it is.
    body: String,
}

impl From<KeptAside> for SetAsideReply {
    fn from(kept: KeptAside) -> Self {
        Self {
            shard: kept.shard.0,
            position: kept.entry.position.0,
            at: kept.at,
            error: kept.entry.error,
            body: String::from_utf8_lossy(&kept.entry.body).into_owned(),
        }
    }
}

/// The name of what was queued.
#[derive(Debug, Serialize)]
pub(crate) struct QueuedReply {
    pub(crate) id: DeliveryId,
}

/// How many deliveries are on their way again.
#[derive(Debug, Serialize)]
pub(crate) struct RetriedReply {
    pub(crate) retried: u64,
}

/// How many deliveries are gone.
#[derive(Debug, Serialize)]
pub(crate) struct DroppedReply {
    pub(crate) dropped: u64,
}

/// That the process answers.
#[derive(Debug, Serialize)]
pub(crate) struct AliveReply {
    pub(crate) ok: bool,
}

/// Whether the process does its work.
#[derive(Debug, Serialize)]
pub(crate) struct ReadyReply {
    pub(crate) ready: bool,
    parts: BTreeMap<String, PartHealthReply>,
}

#[derive(Debug, Serialize)]
struct PartHealthReply {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

impl ReadyReply {
    /// How the process is. A stranger is told which part is in trouble, and nothing of the reason: it may
    /// repeat what a receiver or the store has answered.
    pub(crate) fn new(report: HealthReport, caller: Caller) -> Self {
        let parts = report.parts.into_iter().map(|(name, trouble)| {
            let trouble = match caller {
                Caller::Known => trouble,
                Caller::Stranger => trouble.map(|_| in_our_words(&name)),
            };
            let ok = trouble.is_none();
            (name, PartHealthReply { ok, trouble })
        });
        Self {
            ready: report.ready,
            parts: parts.collect(),
        }
    }
}

/// What everybody may know of the trouble of a part.
fn in_our_words(part: &str) -> String {
    let what = match part {
        "store" => "the store cannot be used",
        "provider" => "the provider does not answer as it should",
        "polling" => "messages are not asked about in time",
        "heartbeat" => "the heartbeat is not heard",
        part if part.starts_with("sink:") => "its deliveries fail",
        _ => "something is wrong",
    };
    format!("{what}; with a token the reason is shown")
}

/// How the process is, and how much there is of everything.
#[derive(Debug, Serialize)]
pub(crate) struct StatusReply {
    version: &'static str,
    #[serde(flatten)]
    health: ReadyReply,
    watches: BTreeMap<&'static str, u64>,
    queues: Vec<QueueReply>,
    unrouted: u64,
    set_aside: u64,
}

#[derive(Debug, Serialize)]
struct QueueReply {
    sink: String,
    pending: u64,
    /// How many more are pending that a later version wrote and this one cannot read.
    #[serde(skip_serializing_if = "is_zero")]
    left: u64,
    dead: u64,
    /// Since when deliveries are given up, when the last one was, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_last_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_reason: Option<String>,
    oldest: Option<Timestamp>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl QueueReply {
    fn new(queue: QueueGauge, given_up: Option<&GivenUp>) -> Self {
        Self {
            sink: queue.sink,
            pending: queue.pending,
            left: queue.left,
            dead: queue.dead,
            dead_since: given_up.map(|given_up| given_up.since),
            dead_last_at: given_up.map(|given_up| given_up.last),
            dead_reason: given_up.map(|given_up| given_up.reason.clone()),
            oldest: queue.oldest,
        }
    }
}

impl StatusReply {
    pub(crate) fn new(
        health: HealthReport,
        gauges: Gauges,
        given_up: &BTreeMap<String, GivenUp>,
    ) -> Self {
        // What was removed is no watch to anybody outside.
        let shown = |state: &WatchState| *state != WatchState::Removed;
        let states = WatchState::ALL.into_iter().filter(shown);
        let mut watches: BTreeMap<_, _> = states.map(|state| (state.as_str(), 0)).collect();
        for (state, count) in gauges.watches.into_iter().filter(|(state, _)| shown(state)) {
            watches.insert(state.as_str(), count);
        }
        Self {
            version: smswatch_plugin::VERSION,
            health: ReadyReply::new(health, Caller::Known),
            watches,
            queues: gauges
                .queues
                .into_iter()
                .map(|queue| {
                    let given_up = given_up.get(&queue.sink);
                    QueueReply::new(queue, given_up)
                })
                .collect(),
            unrouted: gauges.unrouted,
            set_aside: gauges.set_aside,
        }
    }
}

#[cfg(test)]
mod tests;
