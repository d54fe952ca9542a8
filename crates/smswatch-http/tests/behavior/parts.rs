//! The parts that an engine needs beside its store, as simple as they can be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use smswatch_model::{
    DeliveryId, Event, MessageFacts, MessageId, Notification, Overrides, PartReport, PhoneNumber,
    Severity, SmsId, Word,
};
use smswatch_plugin::provider::{MessageReport, Poll, PollError, Provider};
use smswatch_plugin::rules::{RuleMatch, RuleVerdict, Rules, StuckAfter, Told, Words};
use smswatch_plugin::sink::{DeliveryError, Receipt, Sink};

/// Messages of this id make the rules panic when they are asked to explain.
pub(crate) const CURSED: &str = "failed-and-cursed";

/// Messages of this id make the rules panic when their events are evaluated.
pub(crate) const POISONOUS: &str = "failed-and-poisonous";

/// Knows one fate for messages whose id begins with `failed-`, and nothing of all others.
#[derive(Debug)]
pub(crate) struct FakeProvider;

#[async_trait]
impl Provider for FakeProvider {
    fn name(&self) -> &'static str {
        "routee"
    }

    async fn poll(&self, message_id: &MessageId) -> Result<Poll, PollError> {
        if !message_id.as_str().starts_with("failed-") {
            return Ok(Poll::Empty);
        }
        let part = PartReport {
            sms_id: SmsId::new(format!("part-of-{message_id}")).expect("an id"),
            number: Some(1),
            status: Word::new("Undelivered"),
            detailed_status: Some(Word::new("Carrier Violation")),
            description: None,
            date: None,
            price: None,
            latency: None,
        };
        let facts = MessageFacts {
            part_count: Some(1),
            to: Some(PhoneNumber::new("+306900000001")),
            ..MessageFacts::default()
        };
        let parts = vec![part];
        Ok(Poll::Seen(Box::new(MessageReport {
            facts,
            parts,
            ..MessageReport::default()
        })))
    }
}

/// One rule that tells of everything that happens to messages. What happens to smswatch itself, such as a
/// dead letter, is told at a moment of its own.
#[derive(Debug)]
pub(crate) struct EveryEvent;

impl Rules for EveryEvent {
    fn measured(&self, _: &Event) -> Vec<smswatch_plugin::rules::Measured> {
        Vec::new()
    }

    fn stuck_after(&self) -> Arc<[StuckAfter]> {
        Arc::default()
    }

    fn matches(&self, events: &[Event], _: &Told) -> Vec<RuleMatch> {
        let is_poisonous = |event: &Event| {
            let message_id = event.message.message_id.as_ref();
            message_id.is_some_and(|id| id.as_str() == POISONOUS)
        };
        assert!(
            !events.iter().any(is_poisonous),
            "the rules cannot bear this one"
        );
        let all = events.iter().enumerate();
        let of_messages = all.filter(|(_, event)| event.message.message_id.is_some());
        let matches = of_messages.map(|(position, _)| RuleMatch {
            rule: "every-event".to_owned(),
            sink: "crm".to_owned(),
            overrides: Overrides::new(),
            severity: Severity::Info,
            group: BTreeMap::new(),
            gathering: None,
            is_once: false,
            events: vec![position],
        });
        matches.collect()
    }

    fn words(&self, notification: &Notification, _: &str) -> Words {
        Words {
            title: notification.kind.to_string(),
            ..Words::default()
        }
    }

    fn explain(&self, event: &Event, _: &Told) -> Vec<RuleVerdict> {
        let message_id = event.message.message_id.as_ref();
        assert!(
            message_id.is_none_or(|id| id.as_str() != CURSED),
            "the rules cannot explain this one"
        );
        vec![RuleVerdict {
            rule: "every-event".to_owned(),
            fired: true,
            is_about_others: false,
            because: "it tells of everything".to_owned(),
        }]
    }
}

/// Takes every notification.
#[derive(Debug)]
pub(crate) struct WillingSink;

#[async_trait]
impl Sink for WillingSink {
    async fn deliver(&self, _: &Notification) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::new("taken"))
    }
}

/// Refuses every notification for good until it is mended, and notes those it takes.
#[derive(Debug, Default)]
pub(crate) struct BrokenSink {
    is_mended: AtomicBool,
    taken: Mutex<Vec<DeliveryId>>,
}

impl BrokenSink {
    pub(crate) fn mend(&self) {
        self.is_mended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn taken(&self) -> Vec<DeliveryId> {
        self.taken.lock().expect("nobody panics with it").clone()
    }
}

#[async_trait]
impl Sink for BrokenSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        if !self.is_mended.load(Ordering::Relaxed) {
            return Err(DeliveryError::permanent("it is broken"));
        }
        let id = notification.delivery_id.clone();
        self.taken.lock().expect("nobody panics with it").push(id);
        Ok(Receipt::new("taken"))
    }
}

/// Takes nothing for now, and says so at every attempt.
#[derive(Debug)]
pub(crate) struct TiredSink;

#[async_trait]
impl Sink for TiredSink {
    async fn deliver(&self, _: &Notification) -> Result<Receipt, DeliveryError> {
        Err(DeliveryError::temporary("not now"))
    }
}
