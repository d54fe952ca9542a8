//! Puts events into the groups that their rules gather them in, and counts them in rates, before the cursor moves
//! past their entries.
//!
//! A record remembers how far it has taken each log, so that a step which is repeated puts nothing in twice.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::future::try_join_all;
use smswatch_model::Timestamp;

use crate::context::Context;
use crate::form::beside;
use crate::group::{self, Fold, Group};
use crate::inbox::due_times::DueTimes;
use crate::metrics::Metrics;
use crate::rate::{self, Counting, Rate};
use crate::store::{
    KeptRecord, MAX_STEP_BYTES, NewRecord, RecordChange, RecordCommit, RecordId, RecordKind, Shard,
    StoreError, shard_of, split,
};
use crate::taken::Source;

/// How many groups are read at once.
const AT_ONCE: usize = 32;

/// A record that takes something from log entries, with its due time: a group or a rate.
pub(super) trait Takes: Clone {
    const KIND: RecordKind;
    /// What one log entry adds to it.
    type News;

    /// The record that takes `news`.
    fn id(news: &Self::News) -> RecordId;

    /// The record as it is stored; `None` if this version cannot read it.
    fn read(record: &KeptRecord, now: Timestamp) -> Option<Self>;

    /// The record with all of `news`, at least one, in their order; and the numbers of those whose entries it had
    /// not taken before.
    fn with(
        before: Option<Self>,
        news: &[&Self::News],
        source: &Source,
        now: Timestamp,
    ) -> (Self, Vec<usize>);

    /// What is stored of it.
    fn record(&self) -> NewRecord;

    /// Counts what was added to it.
    fn count(metrics: &Metrics, before: Option<&Self>, after: &Self, news: &[&Self::News]);
}

impl Takes for group::Due {
    const KIND: RecordKind = group::KIND;
    type News = Fold;

    fn id(news: &Fold) -> RecordId {
        news.group_id()
    }

    fn read(record: &KeptRecord, now: Timestamp) -> Option<Self> {
        let at = record.due.unwrap_or(now);
        Group::decode(record).map(|group| Self { group, at })
    }

    fn with(
        before: Option<Self>,
        news: &[&Fold],
        source: &Source,
        now: Timestamp,
    ) -> (Self, Vec<usize>) {
        let (mut due, mut taken) = (before, Vec::new());
        for (number, fold) in news.iter().enumerate() {
            let has_taken = |due: &Self| due.group.has_taken(source, &fold.position);
            if !due.as_ref().is_some_and(has_taken) {
                taken.push(number);
                due = group::fold(due, fold, source, now);
            }
        }
        (due.expect("a group has what was put into it"), taken)
    }

    fn record(&self) -> NewRecord {
        self.into()
    }

    fn count(metrics: &Metrics, before: Option<&Self>, after: &Self, news: &[&Fold]) {
        let omitted_before = before.map_or(0, |due| due.group.omitted());
        let n_taken = news.iter().map(|fold| fold.events.len()).sum::<usize>();
        let n_taken = u64::try_from(n_taken).unwrap_or(u64::MAX);
        metrics.events_grouped.inc_by(n_taken);
        let omitted = after.group.omitted().saturating_sub(omitted_before);
        metrics.events_omitted.inc_by(omitted);
    }
}

impl Takes for rate::Due {
    const KIND: RecordKind = rate::KIND;
    type News = Counting;

    fn id(news: &Counting) -> RecordId {
        news.rate_id()
    }

    fn read(record: &KeptRecord, now: Timestamp) -> Option<Self> {
        let at = record.due.unwrap_or(now);
        Rate::decode(record).map(|rate| Self { rate, at })
    }

    fn with(
        before: Option<Self>,
        news: &[&Counting],
        source: &Source,
        now: Timestamp,
    ) -> (Self, Vec<usize>) {
        rate::count_all(before, news, source, now)
    }

    fn record(&self) -> NewRecord {
        self.into()
    }

    fn count(metrics: &Metrics, _: Option<&Self>, _: &Self, news: &[&Counting]) {
        let n_taken = news
            .iter()
            .map(|counting| counting.events.len())
            .sum::<usize>();
        let n_taken = u64::try_from(n_taken).unwrap_or(u64::MAX);
        metrics.events_measured.inc_by(n_taken);
    }
}

/// Where something is put: the record, and what it is afterwards, which all that went into it share.
pub(super) type Folded<K> = (RecordId, Arc<K>);

/// What goes into one record, by its numbers, in order.
struct Wanted {
    id: RecordId,
    /// Whether a later version has the record's own name.
    is_other: bool,
    folds: Vec<usize>,
}

