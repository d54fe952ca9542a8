//! A sink that notes when it is given what.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::{CampaignSummary, EventKind, Notification};
use smswatch_plugin::sink::{DeliveryError, Receipt, Sink};
use tokio::time::Instant;

use crate::world::World;
/// A sink that notes when it is given what, and refuses it while it is told to.
#[derive(Debug)]
pub(crate) struct Recorder {
    began: Instant,
    attempts: Mutex<Vec<Attempted>>,
    works_from: Duration,
    remembers: bool,
    /// The message of which it never takes anything.
    refuses: Option<&'static str>,
}

/// An attempt at a [`Recorder`].
#[derive(Debug, Clone)]
pub(crate) struct Attempted {
    /// Counted from the beginning of the world.
    pub(crate) at: Duration,
    pub(crate) kind: EventKind,
    pub(crate) status: Option<String>,
    pub(crate) id: String,
    pub(crate) n_events: usize,
    pub(crate) omitted: u64,
    pub(crate) rule: String,
    /// Which time its first event is told again; 0 if it is told for the first time.
    pub(crate) times: u64,
    /// How many events its alert held back.
    pub(crate) held_back: u64,
    /// How many events its alert counts, and among how many.
    pub(crate) measured: (u64, u64),
    /// The team that a tag of the message names.
    pub(crate) team: Option<String>,
    /// How a campaign did.
    pub(crate) campaign: Option<CampaignSummary>,
    /// The recipient's number as it is shown, and its hash.
    pub(crate) to: [Option<String>; 2],
    /// The deliveries that a digest told at once; none if it was none.
    pub(crate) deliveries: Vec<String>,
    /// What the sink was handed back.
    pub(crate) remembered: Option<String>,
}

impl Recorder {
    /// One that fails until the world is `works_from` old.
    pub(crate) fn new(world: &World, works_from: Duration) -> Arc<Self> {
        Arc::new(Self {
            began: world.began,
            attempts: Mutex::default(),
            works_from,
            remembers: false,
            refuses: None,
        })
    }

    /// One that works, and asks to remember the first delivery of each key.
    pub(crate) fn remembering(world: &World) -> Arc<Self> {
        Arc::new(Self {
            began: world.began,
            attempts: Mutex::default(),
            works_from: Duration::ZERO,
            remembers: true,
            refuses: None,
        })
    }

    /// One that works, and refuses for good whatever tells of the message `id`.
    pub(crate) fn refusing(world: &World, id: &'static str) -> Arc<Self> {
        Arc::new(Self {
            began: world.began,
            attempts: Mutex::default(),
            works_from: Duration::ZERO,
            remembers: false,
            refuses: Some(id),
        })
    }

    /// The attempts at it so far that tell of `kind`.
    pub(crate) fn attempts(&self, kind: EventKind) -> Vec<Attempted> {
        let attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = attempts.iter().filter(|attempt| attempt.kind == kind);
        of_kind.cloned().collect()
    }

    /// The statuses that it was told of, each as often as it was attempted.
    pub(crate) fn statuses(&self) -> Vec<String> {
        let attempts = self.attempts(EventKind::StatusChanged).into_iter();
        attempts.filter_map(|attempt| attempt.status).collect()
    }
}

impl Recorder {
    fn note(
        &self,
        notification: &Notification,
        remembered: Option<&str>,
    ) -> Result<Receipt, DeliveryError> {
        let at = self.began.elapsed();
        let event = &notification.events[0];
        let status = event.current.as_ref().map(|current| &current.status);
        let attempted = Attempted {
            at,
            kind: notification.kind,
            status: status.map(ToString::to_string),
            id: notification.delivery_id.to_string(),
            n_events: notification.events.len(),
            omitted: notification.omitted,
            rule: notification.rule.clone(),
            held_back: event.alert.as_ref().map_or(0, |alert| alert.held_back),
            measured: event
                .alert
                .as_ref()
                .map_or((0, 0), |alert| (alert.count, alert.total)),
            campaign: event
                .about
                .as_ref()
                .and_then(|about| about.campaign.as_deref().cloned()),
            team: event.message.tags.get("team").cloned(),
            to: [event.message.to.clone(), event.message.to_key.clone()],
            deliveries: notification
                .deliveries
                .iter()
                .map(ToString::to_string)
                .collect(),
            remembered: remembered.map(str::to_owned),
            times: event.repeated.map_or(0, |repeated| repeated.times),
        };
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.push(attempted);
        drop(attempts);
        let about = notification.events.iter().map(|event| &event.message);
        let mut about = about.filter_map(|message| message.message_id.as_ref());
        if about.any(|id| Some(id.as_str()) == self.refuses) {
            return Err(DeliveryError::permanent("it is not welcome"));
        }
        match at >= self.works_from {
            true if self.remembers && remembered.is_none() => {
                Ok(Receipt::new("taken").remember(notification.delivery_id.as_str()))
            }
            true => Ok(Receipt::new("taken")),
            false => Err(DeliveryError::temporary("it does not work yet")),
        }
    }
}

#[async_trait]
impl Sink for Recorder {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        self.note(notification, None)
    }

    async fn deliver_again(
        &self,
        notification: &Notification,
        remembered: &str,
    ) -> Result<Receipt, DeliveryError> {
        self.note(notification, Some(remembered))
    }

    fn remembers(&self) -> bool {
        self.remembers
    }
}
