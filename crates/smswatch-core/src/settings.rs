//! What an operator decides about watching and delivering, in core's own terms.

use smswatch_model::FaultTable;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::budget;
use crate::provider::Filter;
use crate::store::{Bound, HistoryBounds, Rate};

/// How messages are watched.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchSettings {
    /// The gaps between two polls of one message, at least one; the last repeats.
    pub schedule: Vec<Duration>,
    /// How long a message may be unknown to the provider, or one of its parts missing.
    pub not_found_grace: Duration,
    /// How long a message that does not become final is watched.
    pub give_up_after: Duration,
    /// How long after its end a message is polled once more; zero: not at all.
    pub confirm_after: Duration,
    /// How long after its end a watch is kept.
    pub retention: Duration,
    /// How old a status may be to be told when a source registers its message by itself; older ones are
    /// only recorded.
    pub first_seen_max_age: Duration,
    /// How long after it happened an event counts as late.
    pub late_after: Duration,
    /// Who can act on which status, where the operator knows better.
    pub faults: FaultTable,
}

impl Default for WatchSettings {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        let seconds = Duration::from_secs;
        Self {
            schedule: vec![
                seconds(5),
                seconds(10),
                seconds(30),
                minutes(1),
                minutes(5),
                minutes(15),
                minutes(60),
            ],
            not_found_grace: minutes(10),
            give_up_after: minutes(74 * 60),
            confirm_after: minutes(60),
            retention: minutes(7 * 24 * 60),
            first_seen_max_age: minutes(15),
            late_after: minutes(15),
            faults: FaultTable::default(),
        }
    }
}

/// How much the provider is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProviderLimits {
    /// The rate of polls that all processes keep together.
    pub rate: Rate,
    /// How many polls of this process run at once, at least one.
    pub concurrency: usize,
    /// How long a poll can take before the provider's client ends it.
    pub timeout: Duration,
}

/// When a failed delivery is tried again.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrySettings {
    /// The delays after the first, second, … failed attempt, at least one; the last repeats.
    pub schedule: Vec<Duration>,
    /// How long after it was queued a delivery that keeps failing becomes dead.
    pub give_up_after: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        let schedule = [5, 30, 120, 600, 3600, 10_800]
            .map(Duration::from_secs)
            .to_vec();
        Self {
            schedule,
            give_up_after: Duration::from_secs(24 * 3600),
        }
    }
}

/// Who is told what a sink does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FallbackSettings {
    /// The other sink's name. The code that makes the settings checks that fallbacks do not form a circle.
    pub sink: String,
    /// How long a sink must have been down before what waits for it is handed over.
    pub after: Duration,
}

impl FallbackSettings {
    /// How long a sink must have been down unless the operator says otherwise.
    pub const DEFAULT_AFTER: Duration = Duration::from_secs(5 * 60);
}

/// When a sink that keeps failing is left in peace, and how often it is probed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// How many failures in a row open the breaker, at least one.
    pub failures: u32,
    /// How long after it opened, or after a probe, the sink is probed.
    pub probe: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 5,
            probe: Duration::from_secs(30),
        }
    }
}

/// How notifications are delivered to one sink.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkSettings {
    /// The rate of attempts of all processes together; `None` for no limit.
    pub rate: Option<Rate>,
    /// How many attempts of this process run at once, at least one.
    pub concurrency: usize,
    /// How long an attempt may take.
    pub timeout: Duration,
    /// When a failed delivery is tried again.
    pub retry: RetrySettings,
    /// How many deliveries of one rule may wait for one destination, at least one; more of them leave together, as one
    /// digest. `None` if each leaves alone.
    pub digest_above: Option<u32>,
    /// How many deliveries may be pending; beyond it the oldest ones below critical become dead.
    pub queue_max: u64,
    /// The sink that gets what this one does not take, if there is one.
    pub fallback: Option<FallbackSettings>,
    /// When nothing is attempted for a while.
    pub breaker: BreakerSettings,
    /// The tags of messages that it may see; `None` for all. They must be among those of its fallback, which gets
    /// notifications in the words that were made for this one.
    pub tags: Option<BTreeSet<String>>,
}

impl SinkSettings {
    /// How many deliveries may be pending unless the operator says otherwise.
    pub const DEFAULT_QUEUE_MAX: u64 = 100_000;
    /// How many attempts run at once unless the operator says otherwise.
    pub const DEFAULT_CONCURRENCY: usize = 8;
    /// How long an attempt may take unless the operator says otherwise.
    pub const DEFAULT_TIMEOUT: Duration = budget::DEFAULT_ATTEMPT;
    /// The longest timeout: a delivery's lease must end within the 45 seconds in which the work of a
    /// process that died goes on elsewhere.
    pub const MAX_TIMEOUT: Duration = budget::MAX_ATTEMPT;
}

