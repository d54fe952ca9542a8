//! What was asked and what was answered, in numbers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::callback::CallbackStats;
use crate::endpoint::Endpoint;
use crate::fault::FaultReport;
use crate::message::MessageReport;
use crate::population::PopulationReport;

const STATUSES: usize = 600;
/// Where requests without an answer are counted.
const UNANSWERED: usize = 0;

/// The numbers of a run. Admin calls are not in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// All requests.
    pub requests_total: u64,
    /// Requests by endpoint and HTTP status; `none` for those without an answer.
    pub requests: BTreeMap<String, BTreeMap<String, u64>>,
    /// Tokens that were made (a token that is handed back again is not made).
    pub tokens_issued: u64,
    /// Answers 429 of the real rate limit.
    pub rate_limited: u64,
    /// The most requests in one second of the clock.
    pub busiest_second: u64,
    /// Requests being answered right now.
    pub in_flight: u64,
    /// The most requests that were being answered at once.
    pub peak_in_flight: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// Changes that were served, first sights included: scripted messages, and populations with a
    /// ledger.
    pub changes_served: u64,
    /// What was called back. These are no requests.
    pub callbacks: CallbackStats,
    /// The fault rules and how often each was met.
    pub faults: Vec<FaultReport>,
    /// The populations by name.
    pub populations: BTreeMap<String, PopulationReport>,
    /// The scripted messages by id, without times; empty when not asked for.
    pub messages: BTreeMap<String, MessageSummary>,
}

/// A scripted message in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSummary {
    /// Single-tracking requests for it.
    pub polls: u64,
    /// Changes served, first sights included.
    pub changes_served: u64,
    /// The statuses served, as `part:status/detail`, in order.
    pub statuses: Vec<String>,
}

impl From<MessageReport> for MessageSummary {
    fn from(report: MessageReport) -> Self {
        let word = |served: &crate::message::ServedStatus| {
            let detail = served.detailed_status.as_deref().unwrap_or("");
            format!("{}:{}/{detail}", served.part, served.status)
        };
        Self {
            polls: report.polls,
            changes_served: report.changes_served,
            statuses: report.served.iter().map(word).collect(),
        }
    }
}

/// Counters without locks.
#[derive(Debug)]
pub(crate) struct Counters {
    by_endpoint: Vec<[AtomicU64; STATUSES]>,
    pub(crate) rate_limited: AtomicU64,
    pub(crate) connections: AtomicU64,
    in_flight: AtomicU64,
    peak_in_flight: AtomicU64,
    /// The second (upper half) and its requests (lower half).
    current_second: AtomicU64,
    busiest_second: AtomicU64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            by_endpoint: Endpoint::ALL
                .map(|_| [const { AtomicU64::new(0) }; STATUSES])
                .into(),
            rate_limited: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            peak_in_flight: AtomicU64::new(0),
            current_second: AtomicU64::new(0),
            busiest_second: AtomicU64::new(0),
        }
    }
}

/// A request that is being answered; counted as unanswered if it is dropped before.
#[derive(Debug)]
pub(crate) struct InFlight<'a> {
    counters: &'a Counters,
    endpoint: Endpoint,
    status: usize,
}

impl InFlight<'_> {
    /// The request got this answer.
    pub(crate) fn answered(mut self, status: http::StatusCode) {
        self.status = usize::from(status.as_u16());
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.counters.in_flight.fetch_sub(1, Ordering::Relaxed);
        let row = Endpoint::ALL
            .iter()
            .position(|endpoint| *endpoint == self.endpoint);
        if let Some(cell) = row.and_then(|row| self.counters.by_endpoint[row].get(self.status)) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Counters {
    /// A request has come.
    pub(crate) fn begin(&self, endpoint: Endpoint, now_ms: i64) -> InFlight<'_> {
        let in_flight = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak_in_flight.fetch_max(in_flight, Ordering::Relaxed);
        let second = u64::try_from(now_ms / 1000).unwrap_or(0) << 32;
        let count = |current: u64| {
            Some(if current >> 32 == second >> 32 {
                current + 1
            } else {
                second + 1
            })
        };
        if let Ok(before) =
            self.current_second
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, count)
        {
            let now = count(before).unwrap_or(0) & u64::from(u32::MAX);
            self.busiest_second.fetch_max(now, Ordering::Relaxed);
        }
        InFlight {
            counters: self,
            endpoint,
            status: UNANSWERED,
        }
    }

    /// The numbers that are kept here; the others are left at their defaults.
    pub(crate) fn stats(&self) -> Stats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut stats = Stats {
            rate_limited: load(&self.rate_limited),
            connections: load(&self.connections),
            in_flight: load(&self.in_flight),
            peak_in_flight: load(&self.peak_in_flight),
            busiest_second: load(&self.busiest_second),
            ..Stats::default()
        };
        for (endpoint, row) in Endpoint::ALL.iter().zip(&self.by_endpoint) {
            for (status, cell) in row.iter().enumerate().filter(|(_, cell)| load(cell) > 0) {
                let name = if status == UNANSWERED {
                    "none".to_owned()
                } else {
                    status.to_string()
                };
                stats.requests_total += load(cell);
                stats
                    .requests
                    .entry(endpoint.name().to_owned())
                    .or_default()
                    .insert(name, load(cell));
            }
        }
        stats
    }

    /// Back to zero, except for what is in flight and connected.
    pub(crate) fn reset(&self) {
        let counters = self.by_endpoint.iter().flatten();
        for counter in counters.chain([&self.rate_limited, &self.busiest_second]) {
            counter.store(0, Ordering::Relaxed);
        }
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        self.peak_in_flight.store(in_flight, Ordering::Relaxed);
        self.current_second.store(0, Ordering::Relaxed);
    }
}
