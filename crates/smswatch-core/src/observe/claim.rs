//! Claims watches that are due, young ones first, no more than can be polled soon.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use smswatch_model::{MessageId, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Observe;
use super::cooldown::Cooldown;
use super::expected::Expected;
use super::prefetch::Prefetch;
use super::under_way::UnderWay;
use super::{Claimed, Queue, WaitingPoll};
use crate::budget::POLL_LEASE;
use crate::inbox::changes::{Batch, Change, Verdict};
use crate::limiter::Limiter;
use crate::store::{ClaimedWatches, CommitStep, LeaseId, Shard, StoreError, WatchPriority};
use crate::watch::Watch;
use crate::watch::lifecycle::{Lifecycle, Task};

/// How often it is said that polls wait for the log to be routed.
const REMINDER: Duration = Duration::from_secs(1);

/// A claim of fewer watches than this is not worth a round trip when there are more to be had.
const WORTHWHILE: usize = 64;

/// Claims for one process.
pub(super) struct Claimer<'a> {
    pub(super) stage: Arc<Observe>,
    pub(super) cooldown: Arc<Cooldown>,
    pub(super) prefetch: Arc<Prefetch>,
    pub(super) limiter: &'a Limiter,
    pub(super) waiting: mpsc::UnboundedSender<WaitingPoll>,
    pub(super) commits: mpsc::Sender<Change>,
    /// Where the next round begins, so that no shard goes short.
    pub(super) next_shard: u16,
    /// The claims that are under way.
    pub(super) under_way: UnderWay,
    /// What should be due by now.
    pub(super) expected: Expected,
}

