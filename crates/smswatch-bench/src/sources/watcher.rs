//! What watches the engine from both ends: a provider that counts calls, and rules that note when ends are noticed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use smswatch_model::{Event, MessageId, Notification, Timestamp};
use smswatch_plugin::provider::{
    InvalidPush, ListedPage, Listing, Poll, PollError, Provider, Pushed,
};
use smswatch_plugin::rules::{Measured, RuleMatch, RuleVerdict, Rules, StuckAfter, Told, Words};

use crate::day::provider::DayProvider;

/// Counts the calls of a provider.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) provider: DayProvider,
    calls: AtomicU64,
}

impl Counted {
    pub(super) fn new(provider: DayProvider) -> Self {
        Self {
            provider,
            calls: AtomicU64::new(0),
        }
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Provider for Counted {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    async fn poll(&self, message_id: &MessageId) -> Result<Poll, PollError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.provider.poll(message_id).await
    }

    /// A page that finds no row is asked for because nothing is sent any more: on other days it would tell of
    /// other messages.
    async fn list(&self, listing: &Listing, page: u32, size: u32) -> Result<ListedPage, PollError> {
        let listed = self.provider.list(listing, page, size).await?;
        if listed.rows > 0 {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        Ok(listed)
    }

    fn read_push(&self, body: &[u8]) -> Result<Pushed, InvalidPush> {
        self.provider.read_push(body)
    }
}

/// Rules that tell nobody anything, and note when each message was noticed to be final.
#[derive(Default)]
pub(super) struct Finals(Mutex<BTreeMap<MessageId, Timestamp>>);

impl Finals {
    /// When each was noticed first.
    pub(super) fn all(&self) -> BTreeMap<MessageId, Timestamp> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Debug for Finals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Finals")
    }
}

impl Rules for Finals {
    fn matches(&self, events: &[Event], _: &Told) -> Vec<RuleMatch> {
        let mut finals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_final = |event: &&Event| event.current.as_ref().is_some_and(|now| now.is_final);
        for event in events.iter().filter(is_final) {
            if let Some(message) = &event.message.message_id {
                finals.entry(message.clone()).or_insert(event.detected_at);
            }
        }
        Vec::new()
    }

    fn stuck_after(&self) -> Arc<[StuckAfter]> {
        Arc::default()
    }

    fn measured(&self, _: &Event) -> Vec<Measured> {
        Vec::new()
    }

    fn words(&self, _: &Notification, _: &str) -> Words {
        Words::default()
    }

    fn explain(&self, _: &Event, _: &Told) -> Vec<RuleVerdict> {
        Vec::new()
    }
}
