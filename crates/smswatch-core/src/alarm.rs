//! Detects from the results of polls that the provider is down, refuses the credentials, or that
//! polling is behind.
//!
//! A process judges by its own calls alone. Those for single messages and those for pages are judged apart: where only one of
//! them fails, the other says nothing about it, and what it alone would have told stays hidden. [`episode`] makes one event
//! of what several notice, and [`tell`] writes it.

mod call;
mod episode;
mod streak;
pub(crate) mod tell;
pub(crate) mod unknown;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use smswatch_model::{EventKind, Timestamp};
use tokio::sync::Notify;

pub(crate) use self::call::Call;
use self::streak::{FailureStreak, OngoingFailure};
use crate::live::Live;
use crate::provider::{PollError, PollFailure};
use crate::settings::AlarmSettings;
use crate::spoken::spoken;

/// How many polls must fail before anything is said: one or two say little.
const FEWEST_POLLS: u32 = 3;

/// The kinds of trouble that are noticed here.
const KINDS: [EventKind; 3] = [
    EventKind::ProviderDown,
    EventKind::ProviderAuthFailed,
    EventKind::PollingBehind,
];

/// For how long a kind of call may pause between two failures that are the same trouble, while the other kind is answered.
/// Polls of old messages are an hour apart.
const LONGEST_PAUSE: Duration = Duration::from_secs(2 * 3600);

/// Trouble that has lasted long enough to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: EventKind,
    /// When it began.
    pub(crate) since: Timestamp,
    /// When it was last noticed.
    pub(crate) seen: Timestamp,
    /// What was noticed, for people.
    pub(crate) description: String,
    /// The kind of call that it is about, if the other kind is answered.
    pub(crate) call: Option<Call>,
}

/// What this process notices about its polls.
#[derive(Debug)]
pub(crate) struct Alarms {
    settings: Live<AlarmSettings>,
    state: Mutex<State>,
    /// There is trouble to tell.
    noticed: Notify,
}

#[derive(Debug, Default)]
struct State {
    polls: Calls,
    pages: Calls,
    behind: FailureStreak,
    /// Callbacks do not arrive.
    silent: Option<Trouble>,
}

/// How calls of one kind fare.
#[derive(Debug, Default)]
struct Calls {
    failing: FailureStreak,
    refused: FailureStreak,
    /// When one was answered last.
    answered_at: Option<Timestamp>,
}

impl Calls {
    /// Whether they were answered since then, and none has failed after that.
    fn are_answered_since(&self, since: Timestamp) -> bool {
        let is_going_on = |streak: &FailureStreak| streak.lasting(1, Duration::ZERO).is_some();
        self.answered_at.is_some_and(|at| at >= since)
            && !is_going_on(&self.failing)
            && !is_going_on(&self.refused)
    }

    fn streak(&self, kind: EventKind) -> &FailureStreak {
        match kind {
            EventKind::ProviderAuthFailed => &self.refused,
            _ => &self.failing,
        }
    }
}

impl State {
    fn of(&self, call: Call) -> &Calls {
        match call {
            Call::Poll => &self.polls,
            Call::Page => &self.pages,
        }
    }

    fn of_mut(&mut self, call: Call) -> &mut Calls {
        match call {
            Call::Poll => &mut self.polls,
            Call::Page => &mut self.pages,
        }
    }
}

impl Alarms {
    pub(crate) fn new(settings: AlarmSettings) -> Self {
        Self {
            settings: Live::new(Arc::new(settings)),
            state: Mutex::default(),
            noticed: Notify::new(),
        }
    }

    pub(crate) fn settings(&self) -> Arc<AlarmSettings> {
        self.settings.get()
    }

    /// From now on these hold.
    pub(crate) fn change_settings(&self, settings: AlarmSettings) {
        self.settings.replace(Arc::new(settings));
    }

    /// A call brought a usable answer.
    pub(crate) fn answered(&self, call: Call, now: Timestamp) {
        self.change(|state| {
            let calls = state.of_mut(call);
            calls.failing.end();
            calls.refused.end();
            calls.answered_at = Some(now);
        });
    }

    /// A call brought none.
    pub(crate) fn failed(&self, call: Call, error: &PollError, now: Timestamp) {
        let what = error.to_string();
        self.change(|state| {
            let limit = now - LONGEST_PAUSE;
            let is_other_answered = state.of(call.other()).are_answered_since(limit);
            let calls = state.of_mut(call);
            if is_other_answered {
                // What was long ago was another trouble, after which nothing of this kind was asked for.
                calls.failing.end_if_older(limit);
                calls.refused.end_if_older(limit);
            }
            match error.kind() {
                PollFailure::Failed | PollFailure::Unreadable | PollFailure::Throttled => {
                    calls.failing.add(now, what);
                }
                PollFailure::Refused => {
                    // Who refuses is there.
                    calls.failing.end();
                    calls.refused.add(now, what);
                }
            }
        });
    }

