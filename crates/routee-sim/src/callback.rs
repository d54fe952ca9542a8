//! Callbacks: whom the simulator tells of changes, when, and how reliably.

mod agenda;
mod caller;
mod campaign;
mod enroll;
mod figures;
mod inbound;
mod latency;

use serde::{Deserialize, Serialize};

pub(crate) use self::agenda::{Agenda, Source};
pub(crate) use self::caller::{Reached, call};
pub(crate) use self::campaign::Campaign;
pub use self::figures::{CallbackStats, LatencyStats};
pub use self::inbound::Inbound;

/// How often a callback is tried again when it is not answered with 200, and after which waits.
const FIVE: [u64; 5] = [1_000, 5_000, 15_000, 30_000, 60_000];
const TWELVE: [u64; 12] = [
    30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
    14_400_000, 28_800_000, 86_400_000,
];

/// Which changes are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// Each of them.
    #[default]
    OnChange,
    /// Only final ones.
    OnCompletion,
}

/// Where the changes of one message are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Callback {
    /// An `http://` URL.
    pub url: String,
    /// Which changes.
    #[serde(default)]
    pub strategy: Strategy,
}

/// One of the two schedules that Routee's pages describe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetrySchedule {
    /// Up to 5 more tries; the page gives no times, so these are made up: 1, 5, 15, 30, 60 s.
    #[default]
    Five,
    /// Up to 12 more tries: 30 s, 1, 2, 5, 10, 15, 30 min, 1, 2, 4, 8, 24 h.
    Twelve,
}

/// How the simulator calls back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackSwitches {
    /// Where the changes of all messages are told that have no callback of their own, as with the
    /// application's default in Routee's portal; `null`: nowhere.
    pub url: Option<String>,
    /// Which changes are told there.
    pub strategy: Strategy,
    /// Tells the first status of a message, too.
    pub first: bool,
    /// Tells of campaigns at `url`, too, if they name no URL of their own.
    pub campaigns: bool,
    /// How long after a change its callback is sent, in milliseconds.
    pub delay_ms: u64,
    /// How many are under way at once, each on a connection of its own that is kept open.
    pub connections: usize,
    /// How long an answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// How often one is tried again.
    pub retries: RetrySchedule,
    /// The waits count from the first try instead of adding up.
    pub waits_from_first: bool,
    /// Stretches the waits: 0.01 is a hundred times as fast.
    pub time_scale: f64,
    /// The share of callbacks that are never sent, from 0 to 1.
    pub lost: f64,
    /// The share that is sent once more after it was answered with 200.
    pub duplicated: f64,
    /// The share that comes `reorder_ms` late, behind what happened after it.
    pub reordered: f64,
    /// How late these come, in milliseconds.
    pub reorder_ms: u64,
}

impl Default for CallbackSwitches {
    fn default() -> Self {
        Self {
            url: None,
            strategy: Strategy::default(),
            first: false,
            campaigns: false,
            delay_ms: 0,
            connections: 16,
            timeout_ms: 2_000,
            retries: RetrySchedule::default(),
            waits_from_first: false,
            time_scale: 1.0,
            lost: 0.0,
            duplicated: 0.0,
            reordered: 0.0,
            reorder_ms: 5_000,
        }
    }
}

impl CallbackSwitches {
    /// How long after which try the next one comes, in milliseconds; `None` if there is none.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "milliseconds of a simulation; a float cast saturates"
    )]
    fn wait_ms(&self, tries: usize) -> Option<i64> {
        let waits: &[u64] = match self.retries {
            RetrySchedule::Five => &FIVE,
            RetrySchedule::Twelve => &TWELVE,
        };
        let wait = *waits.get(tries.checked_sub(1)?)?;
        Some((wait as f64 * self.time_scale) as i64)
    }

    /// The callback of messages that have none of their own.
    fn default_callback(&self) -> Option<Callback> {
        Some(Callback {
            url: self.url.clone()?,
            strategy: self.strategy,
        })
    }
}

impl Callback {
    /// Says what is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let uri: Option<http::Uri> = self.url.parse().ok();
        let is_http =
            uri.is_some_and(|uri| uri.scheme_str() == Some("http") && uri.host().is_some());
        (!is_http).then_some("must be an http:// URL; the simulator speaks no TLS")
    }
}
