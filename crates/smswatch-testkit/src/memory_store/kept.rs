//! Records of other kinds than watches: versions, due times, leases.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use smswatch_model::Timestamp;
use smswatch_plugin::store::{
    ClaimedRecords, InvalidCursor, KeptRecord, Page, PageRequest, RecordChange, RecordCommit,
    RecordId, RecordKind, RecordsCommitted, StoreError,
};

use super::{Contained, next};

/// The records of one shard.
#[derive(Debug, Default)]
pub(super) struct Kept {
    all: BTreeMap<(RecordKind, RecordId), Held>,
    /// Of each kind those that can be claimed at some time, in that order.
    due: BTreeMap<RecordKind, BTreeSet<(Timestamp, RecordId)>>,
}

#[derive(Debug)]
struct Held {
    record: KeptRecord,
    /// When it can be claimed: its due time, or the end of the lease that holds it.
    at: Option<Timestamp>,
}

impl Kept {
    pub(super) fn load(&self, kind: RecordKind, ids: &[RecordId]) -> Vec<Option<KeptRecord>> {
        let held = ids.iter().map(|id| self.all.get(&(kind, id.clone())));
        held.map(|held| held.map(|held| held.record.clone()))
            .collect()
    }

    /// The records of a kind that can be claimed at some time, in that order.
    fn due(&self, kind: RecordKind) -> impl Iterator<Item = &(Timestamp, RecordId)> {
        self.due.get(&kind).into_iter().flatten()
    }

    /// Changes when a record can be claimed.
    fn set(&mut self, kind: RecordKind, id: &RecordId, at: Option<Timestamp>) {
        let Some(held) = self.all.get_mut(&(kind, id.clone())) else {
            return;
        };
        let due = self.due.entry(kind).or_default();
        if let Some(before) = held.at {
            due.remove(&(before, id.clone()));
        }
        held.at = at;
        due.extend(at.map(|at| (at, id.clone())));
    }

    pub(super) fn claim(
        &mut self,
        kind: RecordKind,
        limit: usize,
        lease: Duration,
        now: Timestamp,
    ) -> ClaimedRecords {
        let due = self.due(kind).take_while(|(at, _)| *at <= now);
        let due: Vec<RecordId> = due.take(limit).map(|(_, id)| id.clone()).collect();
        for id in &due {
            self.set(kind, id, Some(now + lease));
        }
        let records = self.load(kind, &due).into_iter().flatten().collect();
        ClaimedRecords {
            records,
            next_due: self.due(kind).next().map(|(at, _)| *at),
            now,
        }
    }

    /// Whether a change would take place.
    fn fits(&self, change: &RecordChange) -> bool {
        let held = self.all.get(&(change.kind, change.id.clone()));
        held.map(|held| held.record.version) == change.expected
    }

    fn write(&mut self, change: &RecordChange, last: &mut i64) {
        self.set(change.kind, &change.id, None);
        let key = (change.kind, change.id.clone());
        let Some(new) = &change.record else {
            self.all.remove(&key);
            return;
        };
        let record = KeptRecord {
            id: change.id.clone(),
            version: u64::try_from(next(last)).unwrap_or_default(),
            due: new.due,
            body: new.body.clone(),
        };
        self.all.insert(key, Held { record, at: None });
        self.set(change.kind, &change.id, new.due);
    }

    /// Makes all changes; does nothing and returns `false` if one does not fit.
    pub(super) fn change_all(&mut self, changes: &[RecordChange], last: &mut i64) -> bool {
        let fit = changes.iter().all(|change| self.fits(change));
        if fit {
            changes.iter().for_each(|change| self.write(change, last));
        }
        fit
    }
}

impl Contained {
    pub(super) fn commit_records(
        &mut self,
        commits: &[RecordCommit],
        last: &mut i64,
        now: Timestamp,
    ) -> RecordsCommitted {
        let mut committed = RecordsCommitted::default();
        for commit in commits {
            let fits = self.kept.fits(&commit.change);
            committed.done.push(fits);
            if !fits {
                continue;
            }
            for entry in &commit.entries {
                self.log.append(entry.about.as_ref(), entry, last, now);
            }
            committed.queued += self.add_all(&commit.deliveries, last, now);
            self.kept.write(&commit.change, last);
        }
        committed
    }
}

/// A page of the records of one kind, in the order of shards and ids.
pub(super) fn page(
    shards: &[Contained],
    kind: RecordKind,
    request: &PageRequest,
) -> Result<Page<KeptRecord>, StoreError> {
    let after = match &request.cursor {
        None => None,
        Some(text) => {
            let (shard, id) = text.split_once(' ').ok_or(InvalidCursor)?;
            let shard: usize = shard.parse().map_err(|_| InvalidCursor)?;
            Some((shard, RecordId::new(id).map_err(|_| InvalidCursor)?))
        }
    };
    let of_shard = |(number, shard): (usize, &Contained)| -> Vec<(usize, KeptRecord)> {
        let of_kind = shard
            .kept
            .all
            .iter()
            .filter(|((other, _), _)| *other == kind);
        of_kind
            .map(|(_, held)| (number, held.record.clone()))
            .collect()
    };
    let all = shards.iter().enumerate().flat_map(of_shard);
    let place = |(number, record): &(usize, KeptRecord)| (*number, record.id.clone());
    let mut shown: Vec<_> = all
        .filter(|one| after.as_ref().is_none_or(|after| place(one) > *after))
        .collect();
    let is_last = shown.len() <= request.limit;
    shown.truncate(request.limit);
    let next = shown.last().filter(|_| !is_last);
    Ok(Page {
        next: next.map(|(number, record)| format!("{number} {}", record.id.as_str())),
        items: shown.into_iter().map(|(_, record)| record).collect(),
    })
}