    /// A poll was started, or had to be put off, `lag` after it was due.
    pub(crate) fn late(&self, lag: Duration, now: Timestamp) {
        if lag > self.settings().polling_behind_after {
            let lag = Duration::from_secs(lag.as_secs());
            self.fell_behind(
                now,
                format!("a poll started {} after it was due", spoken(lag)),
            );
        }
    }

    /// Polls that may be due do not start at all for this reason.
    pub(crate) fn held_up(&self, reason: &str, now: Timestamp) {
        self.fell_behind(now, reason.to_owned());
    }

    fn fell_behind(&self, now: Timestamp, what: String) {
        let bound = self.settings().polling_behind_after;
        self.change(|state| {
            // Polls that are in time say little: young watches come first. That no late one has come
            // for as long says that there are none.
            state.behind.end_if_older(now - bound);
            state.behind.add(now, what);
        });
    }

    /// This is the trouble with callbacks, if there is any.
    pub(crate) fn callbacks(&self, trouble: Option<Trouble>) {
        let is_trouble = trouble.is_some();
        self.lock().silent = trouble;
        if is_trouble {
            self.noticed.notify_one();
        }
    }

    /// Waits until there may be trouble to tell.
    pub(crate) async fn noticed(&self) {
        self.noticed.notified().await;
    }

