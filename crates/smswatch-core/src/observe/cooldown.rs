//! Holds all polls back while the provider wants none, or refuses the credentials.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use smswatch_model::Timestamp;

use crate::alarm::Call;
use crate::health::{Health, PROVIDER};
use crate::provider::{PollError, PollFailure};

/// How many polls in a row must fail before the provider is said to be in trouble.
const FAILURES_TO_TELL: u32 = 3;

/// The longest pause that a provider's `Retry-After` can cause, whatever it says.
const MAX_PAUSE: Duration = Duration::from_secs(5 * 60);

/// The pause after a throttled poll when the provider does not say how long.
const THROTTLED_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two tries of refused credentials; the first is a second.
const MAX_REFUSED_PAUSE: Duration = Duration::from_secs(30);

/// For how long after an answer a refusal may be about its message alone: a provider that answers others
/// accepts the credentials.
const ACCEPTED_FOR: Duration = Duration::from_secs(5);

/// After how long failed calls of one kind are forgotten when those of the other kind are answered: perhaps none are made
/// any more.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(5 * 60);

#[derive(Debug, Default)]
pub(crate) struct Cooldown {
    /// Until when polls wait, in milliseconds of the store's clock.
    until: AtomicI64,
    /// When the latest answer came, by the same measure.
    answered_at: AtomicI64,
    refusals: AtomicU32,
    polls: Failures,
    pages: Failures,
}

/// How often calls of one kind failed in a row.
#[derive(Debug, Default)]
struct Failures {
    count: AtomicU32,
    /// When the latest of them failed, in milliseconds of the store's clock.
    at: AtomicI64,
    /// When the latest call of this kind was answered, by the same measure.
    answered_at: AtomicI64,
}

impl Cooldown {
    /// How long polls must wait, at `now`; zero when they need not.
    pub(crate) fn closed_for(&self, now: Timestamp) -> Duration {
        left(self.until.load(Ordering::Acquire), now)
    }

    fn of(&self, call: Call) -> &Failures {
        match call {
            Call::Poll => &self.polls,
            Call::Page => &self.pages,
        }
    }

    /// Takes note of an answer. It says nothing about calls of the other kind, unless the last one that failed was long ago.
    pub(crate) fn answered(&self, call: Call, now: Timestamp, health: &Health) {
        self.answered_at.store(now.as_millis(), Ordering::Relaxed);
        self.refusals.store(0, Ordering::Relaxed);
        let calls = self.of(call);
        calls.answered_at.store(now.as_millis(), Ordering::Relaxed);
        let mut was_in_trouble = calls.end();
        let other = self.of(call.other());
        if now.since(other.at()) > FORGOTTEN_AFTER {
            was_in_trouble |= other.end();
        }
        let is_in_trouble = other.count.load(Ordering::Relaxed) >= FAILURES_TO_TELL;
        if was_in_trouble && !is_in_trouble {
            health.well(PROVIDER);
        }
    }

    /// Whether anything was answered since then, as far as this process has seen.
    pub(crate) fn has_answered_since(&self, since: Timestamp) -> bool {
        self.answered_at.load(Ordering::Relaxed) >= since.as_millis()
    }

    pub(crate) fn failed(&self, call: Call, error: &PollError, now: Timestamp, health: &Health) {
        let calls = self.of(call);
        calls.at.store(now.as_millis(), Ordering::Relaxed);
        let asked = error.retry_after().unwrap_or_default().min(MAX_PAUSE);
        let failures = match error.kind() {
            PollFailure::Refused if !self.accepts_others(now) => {
                self.refuse(now, asked);
                calls
                    .count
                    .fetch_max(FAILURES_TO_TELL, Ordering::Relaxed)
                    .max(FAILURES_TO_TELL)
            }
            PollFailure::Failed | PollFailure::Unreadable | PollFailure::Refused => calls
                .count
                .fetch_add(1, Ordering::Relaxed)
                .saturating_add(1),
            PollFailure::Throttled => {
                self.close(asked.max(THROTTLED_PAUSE), now);
                calls
                    .count
                    .fetch_max(FAILURES_TO_TELL, Ordering::Relaxed)
                    .max(FAILURES_TO_TELL)
            }
        };
        if failures >= FAILURES_TO_TELL {
            let what = match self
                .of(call.other())
                .is_answered_since(now - FORGOTTEN_AFTER)
            {
                true => format!("only requests for {} fail: ", call.words()),
                false => String::new(),
            };
            health.trouble(PROVIDER, &format!("{what}{error}"));
        }
    }

    /// Whether another poll was answered a moment ago.
    fn accepts_others(&self, now: Timestamp) -> bool {
        let answered = Timestamp::from_millis(self.answered_at.load(Ordering::Relaxed));
        answered <= now && now.since(answered) < ACCEPTED_FOR
    }

    /// Polls that were under way together are refused together: they count as one refusal.
    fn refuse(&self, now: Timestamp, asked: Duration) {
        if !self.closed_for(now).is_zero() {
            return;
        }
        let refusals = self.refusals.fetch_add(1, Ordering::Relaxed).min(10);
        let pause = Duration::from_secs(1_u64 << refusals).min(MAX_REFUSED_PAUSE);
        self.close(pause.max(asked.min(MAX_REFUSED_PAUSE)), now);
    }

