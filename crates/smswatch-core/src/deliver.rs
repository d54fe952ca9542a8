//! Stage four: one sink's queue; claims what is due, attempts it, and writes what came of it.

mod attempt;
pub(crate) mod breaker;
mod claim;
pub(crate) mod dead;
mod destination;
mod failure;
pub(crate) mod fallback;
pub(crate) mod host;
mod load;
pub(crate) mod orphans;
pub(crate) mod overflow;
pub(crate) mod partly;
mod recall;
mod sinks;
mod task;
mod traced;
mod unit;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::attempt::{attempt, interrupted, panicked};
use self::breaker::AttemptPermit;
use self::claim::WaitingAttempt;
use self::dead::DeadLetters;
use self::load::Load;
pub(crate) use self::recall::recall;
pub(crate) use self::sinks::{SinkUnits, Sinks};
use self::unit::MOST_UNWRITTEN;
pub(crate) use self::unit::SinkUnit;
use crate::backoff::Backoff;
use crate::budget::{ATTEMPT_BEGINS_WITHIN, DELIVERY_LEASE_MARGIN};
use crate::context::Context;
use crate::inbox::Queues;
use crate::panics::caught;
use crate::silences::Silences;

use crate::store::{Completion, MAX_STEP_BYTES, Outcome, Outcomes, Priority, Shard, split};

/// How long what was claimed waits for one of the attempts that run to end. Another replica may have
/// nothing to do meanwhile.
const HOLD: Duration = Duration::from_secs(1);

/// What the fourth stage may touch beside its sink.
#[derive(Debug)]
pub(crate) struct Deliver {
    pub(crate) context: Arc<Context>,
    /// The queues of all sinks: a fallback is one of them.
    pub(crate) queues: Queues,
    /// What was given up and is not told yet.
    pub(crate) dead: Arc<DeadLetters>,
    pub(crate) silences: Arc<Silences>,
}

/// The outcome of an attempt, to be written.
struct Attempted {
    shard: Shard,
    priority: Priority,
    completion: Completion,
    /// It tells of dead letters.
    is_about_dead: bool,
}

/// Delivers to one sink until `stop`; what was claimed by then is attempted until `cut`, and what has
/// come to no end by then goes back.
pub(crate) async fn run(
    stage: Arc<Deliver>,
    unit: Arc<SinkUnit>,
    stop: CancellationToken,
    cut: CancellationToken,
) {
    let (waiting, starts) = mpsc::unbounded_channel();
    let (attempted, outcomes) = mpsc::channel(MOST_UNWRITTEN);
    let work = async {
        tokio::join!(
            claim::run(&stage.context, &unit, waiting, attempted.clone(), stop),
            start_attempts(&stage, &unit, starts, attempted, cut),
            complete(&stage, &unit, outcomes),
        );
    };
    breaker::keep(&stage.context, &unit, work).await;
}

fn lease(unit: &SinkUnit) -> Duration {
    unit.settings.timeout + DELIVERY_LEASE_MARGIN
}

/// Starts attempts as fast as the rate and the concurrency allow, until no more are handed on.
async fn start_attempts(
    stage: &Deliver,
    unit: &Arc<SinkUnit>,
    mut starts: mpsc::UnboundedReceiver<WaitingAttempt>,
    attempted: mpsc::Sender<Attempted>,
    cut: CancellationToken,
) {
    let context = &stage.context;
    let attempts = TaskTracker::new();
    while let Some(next) = starts.recv().await {
        let Some(next) = spoken(stage, unit, next, &attempted).await else {
            continue;
        };
        if let Some(held) = held_since(context, unit, &next.load) {
            drop(next);
            send_all(&attempted, held).await;
            continue;
        }
        let begun = begin(context, unit, &next);
        let permit = cut.run_until_cancelled(begun).await.flatten();
        let WaitingAttempt {
            load,
            claimed,
            room,
        } = next;
        drop(room);
        let Some(permit) = permit else {
            send_all(&attempted, load.given_back(context, Outcome::Returned)).await;
            continue;
        };
        let (context, unit, attempted) = (Arc::clone(context), Arc::clone(unit), attempted.clone());
        let cut = cut.clone();
        attempts.spawn(async move {
            let began = Instant::now();
            let attempt = caught(attempt(&context, &unit, &load, claimed));
            let done = match cut.run_until_cancelled(attempt).await {
                Some(Ok(done)) => done,
                Some(Err(what)) => panicked(&context, &unit, &load, &what),
                None => interrupted(&context, &unit, &load, "smswatch stopped", began.elapsed()),
            };
            drop(permit);
            send_all(&attempted, done).await;
        });
    }
    attempts.close();
    attempts.wait().await;
}

async fn send_all(attempted: &mpsc::Sender<Attempted>, all: Vec<Attempted>) {
    for one in all {
        // The task that writes outcomes outlives the attempts.
        let _sent = attempted.send(one).await;
    }
}

/// What is attempted of that which was claimed; `None` if all of it is held back by what began after it was queued.
async fn spoken(
    stage: &Deliver,
    unit: &SinkUnit,
    next: WaitingAttempt,
    attempted: &mpsc::Sender<Attempted>,
) -> Option<WaitingAttempt> {
    let context = &stage.context;
    let (claimed, room) = (next.claimed, next.room);
    let (load, silenced) = match next.load.is_first_attempt() {
        false => (Some(next.load), Vec::new()),
        true => {
            let (holds, now) = (stage.silences.holds(context).await, context.clock.now());
            next.load.without(|task| {
                let notification = task.first_told()?;
                holds.reason_of_all(notification, unit.name(), now)
            })
        }
    };
    let load = load.map(|load| WaitingAttempt {
        load,
        claimed,
        room,
    });
    let was_probe = silenced.iter().any(|(task, _)| task.is_probe());
    let suppressed = silenced.iter().map(|(task, reason)| {
        let reason = reason.to_string();
        traced::held_back(context, unit, task, &reason);
        task.ended(context, Outcome::Suppressed, reason)
    });
    send_all(attempted, suppressed.collect()).await;
    // It said nothing of the sink: the next one does, without waiting for another interval.
    if was_probe && let Err(error) = unit.breaker.probe_now(context).await {
        tracing::debug!(%error, "a sink is probed when it is time for it");
    }
    load
}

