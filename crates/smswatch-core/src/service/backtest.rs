//! Tries other rules on what is remembered, beside today's: how many notifications each rule would have made.

use std::collections::BTreeMap;
use std::sync::Arc;

use smswatch_model::{Event, EventKind, Timestamp};

use super::Service;
use super::error::ServiceError;
use crate::rehearsal::{PastSilence, Replay};
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
    pub told: BTreeMap<(String, String), (ToldCount, ToldCount)>,
    /// The rules that were tried and would have notified no one.
    pub silent: Vec<String>,
}

/// How many notifications rules would have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ToldCount {
    /// How many would have been sent.
    pub notifications: u64,
    /// How many a silence, a maintenance window, a throttle or an alert would have held back.
    pub held_back: u64,
}

impl Service {
    /// Tries `rules` on the latest events, up to three thousand, beside today's rules. Nobody is notified. Silences, as
    /// far as they are kept, and today's maintenance windows hold back what either would have told.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn backtest(&self, rules: Arc<dyn Rules>) -> Result<Backtest, ServiceError> {
        let (events, is_cut) = self.latest_events().await?;
        let silences = self.past_silences().await?;
        let (today, provider, now) = (Arc::clone(&self.rules), self.context.provider, self.now());
        // Rules may take long, and may panic: neither must hold up other requests.
        let tried = tokio::task::spawn_blocking(move || {
            let past = Past {
                events: &events,
                silences: &silences,
                windows: &*today,
                provider,
                now,
            };
            past.compare(&*today, &*rules)
        });
        let backtest = tried.await.map_err(|error| {
            tracing::warn!(%error, "rules that were tried did not come to their end");
            ServiceError::Unreadable
        })?;
        Ok(Backtest { is_cut, ..backtest })
    }

    /// The silences that are kept, active or not, as far as this version can read them.
    async fn past_silences(&self) -> Result<Vec<PastSilence>, ServiceError> {
        self.silences.read(&self.context).await?;
        let shelf = self.silences.shelf();
        let past = shelf.silences().iter().filter_map(|silence| {
            let compiled = self.rules.hold_back(&silence.matching).ok()?;
            Some(PastSilence {
                since: silence.created_at,
                until: silence.until,
                id: silence.id.clone(),
                hold_back: compiled.hold_back,
            })
        });
        Ok(past.collect())
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

/// What rules are tried on.
struct Past<'a> {
    /// Oldest first.
    events: &'a [Event],
    silences: &'a [PastSilence],
    /// The rules whose maintenance windows hold back.
    windows: &'a dyn Rules,
    provider: &'a str,
    now: Timestamp,
}

impl Past<'_> {
    fn compare(&self, today: &dyn Rules, tried: &dyn Rules) -> Backtest {
        let mut told: BTreeMap<(String, String), (ToldCount, ToldCount)> = BTreeMap::new();
        for (key, replayed) in self.replay(today) {
            told.entry(key).or_default().0 = replayed;
        }
        let by_tried = self.replay(tried);
        let is_silent = |name: &String| !by_tried.keys().any(|(rule, _)| rule == name);
        let silent = tried.names().into_iter().filter(is_silent).collect();
        for (key, replayed) in by_tried {
            told.entry(key).or_default().1 = replayed;
        }
        Backtest {
            since: self.events.first().map(|event| event.detected_at),
            events: u64::try_from(self.events.len()).unwrap_or(u64::MAX),
            is_cut: false,
            told,
            silent,
        }
    }

    /// How many notifications rules make of these events, by rule and sink.
    fn replay(&self, rules: &dyn Rules) -> BTreeMap<(String, String), ToldCount> {
        let Some(first) = self.events.first() else {
            return BTreeMap::new();
        };
        let mut replay = Replay::new(rules, self.provider, first.detected_at)
            .with_windows_of(self.windows)
            .with_silences(self.silences);
        // What was seen of a message at once stands in one entry.
        let of_one_entry = |one: &Event, other: &Event| {
            one.detected_at == other.detected_at
                && one.message.message_id.is_some()
                && one.message.message_id == other.message.message_id
        };
        for entry in self.events.chunk_by(of_one_entry) {
            let at = entry.first().map_or(self.now, |event| event.detected_at);
            replay.pass(at);
            // The rules make those of alerts themselves.
            let is_made_anew =
                |kind| matches!(kind, EventKind::AlertFiring | EventKind::AlertResolved);
            let entry = entry.iter().filter(|event| !is_made_anew(event.kind));
            let mut entry: Vec<Event> = entry.cloned().collect();
            entry.sort_by_key(|event| event.sequence);
            replay.route(&entry);
        }
        replay.pass(self.now);
        let mut counts: BTreeMap<(String, String), ToldCount> = BTreeMap::new();
        for made in replay.take_made() {
            let key = (made.notification.rule, made.sink);
            let replayed = counts.entry(key).or_default();
            match made.held_back {
                Some(_) => replayed.held_back += 1,
                None => replayed.notifications += 1,
            }
        }
        counts
    }
}