    /// The trouble that has lasted long enough to be told.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        let state = self.lock();
        KINDS
            .into_iter()
            .filter_map(|kind| self.trouble(&state, kind))
            .chain(state.silent.clone())
            .collect()
    }

    /// Whether polls start too late, at `now`.
    pub(crate) fn behind(&self, now: Timestamp) -> Option<Trouble> {
        let trouble = self.trouble(&self.lock(), EventKind::PollingBehind)?;
        (now.since(trouble.seen) <= self.settings().polling_behind_after).then_some(trouble)
    }

    fn trouble(&self, state: &State, kind: EventKind) -> Option<Trouble> {
        let settings = self.settings();
        let after = match kind {
            EventKind::PollingBehind => {
                let bad = state
                    .behind
                    .lasting(FEWEST_POLLS, settings.polling_behind_after)?;
                let often = match bad.count {
                    1 => "once so far".to_owned(),
                    count => format!("{count} times so far"),
                };
                return Some(trouble(kind, bad, &often, None));
            }
            EventKind::ProviderAuthFailed => settings.provider_auth_failed_after,
            _ => settings.provider_down_after,
        };
        // What was noticed last says most about how it is now.
        let lasting = Call::ALL.into_iter().filter_map(|call| {
            let bad = state.of(call).streak(kind);
            Some((call, bad.lasting(FEWEST_POLLS, after)?))
        });
        let (call, bad) = lasting.max_by_key(|(call, bad)| (bad.seen, *call == Call::Poll))?;
        let calls = match call {
            Call::Poll => "polls",
            Call::Page => "requests for pages",
        };
        let came = match kind {
            EventKind::ProviderAuthFailed => "were refused",
            _ => "failed",
        };
        let often = format!("{} {calls} {came}", bad.count);
        let alone = state.of(call.other());
        let alone = alone.are_answered_since(bad.since).then_some(call);
        Some(trouble(kind, bad, &often, alone))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let is_trouble = KINDS
            .into_iter()
            .any(|kind| self.trouble(&state, kind).is_some());
        drop(state);
        if is_trouble {
            self.noticed.notify_one();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn trouble(kind: EventKind, bad: &OngoingFailure, often: &str, call: Option<Call>) -> Trouble {
    Trouble {
        kind,
        since: bad.since,
        seen: bad.seen,
        description: format!("{} ({often})", bad.what),
        call,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn alarms() -> Alarms {
        Alarms::new(AlarmSettings::default())
    }

    fn told(alarms: &Alarms) -> Vec<(EventKind, String)> {
        let troubles = alarms.troubles().into_iter();
        troubles
            .map(|trouble| (trouble.kind, trouble.description))
            .collect()
    }

    #[test]
    fn a_provider_that_gives_no_usable_answer_for_a_minute_is_down() {
        let alarms = alarms();
        alarms.failed(Call::Poll, &PollError::failed("timed out"), at(0));
        alarms.failed(Call::Poll, &PollError::throttled("it answered 429"), at(40));
        assert_eq!(told(&alarms), []);
        alarms.failed(Call::Poll, &PollError::failed("it answered 500"), at(60));
        let expected = "it answered 500 (3 polls failed)".to_owned();
        assert_eq!(told(&alarms), [(EventKind::ProviderDown, expected)]);
        assert_eq!(alarms.troubles()[0].since, at(0));
        alarms.answered(Call::Poll, at(100));
        assert_eq!(told(&alarms), []);
    }

    #[test]
    fn one_answer_among_many_failures_says_that_the_provider_is_there() {
        let alarms = alarms();
        for second in 0..600 {
            alarms.failed(
                Call::Poll,
                &PollError::failed("it answered 500"),
                at(second),
            );
            if second % 50 == 0 {
                alarms.answered(Call::Poll, at(second));
            }
        }
        assert_eq!(told(&alarms), []);
    }

    #[test]
    fn who_refuses_the_credentials_is_not_down() {
        let alarms = alarms();
        for second in [0, 1, 3, 7, 15, 31, 61, 91] {
            alarms.failed(
                Call::Poll,
                &PollError::refused("it answered 401"),
                at(second),
            );
        }
        let expected = "it answered 401 (8 polls were refused)".to_owned();
        assert_eq!(told(&alarms), [(EventKind::ProviderAuthFailed, expected)]);
        // A failure in between says nothing about the credentials.
        alarms.failed(Call::Poll, &PollError::failed("it answered 500"), at(92));
        assert_eq!(told(&alarms).len(), 1);
        alarms.answered(Call::Poll, at(100));
        assert_eq!(told(&alarms), []);
    }

    #[test]
    fn polls_that_start_too_late_for_a_minute_are_behind() {
        let alarms = alarms();
        let lag = Duration::from_millis(75_500);
        for second in [0, 30, 59] {
            alarms.late(lag, at(second));
            alarms.late(Duration::ZERO, at(second));
        }
        assert_eq!(told(&alarms), []);
        alarms.late(lag, at(60));
        let expected = "a poll started 1 min 15 s after it was due (4 times so far)".to_owned();
        assert_eq!(told(&alarms), [(EventKind::PollingBehind, expected)]);
        assert!(alarms.behind(at(120)).is_some());
        assert!(alarms.behind(at(121)).is_none(), "no late one came since");
    }

    #[test]
    fn polls_that_cannot_start_at_all_are_behind() {
        let alarms = alarms();
        for second in 0..=60 {
            alarms.held_up("the log is not routed", at(second));
        }
        let expected = "the log is not routed (61 times so far)".to_owned();
        assert_eq!(told(&alarms), [(EventKind::PollingBehind, expected)]);
    }

    #[test]
    fn a_moment_of_late_polls_after_a_long_stop_is_no_trouble() {
        let alarms = alarms();
        for _ in 0..1000 {
            alarms.late(Duration::from_secs(7200), at(0));
        }
        alarms.late(Duration::from_secs(61), at(100));
        assert_eq!(told(&alarms), []);
    }

    #[test]
    fn single_polls_that_fail_are_told_while_pages_are_answered_and_the_other_way_round() {
        for failing in Call::ALL {
            let alarms = alarms();
            for second in [0, 30, 60] {
                alarms.answered(failing.other(), at(second));
                alarms.failed(failing, &PollError::failed("it answered 500"), at(second));
                alarms.answered(failing.other(), at(second));
            }
            let troubles = alarms.troubles();
            assert_eq!(troubles.len(), 1, "{failing:?}");
            assert_eq!(troubles[0].kind, EventKind::ProviderDown);
            assert_eq!(troubles[0].call, Some(failing), "it says what fails");
            alarms.failed(failing.other(), &PollError::failed("timed out"), at(61));
            assert_eq!(alarms.troubles()[0].call, None, "nothing is answered");
            alarms.answered(failing, at(62));
            assert_eq!(told(&alarms), []);
        }
    }

    #[test]
    fn an_outage_after_a_long_time_without_polls_is_another_one() {
        let alarms = alarms();
        for second in [0, 30, 60] {
            alarms.failed(Call::Poll, &PollError::failed("timed out"), at(second));
        }
        let days = 3 * 86_400;
        alarms.answered(Call::Page, at(days - 30));
        for second in [days, days + 30, days + 60] {
            alarms.failed(Call::Poll, &PollError::failed("timed out"), at(second));
        }
        assert_eq!(alarms.troubles()[0].since, at(days));
    }
}
