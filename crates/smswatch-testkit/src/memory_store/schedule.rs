//! The watches of a shard, and which of them is due next: found without reading the others.

use std::collections::{BTreeMap, BTreeSet};

use smswatch_model::{MessageId, Timestamp};
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::WatchPriority;

/// A watch, and when somebody can claim it.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) record: Record,
    pub(super) priority: WatchPriority,
    /// When it can be claimed: its due time, or the end of the lease that holds it.
    pub(super) at: Timestamp,
    pub(super) lease: Option<i64>,
}

/// Watches by their ids, by when they can be claimed, and by the leases that hold them.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    all: BTreeMap<MessageId, Watch>,
    /// Of each priority.
    due: [BTreeSet<(Timestamp, MessageId)>; 2],
    held: BTreeMap<i64, BTreeSet<MessageId>>,
    in_state: BTreeMap<WatchState, u64>,
}

impl Schedule {
    pub(super) fn get(&self, id: &MessageId) -> Option<&Watch> {
        self.all.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&MessageId, &Watch)> {
        self.all.iter()
    }

    /// Adds a watch, or puts it in the place of the one before.
    pub(super) fn put(&mut self, id: MessageId, watch: Watch) {
        self.remove(&id);
        self.due[watch.priority.index()].insert((watch.at, id.clone()));
        if let Some(lease) = watch.lease {
            self.held.entry(lease).or_default().insert(id.clone());
        }
        *self.in_state.entry(watch.record.state()).or_default() += 1;
        self.all.insert(id, watch);
    }

    pub(super) fn remove(&mut self, id: &MessageId) -> Option<Watch> {
        let watch = self.all.remove(id)?;
        if let Some(count) = self.in_state.get_mut(&watch.record.state()) {
            *count -= 1;
        }
        self.due[watch.priority.index()].remove(&(watch.at, id.clone()));
        if let Some(lease) = watch.lease
            && let Some(held) = self.held.get_mut(&lease)
        {
            held.remove(id);
            if held.is_empty() {
                self.held.remove(&lease);
            }
        }
        Some(watch)
    }

    /// How many watches are in a state.
    pub(super) fn in_state(&self, state: WatchState) -> u64 {
        self.in_state.get(&state).copied().unwrap_or_default()
    }

    /// Changes when a watch can be claimed, and under which lease it stands.
    pub(super) fn set(&mut self, id: &MessageId, at: Timestamp, lease: Option<i64>) {
        if let Some(watch) = self.remove(id) {
            self.put(id.clone(), Watch { at, lease, ..watch });
        }
    }

    /// Takes a watch out of what can be claimed, now or ever, until it is put again.
    pub(super) fn unqueue(&mut self, id: &MessageId) {
        if let Some(watch) = self.all.get(id) {
            self.due[watch.priority.index()].remove(&(watch.at, id.clone()));
        }
    }

    /// Up to `limit` watches that can be claimed by `now`, those that could be for longest first.
    pub(super) fn due(
        &self,
        priority: WatchPriority,
        limit: usize,
        now: Timestamp,
    ) -> Vec<MessageId> {
        let queue = self.due[priority.index()].iter();
        let due = queue.take_while(|(at, _)| *at <= now).take(limit);
        due.map(|(_, id)| id.clone()).collect()
    }

    /// When the next watch can be claimed.
    pub(super) fn next_due(&self, priority: WatchPriority) -> Option<Timestamp> {
        self.due[priority.index()].first().map(|(at, _)| *at)
    }

    /// The watches that cannot be claimed before `after`.
    pub(super) fn later_than(&self, priority: WatchPriority, after: Timestamp) -> Vec<MessageId> {
        let queue = self.due[priority.index()].iter().rev();
        let far = queue.take_while(|(at, _)| *at > after);
        far.map(|(_, id)| id.clone()).collect()
    }

    /// The watches that a lease holds.
    pub(super) fn held(&self, lease: i64) -> Vec<MessageId> {
        let held = self.held.get(&lease).into_iter().flatten();
        held.cloned().collect()
    }
}
