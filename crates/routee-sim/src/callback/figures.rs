//! What was called back and how it was answered, in numbers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::latency::Latencies;

/// Callbacks in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackStats {
    /// Callbacks to be sent, those that are lost included, repeated ones not.
    pub told: u64,
    /// Tries.
    pub sent: u64,
    /// Callbacks that were answered with 200, repeated ones included.
    pub answered: u64,
    /// Tries by HTTP status; `timeout` and `none` for those without an answer.
    pub statuses: BTreeMap<String, u64>,
    /// Tries that were not answered with 200.
    pub failed: u64,
    /// Callbacks that were given up after the last try.
    pub given_up: u64,
    /// Callbacks that were never sent.
    pub lost: u64,
    /// Callbacks that were sent once more after a 200.
    pub duplicated: u64,
    /// Callbacks that came late on purpose.
    pub reordered: u64,
    /// Callbacks that wait for their time or for a connection.
    pub waiting: u64,
    /// Callbacks that wait for an answer.
    pub in_flight: u64,
    /// How long the answers took, whatever they were.
    pub latency: LatencyStats,
}

/// How long answers took, in microseconds; percentiles are exact to 2 %.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyStats {
    /// Half of them took no longer.
    pub p50_us: u64,
    /// 99 % of them took no longer.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answered {
    Status(u16),
    TooLate,
    NotAtAll,
}

#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) told: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) duplicated: AtomicU64,
    pub(super) reordered: AtomicU64,
    pub(super) in_flight: AtomicU64,
    answers: Mutex<BTreeMap<String, u64>>,
    latencies: Latencies,
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Figures {
    /// Counts a try that took `time`.
    pub(super) fn tried(&self, answered: Answered, time: Duration) {
        let name = match answered {
            Answered::Status(status) => {
                let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
                self.latencies.count(micros);
                status.to_string()
            }
            Answered::TooLate => "timeout".to_owned(),
            Answered::NotAtAll => "none".to_owned(),
        };
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry(name).or_default() += 1;
    }

    /// The numbers so far, while `waiting` callbacks wait.
    pub(super) fn stats(&self, waiting: u64) -> CallbackStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let statuses = self
            .answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let sent = statuses.values().sum();
        let answered = statuses.get("200").copied().unwrap_or(0);
        CallbackStats {
            told: load(&self.told),
            sent,
            answered,
            statuses,
            failed: sent - answered,
            given_up: load(&self.given_up),
            lost: load(&self.lost),
            duplicated: load(&self.duplicated),
            reordered: load(&self.reordered),
            waiting,
            in_flight: load(&self.in_flight),
            latency: LatencyStats {
                p50_us: self.latencies.percentile(0.5),
                p99_us: self.latencies.percentile(0.99),
                max_us: self.latencies.max(),
            },
        }
    }

    pub(super) fn reset(&self) {
        for counter in [
            &self.told,
            &self.given_up,
            &self.lost,
            &self.duplicated,
            &self.reordered,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.answers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.latencies.reset();
    }
}
