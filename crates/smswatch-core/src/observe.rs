//! Stage one: claims watches that are due, young ones first, and looks at their messages.

mod gate;
mod room;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use smswatch_model::{MessageId, Timestamp};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::gate::Gate;
use self::room::{Room, Seat};
use crate::limiter::Limiter;
use crate::metrics::ResultLabel;
use crate::pace::Backoff;
use crate::provider::Look;
use crate::record::Record;
use crate::shared::Shared;
use crate::store::{ClaimedWatches, Lane, LeaseId, Shard};
use crate::watch::Watch;
use crate::watch::lifecycle::{Answer, Task, polled};

/// How long a claimed watch belongs to its claimer. A dead process's watches are looked at by
/// another one after this, which must be within 45 seconds.
const LEASE: Duration = Duration::from_secs(40);

/// A claim of fewer watches than this is not worth a round trip when there are more to be had.
const WORTHWHILE: usize = 64;

/// The watches of one claim that are not committed yet.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) lease: LeaseId,
    remaining: AtomicUsize,
}

impl Batch {
    /// One watch less; answers whether it was the last.
    pub(crate) fn finish_one(&self) -> bool {
        self.remaining.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

/// What is to be written about a claimed watch.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its message was looked at.
    Answered(Answer),
    /// It is due at another time.
    Postponed(Timestamp),
    /// Its time is over.
    Expired,
}

/// A claimed watch that waits to be written.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) shard: Shard,
    pub(crate) message_id: MessageId,
    /// The claim it belongs to, until it is counted as done.
    pub(crate) batch: Option<Arc<Batch>>,
    /// When it was due when it was claimed.
    pub(crate) claimed_due: Timestamp,
    /// How the store holds it, as far as is known.
    pub(crate) record: Record,
    /// The same, decoded.
    pub(crate) watch: Watch,
    pub(crate) verdict: Verdict,
}

/// A claimed watch that waits for its look; its seat goes back when the look starts.
#[derive(Debug)]
struct Waiting {
    claimed: Claimed,
    watch: Watch,
    claimed_at: Instant,
    seat: Seat,
}

/// A watch as it was claimed.
#[derive(Debug)]
struct Claimed {
    shard: Shard,
    message_id: MessageId,
    batch: Arc<Batch>,
    record: Record,
}

impl Claimed {
    fn finish(self, watch: Watch, verdict: Verdict) -> Finished {
        Finished {
            shard: self.shard,
            message_id: self.message_id,
            batch: Some(self.batch),
            claimed_due: self.record.due(),
            record: self.record,
            watch,
            verdict,
        }
    }
}

/// Claims and looks until it is told to stop; what was claimed by then is looked at to the end.
pub(crate) async fn run(
    shared: Arc<Shared>,
    commits: mpsc::Sender<Finished>,
    stop: CancellationToken,
) {
    let gate = Arc::new(Gate::default());
    let room = Arc::new(Room::new(&shared.settings.provider, LEASE / 4));
    let (waiting, starts) = mpsc::unbounded_channel();
    let claimer = Claimer {
        shared: Arc::clone(&shared),
        gate: Arc::clone(&gate),
        room: Arc::clone(&room),
        waiting,
        commits: commits.clone(),
        next_shard: 0,
    };
    tokio::join!(
        claimer.run(stop),
        start_looks(shared, gate, room, starts, commits)
    );
}

struct Claimer {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    room: Arc<Room>,
    waiting: mpsc::UnboundedSender<Waiting>,
    commits: mpsc::Sender<Finished>,
    /// Where the next round begins, so that no shard goes short.
    next_shard: u16,
}

impl Claimer {
    async fn run(mut self, stop: CancellationToken) {
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
            shared.backlog.room().await;
            let closed_for = self.gate.closed_for(shared.clock.now());
            if closed_for.is_zero() {
                return self.room.free().await;
            }
            tokio::time::sleep(closed_for).await;
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
                        claimed_at,
                        seat,
                    });
                }
                Task::Wait(due) => {
                    self.finish(claimed.finish(watch, Verdict::Postponed(due)))
                        .await;
                }
                Task::Delete => self.finish(claimed.finish(watch, Verdict::Expired)).await,
            }
        }
    }

    async fn finish(&self, finished: Finished) {
        // The committer outlives this stage; if it has gone, the lease gives the watch back.
        let _sent = self.commits.send(finished).await;
    }
}

/// Starts looks as fast as the rate and the concurrency allow, until no more are handed on.
async fn start_looks(
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    room: Arc<Room>,
    mut starts: mpsc::UnboundedReceiver<Waiting>,
    commits: mpsc::Sender<Finished>,
) {
    let limits = &shared.settings.provider;
    let limiter = Limiter::new(Arc::clone(&shared.store), "provider", limits.rate);
    let slots = Arc::new(Semaphore::new(limits.concurrency.max(1)));
    let looks = TaskTracker::new();
    while let Some(waiting) = starts.recv().await {
        let slot = Arc::clone(&slots)
            .acquire_owned()
            .await
            .expect("never closed");
        let now = shared.clock.now();
        let closed_for = gate.closed_for(now);
        let is_permitted = closed_for.is_zero() && limiter.permit().await.is_ok();
        let Waiting {
            claimed,
            watch,
            claimed_at,
            seat,
        } = waiting;
        drop(seat);
        // Looks have become so slow that the lease might end before this one does.
        let is_overdue = claimed_at.elapsed() > LEASE / 2;
        let (shared, gate, room) = (Arc::clone(&shared), Arc::clone(&gate), Arc::clone(&room));
        let commits = commits.clone();
        looks.spawn(async move {
            let verdict = if is_overdue {
                Verdict::Postponed(shared.clock.now())
            } else if is_permitted {
                let now = shared.clock.now();
                let lag = now.since(watch.due);
                shared.alarms.started(lag, now);
                shared.metrics.poll_lag_seconds.observe(lag.as_secs_f64());
                let started = Instant::now();
                let answer = look(&shared, &gate, &claimed.message_id).await;
                room.looked(started.elapsed());
                Verdict::Answered(answer)
            } else {
                Verdict::Postponed(now + closed_for.max(Duration::from_secs(1)))
            };
            let _sent = commits.send(claimed.finish(watch, verdict)).await;
            drop(slot);
        });
    }
    looks.close();
    looks.wait().await;
}

async fn look(shared: &Shared, gate: &Gate, message_id: &MessageId) -> Answer {
    let asked_at = shared.clock.now();
    let started = Instant::now();
    let looked = shared.provider.look(message_id).await;
    shared
        .metrics
        .poll_seconds
        .observe(started.elapsed().as_secs_f64());
    if looked.is_ok() {
        gate.answered(&shared.health);
        shared.alarms.answered();
    }
    let (answer, result) = match looked {
        Ok(Look::Seen(sighting)) => (Answer::Seen(Box::new(polled(*sighting, asked_at))), "seen"),
        Ok(Look::Empty) => (Answer::Empty, "empty"),
        Ok(Look::Unknown) => (Answer::Unknown, "unknown"),
        Err(error) => {
            tracing::debug!(message.id = %message_id, %error, "a look failed");
            let now = shared.clock.now();
            gate.failed(&error, now, &shared.health);
            shared.alarms.failed(&error, now);
            (Answer::Failed(error.retry_after()), error.kind().as_str())
        }
    };
    shared
        .metrics
        .polls
        .get_or_create(&ResultLabel { result })
        .inc();
    answer
}
