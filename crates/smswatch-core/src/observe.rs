//! Stage one: claims watches that are due, young ones first, and polls their messages.

mod claim;
mod cooldown;
mod expected;
mod legible;
mod poll;
mod prefetch;
mod sign_in;
mod under_way;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use smswatch_model::{MessageId, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::claim::Claimer;
use self::cooldown::Cooldown;
use self::expected::Expected;
use self::legible::Legible;
use self::prefetch::{Prefetch, PrefetchSlot};
use self::under_way::UnderWay;
use crate::budget;
use crate::limiter::Limiter;
use crate::record::Record;
use crate::shared::Shared;
use crate::store::{LeaseId, Shard, WatchPriority};
use crate::watch::Watch;
use crate::watch::lifecycle::Answer;

/// How long a claimed watch belongs to its claimer. A dead process's watches are polled by
/// another one after this.
const LEASE: Duration = Duration::from_secs(40);

const _: () = assert!(LEASE.as_millis() < budget::TAKEN_OVER_WITHIN.as_millis());

/// A queue of due watches.
pub(crate) type Queue = (WatchPriority, Shard);

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
    /// Its message was polled.
    Answered(Answer),
    /// It is due at another time.
    Postponed(Timestamp),
    /// Its time is over, and only a mark of it stays.
    Retired,
    /// Nothing of it is needed any more.
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
    /// When it was claimed.
    pub(crate) claimed_at: Instant,
    /// How the store holds it, as far as is known; none when it has lost it.
    pub(crate) record: Option<Record>,
    /// The same, decoded.
    pub(crate) watch: Watch,
    pub(crate) verdict: Verdict,
}

/// A claimed watch that waits for its poll; its slot goes back when the poll starts.
#[derive(Debug)]
struct Waiting {
    claimed: Claimed,
    watch: Watch,
    slot: PrefetchSlot,
}

/// A watch as it was claimed.
#[derive(Debug)]
struct Claimed {
    shard: Shard,
    message_id: MessageId,
    batch: Arc<Batch>,
    record: Record,
    claimed_at: Instant,
}

impl Claimed {
    fn finish(self, watch: Watch, verdict: Verdict) -> Finished {
        Finished {
            shard: self.shard,
            message_id: self.message_id,
            batch: Some(self.batch),
            claimed_due: self.record.due(),
            claimed_at: self.claimed_at,
            record: Some(self.record),
            watch,
            verdict,
        }
    }
}

/// Claims and polls until it is told to stop; what was claimed by then is polled to the end.
pub(crate) async fn run(
    shared: Arc<Shared>,
    commits: mpsc::Sender<Finished>,
    stop: CancellationToken,
) {
    let cooldown = Arc::new(Cooldown::default());
    let legible = Arc::new(Legible::default());
    let prefetch = Arc::new(Prefetch::new(&shared.settings.provider, LEASE / 4));
    let rate = shared.settings.provider.rate;
    let limiter = Limiter::new(Arc::clone(&shared.store), "provider", rate);
    let (waiting, starts) = mpsc::unbounded_channel();
    let claimer = Claimer {
        shared: Arc::clone(&shared),
        cooldown: Arc::clone(&cooldown),
        prefetch: Arc::clone(&prefetch),
        limiter: &limiter,
        waiting,
        commits: commits.clone(),
        next_shard: 0,
        under_way: UnderWay::default(),
        expected: Expected::default(),
    };
    let signing_in = sign_in::run(&shared, &cooldown, &stop);
    let (ours, its_gate) = (Arc::clone(&shared), Arc::clone(&cooldown));
    tokio::join!(
        signing_in,
        claimer.run(stop.clone()),
        poll::run(ours, its_gate, legible, prefetch, &limiter, starts, commits)
    );
}
