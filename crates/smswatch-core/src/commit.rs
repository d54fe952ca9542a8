//! Stage two: the one place where watches change. It compares what was seen with what is known, and writes
//! snapshot, events and due time in one step.

mod asked;
mod draft;
mod traced;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use self::draft::{Draft, draft};
use crate::backoff::Backoff;
use crate::context::Context;
use crate::inbox::changes::{Batch, Change, Reason, Reply, Verdict};
use crate::inbox::log_tail::NewEntries;
use crate::inbox::unknown_words::UnknownWords;
use crate::inbox::{LogInbox, PollInbox};
use crate::intake::Intake;
use crate::metrics::{OddityLabel, RecordLabel};
use crate::record::{Record, WatchState};
use crate::rules::Rules;
use crate::store::{
    Appended, CommitItem, CommitOutcome, CommitStep, Committed, LeaseId, MAX_STEP_BYTES, Shard,
    split,
};
use crate::watch::Watch;
use crate::watch::lifecycle::{Answer, SHORTEST_MARK};

/// What the second stage may touch.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) context: Arc<Context>,
    /// What waits to be written about watches, by shard.
    pub(crate) inbox: Arc<Intake>,
    pub(crate) polls: Arc<PollInbox>,
    pub(crate) log: Arc<LogInbox>,
    /// They say when a message is stuck.
    pub(crate) rules: Arc<dyn Rules>,
    /// Where status words that the provider does not document go.
    pub(crate) unknown: Arc<UnknownWords>,
}

/// Writes what the first stage found and what others ask for, until there is no more; waits while the store
/// is away. Each shard is written by itself, so that one whose steps fail holds up no other.
pub(crate) async fn run(stage: Arc<Commit>, changes: mpsc::Receiver<Change>) {
    let stage = &*stage;
    let write = |shard, items| commit(stage, shard, items);
    let shard_of = |change: &Change| change.shard;
    stage.inbox.run(changes, shard_of, write).await;
}

async fn commit(stage: &Commit, shard: Shard, mut items: Vec<Change>) {
    while !items.is_empty() {
        let began = Instant::now();
        // Who has stopped waiting was told that it failed.
        items.retain(|item| !item.is_abandoned());
        let (mut now, later) = set_doubles_aside(items);
        items = later;
        // If another process has changed one of them, the store keeps the lease. It runs out, and gives back
        // only watches that still have the claimed due time.
        let done: Vec<_> = now.iter_mut().filter_map(last_of_its_batch).collect();
        let finished: Vec<_> = done
            .iter()
            .filter(|batch| !batch.runs_out())
            .map(|batch| batch.lease.clone())
            .collect();
        let drafts = now.into_iter().filter_map(|item| draft(stage, item));
        let drafts = drafts.filter_map(|draft| draft.with_something_to_say(stage));
        let with_items = drafts.map(|draft| (draft.item(), draft));
        let mut steps = split(with_items, |(item, _)| item.bytes(), MAX_STEP_BYTES);
        if steps.is_empty() && !finished.is_empty() {
            // Leases may end although there is nothing to write.
            steps.push(Vec::new());
        }
        let (mut is_as_expected, n_steps) = (true, steps.len());
        for (n, step) in steps.into_iter().enumerate() {
            let ends_leases = is_as_expected && n + 1 == n_steps;
            let leases = if ends_leases { &finished[..] } else { &[] };
            is_as_expected &= commit_step(stage, shard, step, leases, &mut items, began).await;
        }
        for batch in done {
            stage
                .polls
                .leases
                .remove(shard, std::slice::from_ref(&batch.lease));
        }
    }
}

/// Writes one step, and adds to `items` what is left to do. Returns whether all watches were as expected.
async fn commit_step(
    stage: &Commit,
    shard: Shard,
    step: Vec<(CommitItem, Draft)>,
    finished: &[LeaseId],
    items: &mut Vec<Change>,
    began: Instant,
) -> bool {
    let (changes, mut drafts): (Vec<_>, Vec<_>) = step.into_iter().unzip();
    let mut step = CommitStep {
        items: changes,
        finished: finished.to_vec(),
    };
    let Some(committed) = write(stage, shard, &mut step, &mut drafts).await else {
        return false;
    };
    stage.log.backlog.set(shard, committed.unrouted);
    let (mut told, mut is_as_expected) = (Vec::new(), true);
    for (mut draft, outcome) in drafts.into_iter().zip(committed.outcomes) {
        is_as_expected &= outcome == CommitOutcome::Done;
        match outcome {
            CommitOutcome::Done => {
                done(stage, &draft, began);
                draft.answer();
                told.extend(Some(draft.events).filter(|events| !events.is_empty()));
            }
            // An earlier try of this very step took place although it seemed to fail.
            CommitOutcome::Conflict(current) if current == draft.after => {
                done(stage, &draft, began);
                draft.answer();
                stage.log.hint_now(shard);
            }
            CommitOutcome::Conflict(None) => items.extend(restored(stage, draft.change)),
            CommitOutcome::Conflict(Some(current)) => {
                items.extend(again(stage, draft.change, current));
            }
            CommitOutcome::Unreadable => unreadable(stage, &draft.change),
        }
    }
    if let Some(Appended { after, positions }) = committed.appended {
        let entries = positions.into_iter().zip(told).collect();
        let fresh = NewEntries {
            shard,
            after,
            entries,
        };
        stage.log.appended(fresh);
    }
    is_as_expected
}

