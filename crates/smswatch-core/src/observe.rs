//! Stage one: finds out what became of messages, by polls, sweeps and the pages of campaigns.

mod asking;
mod blame;
mod campaigns;
mod claim;
mod cooldown;
mod expected;
mod listing_record;
pub(crate) mod pages;
mod poll;
mod prefetch;
mod repeats;
mod sign_in;
mod sweep;
mod under_way;
mod walk;

use std::sync::Arc;

use smswatch_model::MessageId;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::asking::Asking;
use self::blame::Blame;
use self::claim::Claimer;
use self::cooldown::Cooldown;
use self::expected::Expected;
use self::pages::Pages;
use self::prefetch::{Prefetch, PrefetchSlot};
use self::under_way::UnderWay;
use crate::alarm::Alarms;
use crate::budget::POLL_LEASE;
use crate::context::Context;
use crate::inbox::changes::{Batch, Change, Due, Reason, Verdict};
use crate::inbox::due_times::DueTimes;
use crate::inbox::{LogInbox, PollInbox};
use crate::intake::Intake;
use crate::limiter::Limiter;
use crate::provider::Provider;
use crate::record::Record;
use crate::store::{Shard, WatchPriority};
use crate::watch::Watch;

/// A queue of due watches.
pub(crate) type Queue = (WatchPriority, Shard);

/// A claimed watch that waits for its poll; its slot goes back when the poll starts.
#[derive(Debug)]
struct WaitingPoll {
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
    fn change(self, watch: Watch, verdict: Verdict) -> Change {
        Change {
            shard: self.shard,
            message_id: self.message_id,
            reason: Reason::Due(Due {
                batch: Some(self.batch),
                is_counted: false,
                claimed_due: self.record.due(),
                claimed_at: self.claimed_at,
                verdict,
            }),
            record: Some(self.record),
            watch: Some(watch),
        }
    }
}

/// What the first stage may touch.
#[derive(Debug)]
pub(crate) struct Observe {
    pub(crate) context: Arc<Context>,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) inbox: Arc<PollInbox>,
    /// Polling waits while too much of the log is not routed.
    pub(crate) log: Arc<LogInbox>,
    /// Watches of shards that cannot be written just now are left alone.
    pub(crate) commits: Arc<Intake>,
    /// What takes in pages of many messages.
    pub(crate) pages: Pages,
    /// When each shard has a campaign whose pages are to be asked for.
    pub(crate) campaigns: Arc<DueTimes>,
}

/// Claims and polls until it is told to stop; what was claimed by then is polled to the end.
pub(crate) async fn run(
    stage: Arc<Observe>,
    commits: mpsc::Sender<Change>,
    stop: CancellationToken,
) {
    let cooldown = Arc::new(Cooldown::default());
    let blame = Arc::new(Blame::default());
    let prefetch = Arc::new(Prefetch::new(
        &stage.context.settings().provider,
        POLL_LEASE / 4,
    ));
    let rate = stage.context.settings().provider.rate;
    let limiter = Limiter::new(Arc::clone(&stage.context.store), "provider", rate);
    let (waiting, starts) = mpsc::unbounded_channel();
    let claimer = Claimer {
        stage: Arc::clone(&stage),
        cooldown: Arc::clone(&cooldown),
        prefetch: Arc::clone(&prefetch),
        limiter: &limiter,
        waiting,
        commits: commits.clone(),
        next_shard: 0,
        under_way: UnderWay::default(),
        expected: Expected::default(),
    };
    let signing_in = sign_in::run(&stage, &cooldown, &stop);
    let asking = Asking {
        cooldown: &cooldown,
        limiter: &limiter,
    };
    let sweeping = sweep::run(&stage, &asking, &stop);
    let following = campaigns::run(&stage, &asking, &stop);
    let (ours, its_gate) = (Arc::clone(&stage), Arc::clone(&cooldown));
    tokio::join!(
        signing_in,
        sweeping,
        following,
        claimer.run(stop.clone()),
        poll::run(ours, its_gate, blame, prefetch, &limiter, starts, commits)
    );
}