/// Puts all of `folds` into their groups, those of one shard together and shards side by side; returns where each
/// of them went, in their order.
///
/// # Errors
///
/// The store is not there. What was put in until then is not put in again.
pub(super) async fn all<K: Takes>(
    context: &Context,
    due: &DueTimes,
    source: &Source,
    folds: &[K::News],
    now: Timestamp,
) -> Result<Vec<Folded<K>>, StoreError> {
    let mut shards: BTreeMap<Shard, Vec<Wanted>> = BTreeMap::new();
    for (number, fold) in folds.iter().enumerate() {
        let id = K::id(fold);
        let shard = shard_of(id.as_str(), context.store.shard_count());
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
    let step = Step {
        context,
        due,
        source,
        now,
    };
    let of_shards = shards.into_iter();
    let of_shards = of_shards.map(|(shard, wanted)| of_shard::<K>(&step, shard, folds, wanted));
    let found: Vec<HashMap<usize, Folded<K>>> = try_join_all(of_shards).await?;
    let mut found: HashMap<usize, Folded<K>> = found.into_iter().flatten().collect();
    let numbers = 0..folds.len();
    let folded = numbers.map(|number| found.remove(&number).expect("each fold has one group"));
    Ok(folded.collect())
}

/// What all of a call shares.
struct Step<'a> {
    context: &'a Context,
    /// Notified of when the records are due.
    due: &'a DueTimes,
    source: &'a Source,
    now: Timestamp,
}

/// Puts folds into the groups of one shard, and repeats it for groups that another process changed meanwhile.
async fn of_shard<K: Takes>(
    call: &Step<'_>,
    shard: Shard,
    folds: &[K::News],
    mut wanted: Vec<Wanted>,
) -> Result<HashMap<usize, Folded<K>>, StoreError> {
    let mut found = HashMap::new();
    while !wanted.is_empty() {
        let rest = wanted.split_off(wanted.len().min(AT_ONCE));
        let mut again = step::<K>(call, shard, folds, wanted, &mut found).await?;
        again.extend(rest);
        wanted = again;
    }
    Ok(found)
}

/// A group as a step changes it.
struct Changed<K> {
    wanted: Wanted,
    commit: Option<RecordCommit>,
    before: Option<K>,
    after: K,
    /// The numbers of those that it had not taken before.
    taken: Vec<usize>,
}

/// Puts folds into their groups; returns those groups that another process changed meanwhile.
async fn step<K: Takes>(
    call: &Step<'_>,
    shard: Shard,
    folds: &[K::News],
    wanted: Vec<Wanted>,
    found: &mut HashMap<usize, Folded<K>>,
) -> Result<Vec<Wanted>, StoreError> {
    let context = call.context;
    let ids: Vec<RecordId> = wanted.iter().map(|wanted| wanted.id.clone()).collect();
    let load = context.store.load_records(shard, K::KIND, &ids);
    let records = context.call("load_records", load).await?;
    let (mut again, mut changed) = (Vec::new(), Vec::new());
    for (mut wanted, record) in wanted.into_iter().zip(records) {
        let version = record.as_ref().map(|record| record.version);
        let before = match &record {
            None => None,
            Some(record) => match K::read(record, call.now) {
                Some(known) => Some(known),
                None => {
                    // This version keeps one of its own beside it, unless that is damaged, too.
                    context.metrics.unreadable.inc();
                    if wanted.is_other {
                        None
                    } else {
                        wanted.id = beside(&wanted.id);
                        wanted.is_other = true;
                        again.push(wanted);
                        continue;
                    }
                }
            },
        };
        changed.push(change::<K>(call, wanted, version, before, folds));
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
        if changed.commit.is_some() {
            let taken: Vec<&K::News> = changed.taken.iter().map(|number| &folds[*number]).collect();
            K::count(
                &context.metrics,
                changed.before.as_ref(),
                &changed.after,
                &taken,
            );
        }
        if let Some(due) = changed.commit.and_then(|commit| commit.change.record?.due) {
            call.due.hint(usize::from(shard.0), due);
        }
        let folded = (changed.wanted.id, Arc::new(changed.after));
        let folds = changed.wanted.folds.into_iter();
        found.extend(folds.map(|number| (number, folded.clone())));
    }
    Ok(again)
}

/// A record after all that goes into it.
fn change<K: Takes>(
    call: &Step<'_>,
    wanted: Wanted,
    version: Option<u64>,
    before: Option<K>,
    folds: &[K::News],
) -> Changed<K> {
    let news: Vec<&K::News> = wanted.folds.iter().map(|number| &folds[*number]).collect();
    let (after, taken) = K::with(before.clone(), &news, call.source, call.now);
    let taken: Vec<usize> = taken
        .into_iter()
        .map(|number| wanted.folds[number])
        .collect();
    let commit = (!taken.is_empty()).then(|| {
        let change = RecordChange {
            kind: K::KIND,
            id: wanted.id.clone(),
            expected: version,
            record: Some(after.record()),
        };
        RecordCommit::from(change)
    });
    Changed {
        wanted,
        commit,
        before,
        after,
        taken,
    }
}