impl Claimer<'_> {
    /// Claims until it is told to stop. Each shard is claimed from by itself, so that one whose steps
    /// fail or hang holds up no other.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut claims = FuturesUnordered::new();
        loop {
            let room = tokio::select! {
                () = stop.cancelled() => break,
                Some(claim) = claims.next() => {
                    self.claimed(claim).await;
                    continue;
                }
                room = self.room_and_work() => room,
            };
            let round = self.round(room.saturating_sub(self.under_way.asked_for()));
            if round.is_empty() && !claims.is_empty() {
                // What is due is being claimed already, or there is no room beside that.
                tokio::select! {
                    () = stop.cancelled() => break,
                    Some(claim) = claims.next() => self.claimed(claim).await,
                }
                continue;
            }
            for (queue, limit) in round {
                let stage = Arc::clone(&self.stage);
                claims.push(async move {
                    let (priority, shard) = queue;
                    let claim = stage
                        .context
                        .store
                        .claim(shard, priority, limit, POLL_LEASE);
                    (queue, stage.context.call("claim", claim).await)
                });
            }
        }
        while let Some(claim) = claims.next().await {
            self.claimed(claim).await;
        }
    }

    /// Waits until something is due and may be polled, and there is room for it; returns for how
    /// many there is.
    async fn room_and_work(&self) -> usize {
        let stage = &self.stage;
        loop {
            tokio::select! {
                () = stage.inbox.due[0].wait(&stage.context.clock) => {}
                () = stage.inbox.due[1].wait(&stage.context.clock) => {}
            }
            self.backlog_has_room().await;
            self.limiter.ready().await;
            let closed_for = self.cooldown.closed_for(stage.context.clock.now());
            if closed_for.is_zero() {
                return self.prefetch.free().await;
            }
            tokio::time::sleep(closed_for).await;
        }
    }

    /// Waits while too much of the log is unrouted. Polls that do not start cannot be late: that they
    /// wait is said here.
    async fn backlog_has_room(&self) {
        let stage = &self.stage;
        while tokio::time::timeout(REMINDER, stage.log.backlog.room())
            .await
            .is_err()
        {
            stage.alarms.held_up(
                "polling is paused: too many entries of the event log wait for the rules",
                stage.context.clock.now(),
            );
        }
    }

    /// What to claim next when there is so much room: from a few shards in which something is due, the
    /// young ones of all shards first.
    fn round(&mut self, room: usize) -> Vec<(Queue, u32)> {
        if room == 0 {
            return Vec::new();
        }
        for priority in WatchPriority::ALL {
            let shards = self.due_shards(priority, room);
            let share = (room / shards.len().max(1)).max(1);
            let round: Vec<_> = shards
                .into_iter()
                .map(|shard| {
                    (
                        (priority, shard),
                        self.under_way.begin((priority, shard), share),
                    )
                })
                .collect();
            if !round.is_empty() {
                return round;
            }
        }
        Vec::new()
    }

    /// A few shards in which something of this priority is due, as many as bring worthwhile batches.
    fn due_shards(&mut self, priority: WatchPriority, room: usize) -> Vec<Shard> {
        let count = self.stage.context.store.shard_count();
        let now = self.stage.context.clock.now();
        let due_times = self.stage.inbox.due(priority);
        let most = (room / WORTHWHILE).max(1);
        let mut shards = Vec::new();
        for offset in 0..count {
            let shard = Shard((self.next_shard + offset) % count);
            if shards.len() < most && due_times.take(usize::from(shard.0), now) {
                // Who makes a shard work again gives a hint; and the pulse does.
                let is_stuck = self.stage.commits.is_failing(shard)
                    || self.stage.log.backlog.is_shard_full(shard);
                if !is_stuck && !self.under_way.is_claimed((priority, shard)) {
                    shards.push(shard);
                }
            }
        }
        if let Some(last) = shards.last() {
            self.next_shard = (last.0 + 1) % count;
        }
        shards
    }

    /// Takes what a claim came to.
    async fn claimed(&mut self, (queue, claimed): (Queue, Result<ClaimedWatches, StoreError>)) {
        let (priority, shard) = queue;
        let stage = Arc::clone(&self.stage);
        let due_times = stage.inbox.due(priority);
        let place = usize::from(shard.0);
        match claimed {
            Ok(claimed) => {
                if let Some(due) = claimed.next_due {
                    due_times.hint(place, due);
                    self.watch_the_clock(queue, &claimed, due);
                }
                if self.under_way.succeed(queue) {
                    due_times.hint_now(place);
                }
                self.hand_on(queue, claimed).await;
            }
            Err(_) => due_times.hint(
                place,
                self.stage.context.clock.now() + self.under_way.fail(queue),
            ),
        }
    }

    /// Says that polls come too late when what was due long ago by this machine's measure is not due yet
    /// by the store's clock.
    fn watch_the_clock(&mut self, queue: Queue, claimed: &ClaimedWatches, due: Timestamp) {
        let overdue = self
            .expected
            .overdue(queue, due, claimed.now, Instant::now());
        if overdue > self.stage.alarms.settings().polling_behind_after {
            let reason = format!(
                "the store's clock stands still or was set back: a watch that was due {} s ago is not \
                 due there yet",
                overdue.as_secs()
            );
            self.stage
                .alarms
                .held_up(&reason, self.stage.context.clock.now());
        }
    }

    async fn hand_on(&self, queue: Queue, claimed: ClaimedWatches) {
        let (priority, shard) = queue;
        claimed.unreadable.iter().for_each(|id| self.left(id));
        if let Some(count) = claimed.put_aside {
            self.stage
                .inbox
                .put_aside
                .set(priority.index(), shard, count);
        }
        let Some(lease) = claimed.lease else { return };
        self.stage.inbox.leases.add(shard, &lease);
        let decoded = claimed.watches.into_iter();
        let decoded = decoded.map(|(id, record)| (Watch::decode(&record).ok(), id, record));
        let (watches, unreadable): (Vec<_>, Vec<_>) = decoded.partition(|(it, _, _)| it.is_some());
        let unreadable: Vec<_> = unreadable.into_iter().map(|(_, id, _)| id).collect();
        // Those that cannot be put aside now are due again when their lease runs out.
        let is_put_aside = self.put_aside(priority, shard, &unreadable).await;
        let remaining = watches.len() + usize::from(!is_put_aside);
        if remaining == 0 {
            self.end(shard, lease).await;
            return;
        }
        let batch = Arc::new(Batch::new(lease, remaining));
        let (now, claimed_at) = (claimed.now, Instant::now());
        let settings = self.stage.context.settings();
        for (watch, message_id, record) in watches {
            let Some(watch) = watch else { continue };
            let claimed = Claimed {
                shard,
                message_id,
                batch: Arc::clone(&batch),
                record,
                claimed_at,
            };
            let lifecycle = Lifecycle::of(&self.stage.context, &settings, &[]);
            match lifecycle.task(&claimed.message_id, &watch, now) {
                Task::Poll => {
                    let slot = self.prefetch.take();
                    // The other half of this stage lives until this one has ended.
                    let _sent = self.waiting.send(WaitingPoll {
                        claimed,
                        watch,
                        slot,
                    });
                }
                Task::Wait(due) => {
                    self.finish(claimed.change(watch, Verdict::Postponed(due)))
                        .await;
                }
                Task::Retire => self.finish(claimed.change(watch, Verdict::Retired)).await,
                Task::Delete => self.finish(claimed.change(watch, Verdict::Expired)).await,
            }
        }
    }

    /// A watch is left to a version that can read it.
    fn left(&self, message_id: &MessageId) {
        tracing::warn!(
            message.id = %message_id,
            "the record of a watch cannot be read by this version and is left to a later one"
        );
        self.stage.context.metrics.unreadable.inc();
    }

    /// Leaves watches to a version that can read their bodies; returns whether the store has done so.
    async fn put_aside(&self, priority: WatchPriority, shard: Shard, ids: &[MessageId]) -> bool {
        if ids.is_empty() {
            return true;
        }
        ids.iter().for_each(|id| self.left(id));
        let put_aside = self.stage.context.store.put_aside(shard, priority, ids);
        self.stage
            .context
            .call("put_aside", put_aside)
            .await
            .is_ok()
    }

    /// Ends a lease under which nothing is left to do.
    async fn end(&self, shard: Shard, lease: LeaseId) {
        let step = CommitStep {
            items: Vec::new(),
            finished: vec![lease.clone()],
        };
        // One that does not end now ends by itself.
        let commit = self.stage.context.store.commit(shard, &step);
        let _ended = self.stage.context.call("commit", commit).await;
        self.stage.inbox.leases.remove(shard, &[lease]);
    }

    async fn finish(&self, finished: Change) {
        // The committer outlives this stage; if it has gone, the lease gives the watch back.
        let _sent = self.commits.send(finished).await;
    }
}
