//! Tries other rules on what is remembered, beside today's: how many notifications each rule would have made.

use std::collections::BTreeMap;
use std::sync::Arc;

use smswatch_model::{Event, EventKind, Timestamp};

use super::Service;
use super::error::ServiceError;
use crate::rehearsal::Replay;
use crate::rules::Rules;
use crate::store::{EventFilter, PageRequest};

/// How many of the latest events rules are tried on.
const MOST_EVENTS: usize = 3_000;

/// How many events are read at once.
const AT_ONCE: usize = 500;

/// What rules would have told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backtest {
    /// When the oldest event was noticed that the rules were tried on; `None` if there was none.
    pub since: Option<Timestamp>,
    /// How many events those are.
    pub events: u64,
    /// Whether older events are remembered.
    pub is_cut: bool,
    /// How many notifications there would have been, by rule and sink: from today's rules, and from those that are
    /// tried.
    pub told: BTreeMap<(String, String), (u64, u64)>,
    /// The rules that were tried and would have told nobody.
    pub silent: Vec<String>,
}

impl Service {
    /// Tries `rules` on the latest events, up to three thousand, beside today's rules. Nobody is notified. What a
    /// maintenance window would hold back is not counted.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn backtest(&self, rules: Arc<dyn Rules>) -> Result<Backtest, ServiceError> {
        let (events, is_cut) = self.latest_events().await?;
        let (today, provider, now) = (Arc::clone(&self.rules), self.context.provider, self.now());
        // Rules may take long over it, and may panic: neither is anybody else's.
        let tried =
            tokio::task::spawn_blocking(move || compare(&events, &*today, &*rules, provider, now));
        let backtest = tried.await.map_err(|error| {
            tracing::warn!(%error, "rules that were tried did not come to their end");
            ServiceError::Unreadable
        })?;
        Ok(Backtest { is_cut, ..backtest })
    }

    /// The latest events, oldest first, and whether there are more.
    async fn latest_events(&self) -> Result<(Vec<Event>, bool), ServiceError> {
        let (mut events, mut cursor) = (Vec::new(), None);
        loop {
            let page = PageRequest {
                cursor,
                limit: AT_ONCE,
            };
            let page = self.events_page(&EventFilter::default(), &page).await?;
            events.extend(page.items);
            cursor = page.next;
            if cursor.is_none() || events.len() >= MOST_EVENTS {
                events.reverse();
                return Ok((events, cursor.is_some()));
            }
        }
    }
}

fn compare(
    events: &[Event],
    today: &dyn Rules,
    tried: &dyn Rules,
    provider: &str,
    now: Timestamp,
) -> Backtest {
    let mut told: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for (key, count) in notifications(events, today, provider, now) {
        told.entry(key).or_default().0 = count;
    }
    let by_tried = notifications(events, tried, provider, now);
    let is_silent = |name: &String| !by_tried.keys().any(|(rule, _)| rule == name);
    let silent = tried.names().into_iter().filter(is_silent).collect();
    for (key, count) in by_tried {
        told.entry(key).or_default().1 = count;
    }
    Backtest {
        since: events.first().map(|event| event.detected_at),
        events: u64::try_from(events.len()).unwrap_or(u64::MAX),
        is_cut: false,
        told,
        silent,
    }
}

/// How many notifications rules make of these events, oldest first, by rule and sink.
fn notifications(
    events: &[Event],
    rules: &dyn Rules,
    provider: &str,
    now: Timestamp,
) -> BTreeMap<(String, String), u64> {
    let Some(first) = events.first() else {
        return BTreeMap::new();
    };
    let mut replay = Replay::new(rules, provider, first.detected_at);
    // What was seen of a message at once stands in one entry.
    let of_one_entry = |one: &Event, other: &Event| {
        one.detected_at == other.detected_at
            && one.message.message_id.is_some()
            && one.message.message_id == other.message.message_id
    };
    for entry in events.chunk_by(of_one_entry) {
        let at = entry.first().map_or(now, |event| event.detected_at);
        replay.pass(at);
        // The rules make those of alerts themselves.
        let is_made_anew = |kind| matches!(kind, EventKind::AlertFiring | EventKind::AlertResolved);
        let entry = entry.iter().filter(|event| !is_made_anew(event.kind));
        let mut entry: Vec<Event> = entry.cloned().collect();
        entry.sort_by_key(|event| event.sequence);
        replay.route(&entry);
    }
    replay.pass(now);
    let mut counts = BTreeMap::new();
    for made in replay.take_made() {
        if made.held_back.is_none() {
            *counts
                .entry((made.notification.rule, made.sink))
                .or_default() += 1;
        }
    }
    counts
}
