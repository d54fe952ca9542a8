//! Whether callbacks arrive, as far as the processes on the store know together: while they do, polls are
//! rarer, and when they stop while messages change, that is told.

pub(crate) mod exchange;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smswatch_model::{Event, EventKind, Source, Timestamp};

use crate::settings::CallbackSettings;
use crate::spoken::spoken;

/// For how long after a callback a final status that asking found is taken for the one of which the callback told: it
/// may have been held until its message was registered, or have asked for the poll itself.
const TOLD_OF: Duration = Duration::from_secs(60);

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

    /// Whether messages have changed without a callback for `silent_after`.
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
                && !event.recorded
                && event.source != Some(Source::Callback)
                && event
                    .current
                    .as_ref()
                    .is_some_and(|current| current.is_final)
        };
        if let Some(event) = events.iter().find(is_missed) {
            let mut state = self.lock();
            let last = state.last;
            if last.is_none_or(|last| event.detected_at.since(last) >= TOLD_OF) {
                state.missed_since = state.missed_since.or(Some(event.detected_at));
            }
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

    /// When the latest callback arrived anywhere, as far as this process knows.
    fn last(&self) -> Option<Timestamp> {
        self.lock().last
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    /// A final status that a poll found.
    fn polled(second: i64) -> Event {
        let mut event = smswatch_testkit::sample::notification().events.remove(0);
        event.source = Some(Source::Poll);
        event.backfill = false;
        event.detected_at = at(second);
        event
    }

    fn settings() -> CallbackSettings {
        CallbackSettings::default()
    }

    #[test]
    fn a_poll_that_a_callback_asked_for_is_no_sign_of_silence() {
        let arrivals = Arrivals::default();
        arrivals.arrived(at(0));
        arrivals.found(&[polled(0), polled(5)]);
        assert!(arrivals.silence(&settings(), at(3600)).is_none());
        arrivals.found(&[polled(60)]);
        let (since, _) = arrivals.silence(&settings(), at(3600)).expect("silence");
        assert_eq!(since, at(60));
        arrivals.arrived(at(3601));
        assert!(arrivals.silence(&settings(), at(7200)).is_none());
    }
}
