//! Watches and their leases as they should be, as plain as can be.

use std::collections::BTreeMap;
use std::time::Duration;

use smswatch_model::{MessageId, Timestamp};
use smswatch_plugin::record::Record;
use smswatch_plugin::store::{ClaimedWatches, CommitItem, CommitOutcome, LeaseId};

/// A watch, and whose it is.
#[derive(Debug, Clone)]
struct Entry {
    record: Record,
    /// The latest claim of this due time, and when it ends.
    held: Option<(LeaseId, Timestamp)>,
}

impl Entry {
    /// When it can be claimed.
    fn due(&self) -> Timestamp {
        match &self.held {
            Some((_, until)) => *until,
            None => self.record.due(),
        }
    }
}

/// The watches of one interleaving.
#[derive(Debug, Default)]
pub(super) struct Model {
    entries: BTreeMap<MessageId, Entry>,
}

impl Model {
    /// How the watch is now.
    pub(super) fn record(&self, id: &MessageId) -> Option<&Record> {
        self.entries.get(id).map(|entry| &entry.record)
    }

    /// Takes note of a claim.
    ///
    /// # Errors
    ///
    /// The claim should not have come out so.
    pub(super) fn claim(
        &mut self,
        limit: u32,
        lease: Duration,
        claimed: &ClaimedWatches,
    ) -> Result<(), String> {
        let now = claimed.now;
        if claimed.lease.is_none() != claimed.watches.is_empty() {
            return Err(format!("{:?} for {:?}", claimed.lease, claimed.watches));
        }
        for (id, record) in &claimed.watches {
            let entry = self.entries.get(id);
            let entry = entry.ok_or_else(|| format!("{id} is not watched"))?;
            if entry.record != *record {
                return Err(format!("{id} is not {record:?} but {:?}", entry.record));
            }
            if entry.due() > now {
                return Err(format!("{id} was claimed at {now} and is {entry:?}"));
            }
        }
        let is_claimed = |id: &MessageId| claimed.watches.iter().any(|(other, _)| other == id);
        let is_full = claimed.watches.len() == usize::try_from(limit).unwrap_or(usize::MAX);
        // A store may leave some for the next claim, and then says that there are more.
        let is_all = !is_full && claimed.next_due.is_none_or(|due| due > now);
        let left = self.entries.iter().filter(|(id, _)| !is_claimed(id));
        if let Some((id, entry)) = left.clone().find(|(_, entry)| is_all && entry.due() <= now) {
            return Err(format!("{id} was due at {now} and not claimed: {entry:?}"));
        }
        for (id, _) in &claimed.watches {
            if let (Some(entry), Some(lease_id)) = (self.entries.get_mut(id), &claimed.lease) {
                entry.held = Some((lease_id.clone(), now + lease));
            }
        }
        // What is due at this moment may have been given back since it was due first.
        let earliest = self
            .entries
            .values()
            .map(|entry| entry.due().max(now))
            .min();
        if earliest.is_some_and(|due| claimed.next_due.is_none_or(|said| said > due)) {
            let said = claimed.next_due;
            return Err(format!("{earliest:?} is due next, and {said:?} was said"));
        }
        Ok(())
    }

    /// Takes note of what became of a change to one watch.
    ///
    /// # Errors
    ///
    /// Something else should have become of it.
    pub(super) fn commit(
        &mut self,
        item: &CommitItem,
        outcome: &CommitOutcome,
    ) -> Result<(), String> {
        let id = &item.message_id;
        let current = self.record(id).cloned();
        let expected = match current == item.expected {
            true => CommitOutcome::Done,
            false => CommitOutcome::Conflict(current.clone()),
        };
        if *outcome != expected {
            return Err(format!("{id} came to {outcome:?}, not {expected:?}"));
        }
        if expected != CommitOutcome::Done {
            return Ok(());
        }
        let Some(record) = item.record.clone() else {
            self.entries.remove(id);
            return Ok(());
        };
        let entry = self.entries.entry(id.clone()).or_insert_with(|| Entry {
            record: record.clone(),
            held: None,
        });
        if entry.record.due() != record.due() {
            entry.held = None;
        }
        entry.record = record;
        Ok(())
    }

    /// Takes note that a lease was given back: what it still held is due at once.
    pub(super) fn release(&mut self, lease: &LeaseId) {
        for entry in self.entries.values_mut() {
            if matches!(&entry.held, Some((held, _)) if held == lease) {
                entry.held = None;
            }
        }
    }

    /// When the last of the leases that end before `horizon` has ended.
    pub(super) fn last_end_before(&self, horizon: Timestamp) -> Option<Timestamp> {
        let ends = self
            .entries
            .values()
            .filter_map(|entry| entry.held.as_ref());
        let ends = ends.map(|(_, until)| *until);
        ends.filter(|end| *end < horizon).max()
    }
}