impl Default for SinkSettings {
    fn default() -> Self {
        Self {
            rate: None,
            concurrency: Self::DEFAULT_CONCURRENCY,
            timeout: Self::DEFAULT_TIMEOUT,
            retry: RetrySettings::default(),
            digest_above: None,
            queue_max: Self::DEFAULT_QUEUE_MAX,
            fallback: None,
            breaker: BreakerSettings::default(),
            tags: None,
        }
    }
}

/// Whether telephone numbers may be shown in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// The middle is hidden.
    #[default]
    Mask,
    /// They are stored and sent as the provider tells them.
    Full,
}

/// What is kept of message texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyText {
    /// Nothing except a keyed hash.
    #[default]
    Omit,
    /// The text without digits, mail addresses and queries of URLs.
    Mask,
    /// The text.
    Keep,
}

/// What of a message may be stored and sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrivacySettings {
    /// Whether telephone numbers may be shown in full.
    pub numbers: Numbers,
    /// What is kept of message texts.
    pub body: BodyText,
}

/// How what the provider pushes is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallbackSettings {
    /// Whether a message that is not registered is watched from then on.
    pub register: bool,
    /// How long its registration, with its tags, is waited for before.
    pub hold: Duration,
    /// Whether a callback is no news and only has its message polled at once.
    pub confirm: bool,
    /// By how much the gaps between polls of a message are stretched while callbacks tell of it, at least 1.
    pub stretch: u32,
    /// How long messages must become final without a callback before the callbacks are said to be silent.
    pub silent_after: Duration,
    /// How many unknown messages are taken in a minute, at least 1.
    pub new_per_minute: u32,
}

impl Default for CallbackSettings {
    fn default() -> Self {
        Self {
            register: true,
            hold: Duration::from_secs(3),
            confirm: false,
            stretch: 12,
            silent_after: Duration::from_secs(10 * 60),
            new_per_minute: 30_000,
        }
    }
}

/// A sweep: what is found out about many messages by asking for pages of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepSettings {
    /// How often it takes place.
    pub every: Duration,
    /// How far back it reaches.
    pub window: Duration,
    /// Whether unregistered messages are watched once it finds them.
    pub register: bool,
    /// What must hold of its messages, in the provider's words.
    pub filters: Vec<Filter>,
}

/// When smswatch itself is said to be in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlarmSettings {
    /// How long every poll must have failed before the provider is down.
    pub provider_down_after: Duration,
    /// How long polls must have been refused before the credentials are said to be wrong.
    pub provider_auth_failed_after: Duration,
    /// How late polls must start, and for how long, before polling is behind.
    pub polling_behind_after: Duration,
    /// How long trouble must stay away before it is told again.
    pub quiet: Duration,
}

impl Default for AlarmSettings {
    fn default() -> Self {
        Self {
            provider_down_after: Duration::from_secs(60),
            provider_auth_failed_after: Duration::from_secs(10),
            polling_behind_after: Duration::from_secs(60),
            quiet: Duration::from_secs(5 * 60),
        }
    }
}

/// Everything that core needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How messages are watched.
    pub watch: WatchSettings,
    /// How much the provider is asked.
    pub provider: ProviderLimits,
    /// What is kept of the past.
    pub history: HistoryBounds,
    /// When smswatch itself is said to be in trouble.
    pub alarms: AlarmSettings,
    /// What is asked about many messages at once, at most [`Self::MOST_SWEEPS`] of them.
    pub sweeps: Vec<SweepSettings>,
    /// How callbacks are taken in; `None` if they are not.
    pub callbacks: Option<CallbackSettings>,
    /// A hash of all in which the processes on one store must agree: [`crate::config_hash`].
    pub config_hash: u64,
    /// How long the end of the process may take, all in all.
    pub shutdown_timeout: Duration,
}

impl Settings {
    /// How long the end of the process may take unless the operator says otherwise.
    pub const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);
    /// How many sweeps there can be.
    pub const MOST_SWEEPS: usize = 8;
    /// How often any message is swept: as often as the most frequent sweep takes place that leaves none out;
    /// zero if there is none.
    #[must_use]
    pub fn all_swept_every(&self) -> Duration {
        let of_all = self.sweeps.iter().filter(|sweep| sweep.filters.is_empty());
        of_all.map(|sweep| sweep.every).min().unwrap_or_default()
    }

    /// What is kept of the past unless the operator says otherwise.
    pub const DEFAULT_HISTORY: HistoryBounds = HistoryBounds {
        events: bound(7, 1_000_000),
        deliveries: bound(7, 100_000),
        dead: bound(30, 100_000),
    };
}

const fn bound(days: u64, max: u64) -> Bound {
    Bound {
        keep_for: Duration::from_secs(days * 86_400),
        max,
    }
}
