//! Stage one: claims watches that are due, young ones first, and looks at their messages.

mod claim;
mod expected;
mod gate;
mod legible;
mod look;
mod room;
mod sign_in;
mod under_way;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use smswatch_model::{MessageId, Timestamp};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::claim::Claimer;
use self::expected::Expected;
use self::gate::Gate;
use self::legible::Legible;
use self::room::{Room, Seat};
use self::under_way::UnderWay;
use crate::budget;
use crate::limiter::Limiter;
use crate::record::Record;
use crate::shared::Shared;
use crate::store::{Lane, LeaseId, Shard};
use crate::watch::Watch;
use crate::watch::lifecycle::Answer;

/// How long a claimed watch belongs to its claimer. A dead process's watches are looked at by
/// another one after this.
const LEASE: Duration = Duration::from_secs(40);

const _: () = assert!(LEASE.as_millis() < budget::TAKEN_OVER_WITHIN.as_millis());

/// A queue of due watches.
pub(crate) type Queue = (Lane, Shard);

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

/// A claimed watch that waits for its look; its seat goes back when the look starts.
#[derive(Debug)]
struct Waiting {
    claimed: Claimed,
    watch: Watch,
    seat: Seat,
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

/// Claims and looks until it is told to stop; what was claimed by then is looked at to the end.
pub(crate) async fn run(
    shared: Arc<Shared>,
    commits: mpsc::Sender<Finished>,
    stop: CancellationToken,
) {
    let gate = Arc::new(Gate::default());
    let legible = Arc::new(Legible::default());
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
        under_way: UnderWay::default(),
        expected: Expected::default(),
    };
    let signing_in = sign_in::run(&shared, &gate, &stop);
    let (ours, its_gate) = (Arc::clone(&shared), Arc::clone(&gate));
    tokio::join!(
        signing_in,
        claimer.run(stop.clone()),
        look::run(ours, its_gate, legible, room, &limiter, starts, commits)
    );
}