/// The claim of which this watch is the last one.
fn last_of_its_batch(item: &mut Change) -> Option<Arc<Batch>> {
    let Reason::Due(due) = &mut item.reason else {
        return None;
    };
    let is_counted = std::mem::replace(&mut due.is_counted, true);
    let batch = due.batch.as_ref().filter(|_| !is_counted)?;
    batch.finish_one().then(|| Arc::clone(batch))
}

/// A step names each watch once; a watch whose lease ran out may have come twice.
fn set_doubles_aside(items: Vec<Change>) -> (Vec<Change>, Vec<Change>) {
    let mut seen = HashSet::with_capacity(items.len());
    let is_first: Vec<bool> = items
        .iter()
        .map(|item| seen.insert(&item.message_id))
        .collect();
    if !is_first.contains(&false) {
        return (items, Vec::new());
    }
    let mut is_first = is_first.into_iter();
    items
        .into_iter()
        .partition(|_| is_first.next().unwrap_or_default())
}

/// Writes a step, again and again while the store is away: nothing observed may be lost. Nothing more is
/// claimed from the shard meanwhile. Those who wait for an answer have it at once: what they asked for is left
/// out then. Returns `None` if nothing else was to be written.
async fn write(
    stage: &Commit,
    shard: Shard,
    step: &mut CommitStep,
    drafts: &mut Vec<Draft>,
) -> Option<Committed> {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        let commit = stage.context.store.commit(shard, step);
        match stage.context.call("commit", commit).await {
            Ok(committed) => {
                if stage.inbox.succeeded(shard) {
                    stage.polls.hint_now(shard);
                }
                return Some(committed);
            }
            Err(error) => {
                tracing::debug!(%error, "a commit is repeated");
                draft::refuse(step, drafts, &error);
                if step.items.is_empty() && step.finished.is_empty() {
                    return None;
                }
                stage.inbox.failed(shard);
                tokio::time::sleep(backoff.fail()).await;
            }
        }
    }
}

fn done(stage: &Commit, draft: &Draft, began: Instant) {
    let shard = usize::from(draft.change.shard.0);
    let polls = stage.polls.due(draft.priority);
    let is_asked = matches!(draft.change.reason, Reason::Asked(..));
    match &draft.after {
        // The process that was asked for a poll does it itself.
        Some(record) if is_asked && record.due() <= stage.context.clock.now() => {
            polls.hint_now(shard);
        }
        Some(record) => polls.hint(shard, record.due()),
        None => {
            let label = RecordLabel { kind: "watch" };
            stage.context.metrics.trimmed.get_or_create(&label).inc();
        }
    }
    stage.context.arrivals.found(&draft.events);
    traced::committed(&stage.context, draft, began.elapsed());
    count(stage, draft);
}

/// Counts what an observation said, and its events.
fn count(stage: &Commit, draft: &Draft) {
    if let Some(labels) = &draft.observation {
        stage
            .context
            .metrics
            .observations
            .get_or_create(labels)
            .inc();
    }
    if draft.clamped > 0 {
        stage
            .context
            .metrics
            .clamped_dates
            .inc_by(u64::from(draft.clamped));
    }
    if draft.left_out > 0 {
        let label = OddityLabel { what: "part" };
        let counter = stage.context.metrics.oddities.get_or_create(&label);
        counter.inc_by(u64::from(draft.left_out));
    }
    if draft.has_missing_parts {
        stage.context.metrics.parts_missing.inc();
    }
    for event in &draft.events {
        stage.context.metrics.count_event(event.kind);
    }
}

/// What is left to do for a watch of which the store knows nothing any more: a failover lost it, since
/// what was removed leaves a mark. It was promised to be watched, so it is written again; unless it was
/// claimed long enough ago that the mark may have gone meanwhile.
fn restored(stage: &Commit, change: Change) -> Option<Change> {
    let Reason::Due(due) = &change.reason else {
        return Some(Change {
            record: None,
            watch: None,
            ..change
        });
    };
    let is_wanted = !matches!(due.verdict, Verdict::Expired | Verdict::Retired);
    if !is_wanted || due.claimed_at.elapsed() >= SHORTEST_MARK {
        return None;
    }
    tracing::warn!(message.id = %change.message_id, "the store has lost a watch; it is written again");
    stage.context.metrics.watches_restored.inc();
    Some(Change {
        record: None,
        ..change
    })
}

/// What is left to do for a watch that another process has changed meanwhile.
fn again(stage: &Commit, change: Change, current: Record) -> Option<Change> {
    let Ok(watch) = Watch::decode(&current) else {
        unreadable(stage, &change);
        return None;
    };
    if let Reason::Due(due) = &change.reason {
        let is_mine = current.due() == due.claimed_due;
        match due.verdict {
            _ if watch.state == WatchState::Removed => return None,
            // The process that moved the due time did this poll's work. Only changes still count.
            Verdict::Answered(Answer::Seen(_), _) => {}
            _ if is_mine => {}
            _ => return None,
        }
    }
    Some(Change {
        watch: Some(watch),
        record: Some(current),
        ..change
    })
}

/// A later version has changed the watch into a form that this one cannot read, and takes care of it. If it kept the due
/// time, the watch still stands under the lease of the claim.
fn unreadable(stage: &Commit, change: &Change) {
    tracing::error!(message.id = %change.message_id, "the record of a watch cannot be read");
    if let Reason::Due(due) = &change.reason {
        stage.context.metrics.unreadable.inc();
        due.batch.iter().for_each(|batch| batch.leave_one());
    }
    change.reply(Reply::Unreadable(change.message_id.clone()));
}
