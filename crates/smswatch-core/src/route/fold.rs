//! Puts events into the groups that their rules gather them in, before the cursor moves past their entries.
//!
//! A group remembers how far it has taken each log, so that a step which is repeated puts nothing in twice.

use std::collections::{BTreeMap, HashMap};

use futures::future::try_join_all;
use smswatch_model::{DeliveryId, Timestamp};

use super::Route;
use crate::group::{Due, Fold, Group, KIND, Source, fold};
use crate::store::{
    MAX_STEP_BYTES, NewRecord, RecordChange, RecordCommit, RecordId, Shard, StoreError, shard_of,
    split,
};

/// How many groups are read at once.
const AT_ONCE: usize = 32;

/// The group that a fold went into, and the delivery with which that tells of it.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    pub(super) group: RecordId,
    pub(super) delivery: DeliveryId,
}

/// The folds of one group, by their numbers, in order.
struct Wanted {
    id: RecordId,
    /// Whether a later version has the group's own name.
    is_other: bool,
    folds: Vec<usize>,
}

/// Puts all of `folds` into their groups, those of one shard together and shards side by side; returns where each
/// of them went, in their order.
///
/// # Errors
///
/// The store is not there. What was put in until then is not put in again.
pub(super) async fn all(
    stage: &Route,
    source: &Source,
    folds: &[Fold],
    now: Timestamp,
) -> Result<Vec<Folded>, StoreError> {
    let mut shards: BTreeMap<Shard, Vec<Wanted>> = BTreeMap::new();
    for (number, fold) in folds.iter().enumerate() {
        let id = fold.group_id();
        let shard = shard_of(id.as_str(), stage.context.store.shard_count());
        let wanted = shards.entry(shard).or_default();
        match wanted.iter_mut().find(|known| known.id == id) {
            Some(known) => known.folds.push(number),
            None => wanted.push(Wanted {
                id,
                is_other: false,
                folds: vec![number],
            }),
        }
    }
    let of_shards = shards.into_iter();
    let of_shards =
        of_shards.map(|(shard, wanted)| of_shard(stage, shard, source, folds, wanted, now));
    let found: Vec<HashMap<usize, Folded>> = try_join_all(of_shards).await?;
    let mut found: HashMap<usize, Folded> = found.into_iter().flatten().collect();
    let numbers = 0..folds.len();
    let folded = numbers.map(|number| found.remove(&number).expect("each fold has one group"));
    Ok(folded.collect())
}

/// Puts folds into the groups of one shard, again and again where somebody else changed one meanwhile.
async fn of_shard(
    stage: &Route,
    shard: Shard,
    source: &Source,
    folds: &[Fold],
    mut wanted: Vec<Wanted>,
    now: Timestamp,
) -> Result<HashMap<usize, Folded>, StoreError> {
    let mut found = HashMap::new();
    while !wanted.is_empty() {
        let rest = wanted.split_off(wanted.len().min(AT_ONCE));
        let mut again = step(stage, shard, source, folds, wanted, &mut found, now).await?;
        again.extend(rest);
        wanted = again;
    }
    Ok(found)
}

/// A group as a step changes it.
struct Changed {
    wanted: Wanted,
    commit: Option<RecordCommit>,
    due: Option<Timestamp>,
    delivery: DeliveryId,
    n_taken: u64,
    n_omitted: u64,
}

/// Puts folds into their groups; returns those groups that somebody else changed meanwhile.
async fn step(
    stage: &Route,
    shard: Shard,
    source: &Source,
    folds: &[Fold],
    wanted: Vec<Wanted>,
    found: &mut HashMap<usize, Folded>,
    now: Timestamp,
) -> Result<Vec<Wanted>, StoreError> {
    let context = &stage.context;
    let ids: Vec<RecordId> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
    let load = context.store.load_records(shard, KIND, &ids);
    let records = context.call("load_records", load).await?;
    let (mut again, mut changed) = (Vec::new(), Vec::new());
    for (mut wanted, record) in wanted.into_iter().zip(records) {
        let version = record.as_ref().map(|record| record.version);
        let before = match &record {
            None => None,
            Some(record) => match Group::decode(record) {
                Some(group) => Some(Due {
                    group,
                    at: record.due.unwrap_or(now),
                }),
                None => {
                    // This version keeps one of its own beside it, unless that is damaged, too.
                    context.metrics.unreadable.inc();
                    if wanted.is_other {
                        None
                    } else {
                        wanted.id = Group::other_id(&wanted.id);
                        wanted.is_other = true;
                        again.push(wanted);
                        continue;
                    }
                }
            },
        };
        changed.push(change(wanted, version, before, folds, source, now));
    }
    let with_commits = changed.iter().filter_map(|changed| changed.commit.clone());
    let mut done = Vec::new();
    for commits in split(with_commits, RecordCommit::bytes, MAX_STEP_BYTES) {
        let commit = context.store.commit_records(shard, &commits);
        done.extend(context.call("commit_records", commit).await?.done);
    }
    let mut done = done.into_iter();
    for changed in changed {
        let is_done = changed.commit.is_none() || done.next() == Some(true);
        if !is_done {
            again.push(changed.wanted);
            continue;
        }
        let metrics = &context.metrics;
        metrics.events_grouped.inc_by(changed.n_taken);
        metrics.events_omitted.inc_by(changed.n_omitted);
        if let Some(due) = changed.due {
            stage.groups.due.hint(usize::from(shard.0), due);
        }
        let folded = Folded {
            group: changed.wanted.id,
            delivery: changed.delivery,
        };
        let folds = changed.wanted.folds.into_iter();
        found.extend(folds.map(|number| (number, folded.clone())));
    }
    Ok(again)
}

/// A group after all of its folds.
fn change(
    wanted: Wanted,
    version: Option<u64>,
    before: Option<Due>,
    folds: &[Fold],
    source: &Source,
    now: Timestamp,
) -> Changed {
    let omitted_before = before.as_ref().map_or(0, |due| due.group.omitted);
    let (mut after, mut n_taken) = (before, 0);
    for number in &wanted.folds {
        if let Some(taken) = fold(after.clone(), &folds[*number], source, now) {
            n_taken += u64::try_from(folds[*number].events.len()).unwrap_or(u64::MAX);
            after = Some(taken);
        }
    }
    let after = after.expect("a group has what was put into it");
    let omitted = after.group.omitted.saturating_sub(omitted_before);
    let commit = (n_taken > 0).then(|| {
        let change = RecordChange {
            kind: KIND,
            id: wanted.id.clone(),
            expected: version,
            record: Some(NewRecord::from(&after)),
        };
        RecordCommit::from(change)
    });
    Changed {
        delivery: after.group.delivery_id(&wanted.id),
        due: commit.as_ref().map(|_| after.at),
        commit,
        wanted,
        n_taken,
        n_omitted: omitted,
    }
}
