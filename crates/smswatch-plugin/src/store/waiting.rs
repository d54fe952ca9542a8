//! What a store takes and returns when a queue is looked through without claiming.

use smswatch_model::{DeliveryId, Timestamp};

use super::Priority;

/// Where in a queue a delivery stands, in the order of queueing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuePlace {
    /// When it was queued, or queued again.
    pub queued_at: Timestamp,
    /// Its name, which orders what was queued in the same millisecond.
    pub id: DeliveryId,
}

/// Which part of a queue is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueRequest {
    /// Those that go first, or the others.
    pub priority: Priority,
    /// Where the slice before this one ended; `None` for the first.
    pub after: Option<QueuePlace>,
    /// How many at most, at least 1.
    pub limit: u32,
}

/// A pending delivery that was only looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingDelivery {
    /// Where it stands.
    pub place: QueuePlace,
    /// Whether it is claimed, and so perhaps being attempted.
    pub is_claimed: bool,
    /// The notification, as core wrote it.
    pub body: Vec<u8>,
}

/// A part of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueueSlice {
    /// How many deliveries of the sink are pending in the shard, critical and claimed ones included.
    pub pending: u64,
    /// The deliveries, those that were queued longest ago first.
    pub deliveries: Vec<WaitingDelivery>,
    /// Where the next slice goes on; `None` when nothing is left to look at.
    pub next: Option<QueuePlace>,
}
