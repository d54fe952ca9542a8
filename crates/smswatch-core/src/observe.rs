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
use crate::provider::{Look, LookError};
use crate::record::Record;
use crate::shared::Shared;
use crate::store::{ClaimedWatches, Lane, LeaseId, Shard};
use crate::watch::Watch;
use crate::watch::lifecycle::{Answer, Task, polled};

/// How long a claimed watch belongs to its claimer. A dead process's watches are looked at by
/// another one after this, which must be within 45 seconds.
const LEASE: Duration = Duration::from_secs(40);

/// How long after the claim a look may start.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a look may take whatever the provider's client thinks: together with [`PATIENCE`] it leaves
/// time to write down what was seen before anybody else claims the watch.
const LONGEST_LOOK: Duration = Duration::from_secs(20);

/// How often it is said that looks wait for the log to be routed.
const REMINDER: Duration = Duration::from_secs(1);

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
    /// How the store holds it, as far as is known; none when it has lost it.
    pub(crate) record: Option<Record>,
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
            record: Some(self.record),
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
    let rate = shared.settings.provider.rate;
    let limiter = Limiter::new(Arc::clone(&shared.store), "provider", rate);
    let (waiting, starts) = mpsc::unbounded_channel();
    let claimer = Claimer {
        shared: Arc::clone(&shared),
        gate: Arc::clone(&gate),
        room: Arc::clone(&room),
        limiter: &limiter,
        waiting,
        commits: commits.clone(),
        next_shard: 0,
    };
    tokio::join!(
        claimer.run(stop),
        start_looks(shared, gate, room, &limiter, starts, commits)
    );
}

struct Claimer<'a> {
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    room: Arc<Room>,
    limiter: &'a Limiter,
    waiting: mpsc::UnboundedSender<Waiting>,
    commits: mpsc::Sender<Finished>,
    /// Where the next round begins, so that no shard goes short.
    next_shard: u16,
}

impl Claimer<'_> {
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
    limiter: &Limiter,
    mut starts: mpsc::UnboundedReceiver<Waiting>,
    commits: mpsc::Sender<Finished>,
) {
    let concurrency = shared.settings.provider.concurrency;
    let slots = Arc::new(Semaphore::new(concurrency.max(1)));
    let looks = TaskTracker::new();
    while let Some(waiting) = starts.recv().await {
        let slot = Arc::clone(&slots)
            .acquire_owned()
            .await
            .expect("never closed");
        let start = may_start(&shared, &gate, limiter, &waiting).await;
        let Waiting {
            claimed,
            watch,
            claimed_at: _,
            seat,
        } = waiting;
        drop(seat);
        let (shared, gate, room) = (Arc::clone(&shared), Arc::clone(&gate), Arc::clone(&room));
        let commits = commits.clone();
        looks.spawn(async move {
            let now = shared.clock.now();
            let lag = now.since(watch.due);
            let verdict = match start {
                Start::Now => {
                    shared.alarms.late(lag, now);
                    shared.metrics.poll_lag_seconds.observe(lag.as_secs_f64());
                    let started = Instant::now();
                    let answer = look(&shared, &gate, &claimed.message_id).await;
                    room.looked(started.elapsed());
                    Verdict::Answered(answer)
                }
                // It stays as late as it is, so that it comes first and its lateness is not forgotten.
                Start::TooLate => {
                    shared.alarms.late(lag, now);
                    Verdict::Postponed(watch.due + Duration::from_millis(1))
                }
                Start::After(wait) => Verdict::Postponed(now + wait),
            };
            let _sent = commits.send(claimed.finish(watch, verdict)).await;
            drop(slot);
        });
    }
    looks.close();
    looks.wait().await;
}

/// Whether a look that was claimed starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    Now,
    /// Its lease might end before it does; it is claimed anew.
    TooLate,
    /// The provider, or the store, is not to be asked before.
    After(Duration),
}

async fn may_start(shared: &Shared, gate: &Gate, limiter: &Limiter, waiting: &Waiting) -> Start {
    // A permit that comes too late would be one less for the others.
    let Some(patience) = PATIENCE.checked_sub(waiting.claimed_at.elapsed()) else {
        return Start::TooLate;
    };
    let closed_for = gate.closed_for(shared.clock.now());
    if !closed_for.is_zero() {
        return Start::After(closed_for.max(Duration::from_secs(1)));
    }
    match limiter.permit_within(patience).await {
        Ok(true) => Start::Now,
        Ok(false) => Start::TooLate,
        Err(_) => Start::After(Duration::from_secs(1)),
    }
}

async fn look(shared: &Shared, gate: &Gate, message_id: &MessageId) -> Answer {
    let asked_at = shared.clock.now();
    let started = Instant::now();
    let looked = tokio::time::timeout(LONGEST_LOOK, shared.provider.look(message_id)).await;
    let looked = looked.unwrap_or_else(|_| {
        let seconds = LONGEST_LOOK.as_secs();
        Err(LookError::failed(format!("no answer within {seconds} s")))
    });
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
