//! Tells groups that are due, and judges rates that are. Of a group it makes one notification of what it holds,
//! and queues it in the step that changes the group; that an alert fires, or no longer does, goes to the log in
//! the step that changes the rate. Any process claims a record that is due; nothing is done while none is.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::{AlertState, Notification, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::budget::GROUP_LEASE;
use crate::context::Context;
use crate::event::alert_event;
use crate::group::{self, Decision, Group, decide};
use crate::inbox::due_times::DueTimes;
use crate::inbox::{GroupInbox, LogInbox, Queues};
use crate::leased::Leased;
use crate::notification;
use crate::panics::without_panic;
use crate::rate::{self, Rate};
use crate::rules::{Rules, Throttled, Words};
use crate::silences::{Holds, Silences};
use crate::store::{
    Attempt, ClaimedRecords, KeptRecord, MAX_STEP_BYTES, NewDelivery, NewEntry, NewRecord,
    RecordChange, RecordCommit, RecordKind, Shard, StoreError, split,
};
use crate::throttles::{TRIES, Throttles};
use crate::traffic::Traffic;

/// How many groups are claimed at once.
const AT_ONCE: u32 = 16;

/// What telling groups touches.
#[derive(Debug)]
pub(crate) struct Gather {
    pub(crate) context: Arc<Context>,
    pub(crate) rules: Arc<dyn Rules>,
    pub(crate) inbox: Arc<GroupInbox>,
    pub(crate) rates: Arc<GroupInbox>,
    pub(crate) log: Arc<LogInbox>,
    /// What failures are compared with.
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) queues: Queues,
    pub(crate) silences: Arc<Silences>,
}

/// Tells groups until it is told to stop, each shard by itself.
pub(crate) async fn run(stage: Arc<Gather>, stop: CancellationToken) {
    let shards = || stage.context.shards();
    let groups = shards().map(|shard| tell_of_shard(&stage, group::KIND, shard, &stop));
    let rates = shards().map(|shard| tell_of_shard(&stage, rate::KIND, shard, &stop));
    futures::join!(join_all(groups), join_all(rates));
}

impl Gather {
    /// When records of this kind are due.
    fn due(&self, kind: RecordKind) -> &DueTimes {
        if kind == rate::KIND {
            &self.rates.due
        } else {
            &self.inbox.due
        }
    }
}

async fn tell_of_shard(stage: &Gather, kind: RecordKind, shard: Shard, stop: &CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let queue = usize::from(shard.0);
    let (due, clock) = (stage.due(kind), &stage.context.clock);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = due.wait_in(queue, clock) => {}
        }
        if !due.take(queue, clock.now()) {
            continue;
        }
        match tell_due(stage, kind, shard, stop).await {
            Ok(()) => backoff.succeed(),
            Err(_) => due.hint(queue, clock.now() + backoff.fail()),
        }
    }
}

/// Tells what is due in a shard, up to a bounded number of groups. What cannot be told because the store is away for a moment
/// is told as soon as it is back: nobody else may before the lease ends.
async fn tell_due(
    stage: &Gather,
    kind: RecordKind,
    shard: Shard,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let context = &stage.context;
    let mut leased = Leased::begin(GROUP_LEASE);
    let claim = context
        .store
        .claim_records(shard, kind, AT_ONCE, GROUP_LEASE);
    let claimed = context.call("claim_records", claim).await?;
    if let Some(next) = claimed.next_due {
        stage.due(kind).hint(usize::from(shard.0), next);
    }
    while let Err(error) = tell(stage, kind, shard, &claimed).await {
        leased.pause(error, stop).await?;
    }
    Ok(())
}

/// Tells what was claimed in a shard. What was told already by a step whose answer got lost is not told again.
async fn tell(
    stage: &Gather,
    kind: RecordKind,
    shard: Shard,
    claimed: &ClaimedRecords,
) -> Result<(), StoreError> {
    let context = &stage.context;
    let holds = stage.silences.holds(context).await;
    // What is not due was given early by a store that lost the rest of a step: its lease ends by itself.
    let is_due = |record: &&KeptRecord| record.due.is_some_and(|due| due <= claimed.now);
    let due: Vec<(&KeptRecord, Held)> = claimed
        .records
        .iter()
        .filter(is_due)
        .filter_map(|record| Some((record, Held::decode(stage, kind, record)?)))
        .collect();
    let throttled = due.iter().filter_map(|(_, held)| held.throttled());
    let mut throttles = Throttles::wanting(throttled);
    let mut commits = Vec::new();
    for attempt in 1.. {
        throttles.read(context).await?;
        let decided = due.iter();
        let decided = decided.map(|(record, held)| {
            commit(
                stage,
                kind,
                record,
                held,
                &holds,
                &mut throttles,
                claimed.now,
            )
        });
        commits = decided.collect();
        if throttles.write(context, claimed.now).await? {
            break;
        }
        if attempt == TRIES {
            let why = "others change the throttles all the time".to_owned();
            return Err(StoreError::Unavailable(why));
        }
    }
    for commits in split(commits, RecordCommit::bytes, MAX_STEP_BYTES) {
        let commit = context.store.commit_records(shard, &commits);
        let committed = context.call("commit_records", commit).await?;
        for (commit, is_done) in commits.iter().zip(committed.done) {
            // Another event came into the group meanwhile: it is claimed again at once.
            if !is_done {
                stage.due(kind).hint_now(usize::from(shard.0));
                continue;
            }
            stage
                .queues
                .queued(shard, &commit.deliveries, &context.metrics);
            stage.silences.held_back(&commit.deliveries);
            if !commit.entries.is_empty() {
                told(stage, shard, commit);
            }
            let record = commit.change.record.as_ref();
            if let Some(due) = record.and_then(|record| record.due) {
                stage.due(kind).hint(usize::from(shard.0), due);
            }
        }
    }
    Ok(())
}