/// How it goes back if its destination went down since it was claimed, each delivery for a time of its own.
fn held_since(context: &Context, unit: &SinkUnit, load: &Load) -> Option<Vec<Attempted>> {
    let first = &load.first;
    let destination = first.destination.as_ref().filter(|_| !first.is_probe())?;
    let now = context.clock.now();
    let held = load.tasks().map(|task| {
        let delay = unit.breaker.held_since(destination, now)?;
        Some(task.given_back(context, Outcome::Postponed(delay)))
    });
    held.collect()
}

/// Waits for the right to attempt what was claimed; `None` for what was parked meanwhile, or has waited
/// too long: it goes back, and comes again, here or elsewhere.
async fn begin(
    context: &Context,
    unit: &Arc<SinkUnit>,
    next: &WaitingAttempt,
) -> Option<AttemptPermit> {
    let permit = if next.load.first.probes_sink {
        AttemptPermit::probe(unit)
    } else {
        AttemptPermit::wait_until(context, unit, next.claimed + HOLD).await?
    };
    // A permit that comes too late would be one less for the others.
    let patience = ATTEMPT_BEGINS_WITHIN.checked_sub(next.claimed.elapsed())?;
    if let Some(limiter) = &unit.limiter {
        let permit = limiter.permit_within(patience).await;
        let permit = permit.inspect_err(|error| context.note("reserve", error));
        if !permit.ok()? {
            return None;
        }
    }
    Some(permit)
}

/// Writes outcomes until there are no more; waits while the store is away. Each shard is written by itself,
/// so that one whose steps fail holds up no other.
async fn complete(stage: &Deliver, unit: &SinkUnit, outcomes: mpsc::Receiver<Attempted>) {
    let write = |shard, attempted| complete_shard(stage, unit, shard, attempted);
    let shard_of = |attempted: &Attempted| attempted.shard;
    unit.outcomes.run(outcomes, shard_of, write).await;
}

async fn complete_shard(stage: &Deliver, unit: &SinkUnit, shard: Shard, all: Vec<Attempted>) {
    let bytes = |attempted: &Attempted| attempted.completion.bytes();
    for step in split(all, bytes, MAX_STEP_BYTES) {
        complete_step(stage, unit, shard, step).await;
    }
}

async fn complete_step(stage: &Deliver, unit: &SinkUnit, shard: Shard, step: Vec<Attempted>) {
    let (mut completions, mut about) = (Vec::new(), Vec::new());
    for attempted in step {
        completions.push(attempted.completion);
        about.push((attempted.priority, attempted.is_about_dead));
    }
    let written = write(&stage.context, unit, shard, &completions).await;
    let Outcomes { done, queued } = written.outcomes;
    partly::queued_instead(stage, unit, shard, &completions, queued);
    let ended = completions.iter().zip(&about).zip(&done);
    for ((completion, (_, is_about_dead)), done) in ended {
        if completion.outcome == Outcome::Suppressed && *done {
            stage.context.metrics.suppressed(&unit.name);
            stage.silences.count([completion.attempt.detail.as_str()]);
        }
        // What is no longer claimed may have died by an earlier try. Better told twice than never.
        if completion.outcome == Outcome::Dead && (*done || written.is_repeated) {
            let (reason, at) = (&completion.attempt.detail, completion.attempt.at);
            stage
                .dead
                .given_up(unit.name(), 1, reason, !is_about_dead, at);
        }
    }
    let lost = done.iter().filter(|done| !**done).count();
    if lost > 0 && !written.is_repeated {
        tracing::info!(
            sink.name = unit.name(),
            lost,
            "leases ended before attempts did"
        );
    }
    let now = stage.context.clock.now();
    for (completion, (priority, _)) in completions.iter().zip(about) {
        let delay = match completion.outcome {
            Outcome::Retry(delay) | Outcome::Postponed(delay) => delay,
            Outcome::Returned => Duration::ZERO,
            Outcome::Delivered | Outcome::Dead | Outcome::Suppressed | Outcome::Left => continue,
        };
        let due_times = unit.inbox.due(priority);
        due_times.hint(usize::from(shard.0), now + delay);
    }
}

/// What came of a step.
struct Written {
    outcomes: Outcomes,
    /// The store failed before: it may have taken the step then, and its answer was lost.
    is_repeated: bool,
}

/// Writes a step, again and again while the store is away. Nothing more is claimed from the shard meanwhile.
async fn write(
    context: &Context,
    unit: &SinkUnit,
    shard: Shard,
    completions: &[Completion],
) -> Written {
    let mut is_repeated = false;
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        let complete = context.store.complete(shard, unit.name(), completions);
        match context.call("complete", complete).await {
            Ok(outcomes) => {
                if unit.outcomes.succeeded(shard) {
                    unit.inbox.hint_now(shard);
                }
                return Written {
                    outcomes,
                    is_repeated,
                };
            }
            Err(error) => {
                tracing::debug!(%error, "an outcome is written again");
                unit.outcomes.failed(shard);
                is_repeated = true;
                tokio::time::sleep(backoff.fail()).await;
            }
        }
    }
}
