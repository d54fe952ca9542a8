//! Whether callbacks arrive, as far as the processes on the store know together: while they do, polls are
//! rarer, and when they stop while messages change, that is told.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smswatch_model::{Event, EventKind, Source, Timestamp};

use crate::context::Context;
use crate::memo;
use crate::settings::CallbackSettings;
use crate::spoken::spoken;
use crate::store::{StoreError, shard_of};

/// How often the processes tell one another that callbacks arrive.
pub(crate) const EXCHANGE: Duration = Duration::from_secs(10);

/// The memo in which they do.
const MEMO: &str = "callbacks";

const FORMAT: u8 = 1;

/// What is known of the callbacks.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    state: Mutex<State>,
}

#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// When the latest one arrived anywhere; `None` if none has yet.
    last: Option<Timestamp>,
    /// When the first final status was found by asking of which no callback has told since.
    missed_since: Option<Timestamp>,
}

impl State {
    fn arrived(&mut self, at: Timestamp) {
        self.last = self.last.max(Some(at));
        if self.missed_since.is_some_and(|since| since <= at) {
            self.missed_since = None;
        }
    }

    /// Whether messages have changed for so long without one.
    fn is_silent(&self, settings: &CallbackSettings, now: Timestamp) -> bool {
        let missed_since = self.missed_since;
        missed_since.is_some_and(|since| now.since(since) >= settings.silent_after)
    }
}

impl Arrivals {
    /// A callback arrived.
    pub(crate) fn arrived(&self, at: Timestamp) {
        self.lock().arrived(at);
    }

    /// These events were found out. Those that polls and sweeps found would have been told by callbacks, too;
    /// only final ones count, as Routee can be told to push no others.
    pub(crate) fn found(&self, events: &[Event]) {
        let is_missed = |event: &&Event| {
            event.kind == EventKind::StatusChanged
                && !event.backfill
                && event.source != Some(Source::Callback)
                && event
                    .current
                    .as_ref()
                    .is_some_and(|current| current.is_final)
        };
        if let Some(event) = events.iter().find(is_missed) {
            let mut state = self.lock();
            state.missed_since = state.missed_since.or(Some(event.detected_at));
        }
    }

    /// By how much the gaps between polls of messages of which callbacks tell are stretched.
    pub(crate) fn stretch(&self, settings: Option<&CallbackSettings>, now: Timestamp) -> u32 {
        let Some(settings) = settings else { return 1 };
        let state = *self.lock();
        if state.last.is_none() || state.is_silent(settings, now) {
            return 1;
        }
        settings.stretch.max(1)
    }

    /// Since when callbacks do not arrive that should, and what there is to tell of it, for people.
    pub(crate) fn silence(
        &self,
        settings: &CallbackSettings,
        now: Timestamp,
    ) -> Option<(Timestamp, String)> {
        let state = *self.lock();
        let since = state
            .missed_since
            .filter(|_| state.is_silent(settings, now))?;
        let last = match state.last {
            None => "none has arrived yet".to_owned(),
            Some(last) => {
                let ago = Duration::from_secs(now.since(last).as_secs());
                format!("the last one arrived {} ago", spoken(ago))
            }
        };
        let description = format!(
            "messages become final and no callback tells of it: {last}. Messages are polled at their \
             usual pace meanwhile"
        );
        Some((since, description))
    }

    /// Tells the other processes what arrived here, and learns what arrived there.
    ///
    /// # Errors
    ///
    /// The store is not available.
    pub(crate) async fn exchange(&self, context: &Context) -> Result<(), StoreError> {
        let shard = shard_of(MEMO, context.store.shard_count());
        let known = memo::read(context, shard, MEMO, FORMAT, decode).await?;
        let own = self.lock().last;
        match (own, known.value) {
            (Some(own), there) if there.is_none_or(|there| own.since(there) >= EXCHANGE / 2) => {
                // Whoever was faster has told about the same.
                memo::put(context, shard, &known, encode(own), Vec::new()).await?;
            }
            (_, Some(there)) => self.arrived(there),
            _ => {}
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(at: Timestamp) -> Vec<u8> {
    let millis = at.as_millis().to_be_bytes();
    std::iter::once(FORMAT).chain(millis).collect()
}

fn decode(bytes: &[u8]) -> Option<Timestamp> {
    let (format, millis) = bytes.split_first()?;
    let millis = i64::from_be_bytes(millis.try_into().ok()?);
    (*format == FORMAT).then(|| Timestamp::from_millis(millis))
}
