//! Claims watches that are due, young ones first, no more than can be looked at soon.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;
use super::room::Room;
use super::{Batch, Claimed, Finished, LEASE, Verdict, Waiting};
use crate::limiter::Limiter;
use crate::pace::Backoff;
use crate::shared::Shared;
use crate::store::{ClaimedWatches, Lane, Shard};
use crate::watch::Watch;
use crate::watch::lifecycle::Task;

/// How often it is said that looks wait for the log to be routed.
const REMINDER: Duration = Duration::from_secs(1);

/// A claim of fewer watches than this is not worth a round trip when there are more to be had.
const WORTHWHILE: usize = 64;

/// Claims for one process.
pub(super) struct Claimer<'a> {
    pub(super) shared: Arc<Shared>,
    pub(super) gate: Arc<Gate>,
    pub(super) room: Arc<Room>,
    pub(super) limiter: &'a Limiter,
    pub(super) waiting: mpsc::UnboundedSender<Waiting>,
    pub(super) commits: mpsc::Sender<Finished>,
    /// Where the next round begins, so that no shard goes short.
    pub(super) next_shard: u16,
}

impl Claimer<'_> {
    /// Claims until it is told to stop.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let free = tokio::select! {
                () = stop.cancelled() => return,
                free = self.room_and_work() => free,
            };
            if self.claim(free).await {
                backoff.succeed();
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(backoff.fail()) => {}
            }
        }
    }

    /// Waits until something is due and may be looked at, and there is room for it; answers for how
    /// many there is.
    async fn room_and_work(&self) -> usize {
        let shared = &self.shared;
        loop {
            tokio::select! {
                () = shared.looks[0].wait(&shared.clock) => {}
                () = shared.looks[1].wait(&shared.clock) => {}
            }
            self.backlog_has_room().await;
            self.limiter.ready().await;
            let closed_for = self.gate.closed_for(shared.clock.now());
            if closed_for.is_zero() {
                return self.room.free().await;
            }
            tokio::time::sleep(closed_for).await;
        }
    }

    /// Waits while too much of the log is unrouted. Looks that do not start cannot be late: that they
    /// wait is said here.
    async fn backlog_has_room(&self) {
        let shared = &self.shared;
        while tokio::time::timeout(REMINDER, shared.backlog.room())
            .await
            .is_err()
        {
            shared.alarms.held_up(
                "looks wait because too much of the log is not routed",
                shared.clock.now(),
            );
        }
    }

    /// Claims as much as there is room for; answers whether the store was there.
    async fn claim(&mut self, room: usize) -> bool {
        let (mut free, mut is_well) = (room, true);
        for lane in Lane::ALL {
            while free > 0 {
                let shards = self.due_shards(lane, free);
                if shards.is_empty() {
                    break;
                }
                is_well &= self.claim_from(lane, &shards, &mut free).await;
                if !is_well {
                    return false;
                }
            }
        }
        is_well
    }

    /// A few shards in which the lane has something due, as many as bring worthwhile batches.
    fn due_shards(&mut self, lane: Lane, free: usize) -> Vec<Shard> {
        let count = self.shared.store.shard_count();
        let now = self.shared.clock.now();
        let agenda = self.shared.looks(lane);
        let most = (free / WORTHWHILE).max(1);
        let mut shards = Vec::new();
        for offset in 0..count {
            let shard = Shard((self.next_shard + offset) % count);
            if shards.len() < most && agenda.take(usize::from(shard.0), now) {
                shards.push(shard);
            }
        }
        if let Some(last) = shards.last() {
            self.next_shard = (last.0 + 1) % count;
        }
        shards
    }

    async fn claim_from(&self, lane: Lane, shards: &[Shard], free: &mut usize) -> bool {
        let shared = &self.shared;
        let limit = u32::try_from(*free / shards.len())
            .unwrap_or(u32::MAX)
            .max(1);
        let claims = shards
            .iter()
            .map(|shard| shared.call("claim", shared.store.claim(*shard, lane, limit, LEASE)));
        let mut is_well = true;
        for (shard, claimed) in shards.iter().zip(join_all(claims).await) {
            let agenda = shared.looks(lane);
            match claimed {
                Ok(claimed) => {
                    if let Some(due) = claimed.next_due {
                        agenda.hint(usize::from(shard.0), due);
                    }
                    *free = free.saturating_sub(claimed.watches.len());
                    self.hand_on(*shard, claimed).await;
                }
                Err(_) => {
                    is_well = false;
                    agenda.hint_now(usize::from(shard.0));
                }
            }
        }
        is_well
    }

    async fn hand_on(&self, shard: Shard, claimed: ClaimedWatches) {
        for message_id in &claimed.unreadable {
            tracing::error!(message.id = %message_id, "the record of a watch cannot be read");
            self.shared.metrics.unreadable.inc();
        }
        let Some(lease) = claimed.lease else { return };
        self.shared.leases.add(shard, &lease);
        let remaining = AtomicUsize::new(claimed.watches.len());
        let batch = Arc::new(Batch { lease, remaining });
        let (now, claimed_at) = (claimed.now, Instant::now());
        for (message_id, record) in claimed.watches {
            let claimed = Claimed {
                shard,
                message_id,
                batch: Arc::clone(&batch),
                record,
                claimed_at,
            };
            let Ok(watch) = Watch::decode(&claimed.record) else {
                // Left alone, its due time would come again and again.
                tracing::error!(message.id = %claimed.message_id, "the record of a watch is damaged");
                self.shared.metrics.unreadable.inc();
                let nothing = Watch::new(now, smswatch_model::Tags::new());
                self.finish(claimed.finish(nothing, Verdict::Expired)).await;
                continue;
            };
            match self
                .shared
                .lifecycle()
                .task(&claimed.message_id, &watch, now)
            {
                Task::Look => {
                    let seat = self.room.take();
                    // The other half of this stage lives until this one has ended.
                    let _sent = self.waiting.send(Waiting {
                        claimed,
                        watch,
                        seat,
                    });
                }
                Task::Wait(due) => {
                    self.finish(claimed.finish(watch, Verdict::Postponed(due)))
                        .await;
                }
                Task::Retire => self.finish(claimed.finish(watch, Verdict::Retired)).await,
                Task::Delete => self.finish(claimed.finish(watch, Verdict::Expired)).await,
            }
        }
    }

    async fn finish(&self, finished: Finished) {
        // The committer outlives this stage; if it has gone, the lease gives the watch back.
        let _sent = self.commits.send(finished).await;
    }
}
