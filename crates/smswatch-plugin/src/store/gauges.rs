//! How much of everything a store holds.

use smswatch_model::Timestamp;

use crate::record::WatchState;

/// The state of one sink's queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueGauge {
    /// The sink.
    pub sink: String,
    /// How many deliveries wait or are being attempted.
    pub pending: u64,
    /// How many more are pending that were left to a later version.
    pub left: u64,
    /// How many are dead and kept.
    pub dead: u64,
    /// Since when the longest waiting delivery waits.
    pub oldest: Option<Timestamp>,
}

/// How much of everything the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Watches by state; states without a watch may be missing.
    pub watches: Vec<(WatchState, u64)>,
    /// Log entries that are not routed.
    pub unrouted: u64,
    /// Log entries that were ever set aside.
    pub set_aside: u64,
    /// Every sink that has, or had, deliveries.
    pub queues: Vec<QueueGauge>,
}