    fn close(&self, pause: Duration, now: Timestamp) {
        let closed = |until| (left(until, now) < pause).then(|| (now + pause).as_millis());
        // One that is longer stays.
        let _same = self
            .until
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, closed);
    }
}

/// How long it is from `now` until then. What is much further ahead than any pause reaches was set by a clock that was wrong.
fn left(until: i64, now: Timestamp) -> Duration {
    let left = Timestamp::from_millis(until).since(now);
    if left > 2 * MAX_PAUSE {
        Duration::ZERO
    } else {
        left
    }
}

impl Failures {
    /// Ends the row; returns whether it was long enough to be told.
    fn end(&self) -> bool {
        self.count.swap(0, Ordering::Relaxed) >= FAILURES_TO_TELL
    }

    /// Whether calls of this kind were answered since then, and none has failed after that.
    fn is_answered_since(&self, since: Timestamp) -> bool {
        self.count.load(Ordering::Relaxed) == 0
            && self.answered_at.load(Ordering::Relaxed) >= since.as_millis()
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.at.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health::new([PROVIDER.to_owned()])
    }

    #[test]
    fn refused_credentials_are_tried_again_after_growing_pauses_of_at_most_half_a_minute() {
        let (cooldown, health) = (Cooldown::default(), health());
        let mut now = Timestamp::from_seconds(1_777_636_800);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            cooldown.failed(Call::Poll, &PollError::refused("401"), now, &health);
            cooldown.failed(Call::Poll, &PollError::refused("401"), now, &health);
            pauses.push(cooldown.closed_for(now).as_secs());
            now = now + cooldown.closed_for(now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
        assert!(health.report().parts[PROVIDER].is_some());
        cooldown.answered(Call::Poll, now, &health);
        assert!(health.report().parts[PROVIDER].is_none());
    }

    #[test]
    fn a_message_that_is_refused_while_others_are_answered_holds_nobody_up() {
        let (cooldown, health) = (Cooldown::default(), health());
        let mut now = Timestamp::from_seconds(1_777_636_800);
        for _ in 0..20 {
            cooldown.answered(Call::Poll, now, &health);
            now = now + Duration::from_secs(1);
            cooldown.failed(Call::Poll, &PollError::refused("403"), now, &health);
            assert!(cooldown.closed_for(now).is_zero());
            assert!(health.report().parts[PROVIDER].is_none());
        }
        // Nothing is answered any more: it is about the credentials.
        now = now + ACCEPTED_FOR;
        cooldown.failed(Call::Poll, &PollError::refused("403"), now, &health);
        assert!(!cooldown.closed_for(now).is_zero());
        assert!(health.report().parts[PROVIDER].is_some());
    }

    #[test]
    fn a_hostile_retry_after_cannot_stop_the_watching_for_long() {
        let (cooldown, health) = (Cooldown::default(), health());
        let now = Timestamp::from_seconds(1_777_636_800);
        let year = Some(Duration::from_secs(365 * 24 * 3600));
        cooldown.failed(
            Call::Poll,
            &PollError::throttled("429").after(year),
            now,
            &health,
        );
        assert_eq!(cooldown.closed_for(now), MAX_PAUSE);
    }

    #[test]
    fn a_pause_that_began_by_a_clock_far_ahead_is_over_when_the_clock_is_set_right() {
        let (cooldown, health) = (Cooldown::default(), health());
        let now = Timestamp::from_seconds(1_777_636_800);
        let ahead = now + Duration::from_secs(100 * 24 * 3600);
        let throttle = |now| {
            cooldown.failed(Call::Poll, &PollError::throttled("429"), now, &health);
        };
        throttle(ahead);
        assert_eq!(cooldown.closed_for(ahead), THROTTLED_PAUSE);
        assert!(cooldown.closed_for(now).is_zero());
        throttle(now);
        assert_eq!(
            cooldown.closed_for(now),
            THROTTLED_PAUSE,
            "the next one holds"
        );
    }

    #[test]
    fn one_failed_poll_is_no_trouble_and_three_in_a_row_are() {
        let (cooldown, health) = (Cooldown::default(), health());
        let now = Timestamp::from_seconds(1_777_636_800);
        for _ in 0..2 {
            cooldown.failed(Call::Poll, &PollError::failed("500"), now, &health);
        }
        assert!(health.report().parts[PROVIDER].is_none());
        cooldown.failed(Call::Poll, &PollError::failed("500"), now, &health);
        assert!(health.report().parts[PROVIDER].is_some());
        assert!(cooldown.closed_for(now).is_zero());
    }

    #[test]
    fn polls_that_fail_are_trouble_while_pages_are_answered_until_they_are_long_ago() {
        let (cooldown, health) = (Cooldown::default(), health());
        let now = Timestamp::from_seconds(1_777_636_800);
        for _ in 0..3 {
            cooldown.answered(Call::Page, now, &health);
            cooldown.failed(Call::Poll, &PollError::failed("500"), now, &health);
        }
        cooldown.answered(Call::Page, now + FORGOTTEN_AFTER, &health);
        let trouble = health.report().parts[PROVIDER].clone();
        assert_eq!(
            trouble.as_deref(),
            Some("only requests for single messages fail: 500")
        );
        let later = now + FORGOTTEN_AFTER + Duration::from_secs(1);
        cooldown.answered(Call::Page, later, &health);
        assert_eq!(health.report().parts[PROVIDER], None);
    }
}