/// What a record holds.
enum Held {
    Rate(Box<Rate>),
    Group(Box<Group>),
}

impl Held {
    /// `None` if a later version wrote it, which can read it.
    fn decode(stage: &Gather, kind: RecordKind, record: &KeptRecord) -> Option<Self> {
        let held = if kind == rate::KIND {
            Rate::decode(record).map(Box::new).map(Self::Rate)
        } else {
            Group::decode(record).map(Box::new).map(Self::Group)
        };
        if held.is_none() {
            stage.context.metrics.unreadable.inc();
        }
        held
    }

    fn throttled(&self) -> Option<Throttled> {
        match self {
            Self::Rate(_) => None,
            Self::Group(group) => group.throttled(),
        }
    }
}

/// What becomes of a record that is due.
fn commit(
    stage: &Gather,
    kind: RecordKind,
    record: &KeptRecord,
    held: &Held,
    holds: &Holds,
    throttles: &mut Throttles,
    now: Timestamp,
) -> RecordCommit {
    let change = |after: Option<NewRecord>| RecordChange {
        kind,
        id: record.id.clone(),
        expected: Some(record.version),
        record: after,
    };
    match held {
        Held::Rate(rate) => {
            let mut rate = (**rate).clone();
            rate.follow(stage.rules.rate_settings(&rate.rule));
            let (rule, provider) = (rate.rule.clone(), stage.context.provider);
            let mut decision = rate::decide(rate, now);
            if let (Some(alert), Some(after)) = (&mut decision.alert, &decision.after)
                && alert.state == AlertState::Firing
            {
                let failures = after.rate.failures();
                alert.common = stage.traffic.of_failures(&failures, &alert.by);
            }
            let event = decision.alert.map(|alert| {
                let (subject, repeated) = (record.id.as_str(), decision.repeated);
                alert_event(&rule, subject, alert, repeated, provider, now)
            });
            RecordCommit {
                entries: event
                    .iter()
                    .map(|event| NewEntry::of(std::slice::from_ref(event)))
                    .collect(),
                ..change(decision.after.as_ref().map(NewRecord::from)).into()
            }
        }
        Held::Group(group) => match decide((**group).clone(), now) {
            Decision::Tell(group, next) => RecordCommit {
                deliveries: deliveries(stage, record, &group, holds, throttles, now),
                ..change(Some(NewRecord::from(&next))).into()
            },
            Decision::Rest(next) => change(Some(NewRecord::from(&next))).into(),
            Decision::Remove => change(None).into(),
        },
    }
}

/// Counts events that were appended to a shard's log, and has them routed.
fn told(stage: &Gather, shard: Shard, commit: &RecordCommit) {
    for kind in commit.entries.iter().flat_map(|entry| &entry.kinds) {
        stage.context.metrics.count_event(*kind);
    }
    stage.log.hint_now(shard);
}

/// The deliveries of what a group holds, in the words of its rule.
fn deliveries(
    stage: &Gather,
    record: &KeptRecord,
    group: &Group,
    holds: &Holds,
    throttles: &mut Throttles,
    now: Timestamp,
) -> Vec<NewDelivery> {
    let mut parted = notification::of_group_parted(&record.id, group, holds, now);
    // What the throttle holds back here goes to no other rule: those were tried when the events came.
    if let Some((_, reason @ None)) = parted.first_mut() {
        *reason = throttles.refuses_group(&record.id, group, now);
    }
    let deliveries = parted.into_iter().map(|(made, reason)| NewDelivery {
        suppressed: reason.map(|reason| Attempt::suppressed(now, &reason)),
        ..delivery(stage, group, made)
    });
    let mut deliveries: Vec<NewDelivery> = deliveries.collect();
    if let Some(first) = deliveries.first_mut() {
        first.message_ids.clone_from(&group.messages);
    }
    deliveries
}

/// The delivery of a notification of a group, in the words of its rule.
fn delivery(stage: &Gather, group: &Group, made: Notification) -> NewDelivery {
    let made = Notification {
        common: stage.traffic.in_common(&made.events, &made.group),
        ..made
    };
    let words = without_panic(|| stage.rules.words(&made, &group.sink)).unwrap_or_else(|error| {
        tracing::error!(rule = group.rule, error, "a group is told without words");
        Words {
            title: format!("{}: {} events", group.rule, made.events.len()),
            text: "The words of this rule cannot be made. Check its template.".to_owned(),
            ..Words::default()
        }
    });
    notification::delivery(&group.sink, &notification::worded(made, words))
}
