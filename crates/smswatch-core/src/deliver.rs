//! Stage four: one sink's queue; claims what is due, attempts it, and writes what came of it.

pub(crate) mod breaker;
mod claim;
pub(crate) mod dead;
mod destination;
mod failure;
pub(crate) mod fallback;
pub(crate) mod filling;
pub(crate) mod host;
pub(crate) mod orphans;
pub(crate) mod overflow;
pub(crate) mod partly;
mod task;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use smswatch_model::Notification;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::breaker::{Report, Turn};
use self::claim::Waiting;
use self::host::Came;
use self::task::Task;
use crate::budget;
use crate::metrics::{DeliveryLabels, SinkLabel};
use crate::pace::Backoff;
use crate::shared::{Shared, SinkUnit};
use crate::sink::{DeliveryError, Receipt};
use crate::store::{Completion, Outcome, Outcomes, Priority, Shard};
use crate::witness::Witness;

/// How long after the claim an attempt may begin: it is then over well before the lease, and nobody
/// else begins it meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long what was claimed waits for one of the attempts that run to end. Another replica may have
/// nothing to do meanwhile.
const HOLD: Duration = Duration::from_secs(1);

/// How much later than its timeout an attempt ends at most, unless the whole process stood still.
const PUNCTUAL: Duration = Duration::from_secs(1);

/// How many outcomes are written together at most.
const MOST_AT_ONCE: usize = 512;

/// The outcome of an attempt, to be written.
struct Attempted {
    shard: Shard,
    priority: Priority,
    completion: Completion,
    /// It tells of dead letters.
    is_about_dead: bool,
}

/// What came of the attempts on deliveries of one shard.
#[derive(Default)]
struct Ended {
    completions: Vec<Completion>,
    /// Of each of the completions, in their order.
    priorities: Vec<Priority>,
    /// Of each of the completions whether it tells of dead letters.
    are_about_dead: Vec<bool>,
}

/// Delivers to one sink until `stop`; what was claimed by then is attempted until `cut`, and what has
/// come to no end by then goes back.
pub(crate) async fn run(
    shared: Arc<Shared>,
    unit: Arc<SinkUnit>,
    stop: CancellationToken,
    cut: CancellationToken,
) {
    let (waiting, starts) = mpsc::unbounded_channel();
    let (attempted, outcomes) = mpsc::channel(MOST_AT_ONCE);
    let work = async {
        tokio::join!(
            claim::run(&shared, &unit, waiting, attempted.clone(), stop),
            start_attempts(&shared, &unit, starts, attempted, cut),
            complete(Arc::clone(&shared), Arc::clone(&unit), outcomes),
        );
    };
    breaker::keep(&shared, &unit, work).await;
}

fn lease(unit: &SinkUnit) -> Duration {
    unit.settings.timeout + budget::DELIVERY_LEASE_MARGIN
}

/// Starts attempts as fast as the rate and the concurrency allow, until no more are handed on.
async fn start_attempts(
    shared: &Arc<Shared>,
    unit: &Arc<SinkUnit>,
    mut starts: mpsc::UnboundedReceiver<Waiting>,
    attempted: mpsc::Sender<Attempted>,
    cut: CancellationToken,
) {
    let attempts = TaskTracker::new();
    while let Some(next) = starts.recv().await {
        if let Some(delay) = held_since(shared, unit, &next.task) {
            let postponed = next.task.given_back(shared, Outcome::Postponed(delay));
            drop(next);
            let _sent = attempted.send(postponed).await;
            continue;
        }
        let begun = begin(shared, unit, &next);
        let turn = cut.run_until_cancelled(begun).await.flatten();
        let Waiting {
            task,
            claimed,
            room,
        } = next;
        drop(room);
        let Some(turn) = turn else {
            let returned = task.given_back(shared, Outcome::Returned);
            let _sent = attempted.send(returned).await;
            continue;
        };
        let (shared, unit, attempted) = (Arc::clone(shared), Arc::clone(unit), attempted.clone());
        let cut = cut.clone();
        attempts.spawn(async move {
            let attempt = attempt(&shared, &unit, &task, claimed);
            let done = match cut.run_until_cancelled(attempt).await {
                Some(done) => done,
                None => interrupted(&shared, &task, "smswatch stopped"),
            };
            drop(turn);
            let _sent = attempted.send(done).await;
        });
    }
    attempts.close();
    attempts.wait().await;
}

/// How long a delivery goes back whose destination went down since it was claimed.
fn held_since(shared: &Shared, unit: &SinkUnit, task: &Task) -> Option<Duration> {
    let destination = task.destination.as_ref().filter(|_| !task.is_probe())?;
    let now = shared.clock.now();
    unit.breaker.held_since(destination, now)
}

/// Waits for the right to attempt what was claimed; `None` for what was parked meanwhile, or has waited
/// too long: it goes back, and comes again, here or elsewhere.
async fn begin(shared: &Shared, unit: &Arc<SinkUnit>, next: &Waiting) -> Option<Turn> {
    let turn = if next.task.probes_sink {
        Turn::probe(unit)
    } else {
        Turn::wait_until(shared, unit, next.claimed + HOLD).await?
    };
    // A permit that comes too late would be one less for the others.
    let patience = PATIENCE.checked_sub(next.claimed.elapsed())?;
    if let Some(limiter) = &unit.limiter {
        let permit = limiter.permit_within(patience).await;
        let permit = permit.inspect_err(|error| shared.note("reserve", error));
        if !permit.ok()? {
            return None;
        }
    }
    Some(turn)
}

/// An attempt that this process cut short, whose answer nobody will know. It may have arrived: it is
/// kept among the attempts, and the next one is due at once, here or elsewhere. It says nothing about
/// the sink.
fn interrupted(shared: &Shared, task: &Task, why: &str) -> Attempted {
    let detail = format!("{why} before there was an answer");
    task.ended(shared, Outcome::Retry(Duration::ZERO), "retry", detail)
}

/// Makes one attempt on what was `claimed` at that moment.
async fn attempt(shared: &Shared, unit: &SinkUnit, task: &Task, claimed: Instant) -> Attempted {
    let (result, begun) = match &task.notification {
        Ok(notification) => {
            let notification = Arc::clone(notification);
            let timeout = unit.settings.timeout;
            let begin_by = claimed + PATIENCE;
            match unit.host.deliver(notification, timeout, begin_by).await {
                Came::Answer { result, begun } => (result, begun),
                Came::NoAnswer { begun } => (Err(no_answer(timeout)), begun),
                Came::NotBegun => return task.given_back(shared, Outcome::Returned),
            }
        }
        Err(error) => {
            shared.metrics.unreadable.inc();
            let error = DeliveryError::permanent(error.to_string());
            (Err(error), Instant::now())
        }
    };
    let ended = Instant::now();
    if let Some(share) = &task.share {
        let is_answered = ended - begun < unit.settings.timeout;
        share.note(is_answered);
    }
    let is_late = ended - begun > unit.settings.timeout + PUNCTUAL;
    if result.is_err() && is_late && Witness::get().stood_still(begun, ended) {
        return interrupted(shared, task, "smswatch stood still");
    }
    let sink = SinkLabel {
        sink: unit.name.clone(),
    };
    let seconds = (ended - begun).as_secs_f64();
    shared
        .metrics
        .delivery_seconds
        .get_or_create(&sink)
        .observe(seconds);
    let now = shared.clock.now();
    tell_breaker(shared, unit, task, &result);
    let mut rest = None;
    let (outcome, result, detail) = match result {
        Ok(receipt) => {
            if let Ok(notification) = &task.notification {
                rest = partly::rest(unit.name(), notification, &receipt);
            }
            if receipt.refusals().is_some() {
                shared.metrics.left_out.get_or_create(&sink).inc();
            }
            let events = task.notification.iter().flat_map(|made| &made.events);
            if let Some(event) = events.into_iter().next() {
                let seconds = now.since(event.detected_at).as_secs_f64();
                let histogram = shared
                    .metrics
                    .detect_to_deliver_seconds
                    .get_or_create(&sink);
                histogram.observe(seconds);
            }
            (Outcome::Delivered, "delivered", receipt.detail().to_owned())
        }
        Err(error) => {
            let detail = error.detail();
            match failure::next_attempt(unit, task, &error, now) {
                Some(delay) => (Outcome::Retry(delay), "retry", detail),
                None => (Outcome::Dead, "dead", detail),
            }
        }
    };
    let labels = DeliveryLabels {
        sink: unit.name.clone(),
        result,
    };
    shared.metrics.deliveries.get_or_create(&labels).inc();
    let mut attempted = task.ended(shared, outcome, result, detail);
    if let (Outcome::Dead, Ok(dead)) = (outcome, &task.notification) {
        attempted.completion.fallback = fallback::of(unit, Notification::clone(dead));
    }
    // What has died has no rest, and what was delivered no fallback.
    attempted.completion.fallback = attempted.completion.fallback.or(rest);
    attempted
}

/// Has the breaker of the sink, or of the destination, take in what an attempt came to. A delivery that
/// cannot be read says nothing about either.
fn tell_breaker(
    shared: &Shared,
    unit: &SinkUnit,
    task: &Task,
    result: &Result<Receipt, DeliveryError>,
) {
    let Ok(notification) = &task.notification else {
        return;
    };
    let destination = task.destination.as_ref();
    let is_probe = match destination {
        Some(_) => task.probes_destination,
        None => task.probes_sink,
    };
    let report = match result {
        Ok(_) => Report::Well { is_probe },
        Err(error) => failure::said(error, &notification.delivery_id, is_probe),
    };
    unit.breaker.report(shared, destination, report);
    if let Ok(receipt) = result {
        unit.breaker
            .delivered(shared, &notification.wishes, receipt);
    }
    // Whatever a destination took shows that the sink works; what it did not may be its own trouble.
    if destination.is_some() && task.probes_sink && result.is_ok() {
        unit.breaker
            .report(shared, None, Report::Well { is_probe: true });
    }
}

fn no_answer(timeout: Duration) -> DeliveryError {
    let seconds = timeout.as_secs_f64();
    DeliveryError::temporary(format!("no answer within {seconds} s"))
}

/// Writes outcomes until there are no more; waits while the store is away.
async fn complete(
    shared: Arc<Shared>,
    unit: Arc<SinkUnit>,
    mut outcomes: mpsc::Receiver<Attempted>,
) {
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    while outcomes.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        let mut by_shard: HashMap<Shard, Ended> = HashMap::new();
        for attempted in batch.drain(..) {
            let ended = by_shard.entry(attempted.shard).or_default();
            ended.completions.push(attempted.completion);
            ended.priorities.push(attempted.priority);
            ended.are_about_dead.push(attempted.is_about_dead);
        }
        let writes = by_shard
            .into_iter()
            .map(|(shard, ended)| complete_shard(&shared, &unit, shard, ended));
        join_all(writes).await;
    }
}

async fn complete_shard(shared: &Shared, unit: &SinkUnit, shard: Shard, ended: Ended) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        let complete = shared
            .store
            .complete(shard, unit.name(), &ended.completions);
        match shared.call("complete", complete).await {
            Ok(Outcomes { done, queued }) => {
                partly::queued_instead(shared, unit, shard, &ended.completions, queued);
                tell_of_dead(shared, unit, &ended, &done);
                let lost = done.iter().filter(|done| !**done).count();
                if lost > 0 {
                    tracing::info!(
                        sink.name = unit.name(),
                        lost,
                        "leases ended before attempts did"
                    );
                }
                break;
            }
            Err(error) => {
                tracing::debug!(%error, "an outcome is written again");
                tokio::time::sleep(backoff.fail()).await;
            }
        }
    }
    let now = shared.clock.now();
    for (completion, priority) in ended.completions.iter().zip(ended.priorities) {
        let delay = match completion.outcome {
            Outcome::Retry(delay) => delay,
            Outcome::Returned => Duration::ZERO,
            Outcome::Postponed(delay) => delay,
            Outcome::Delivered | Outcome::Dead => continue,
        };
        let agenda = unit.agenda(priority);
        agenda.hint(usize::from(shard.0), now + delay);
    }
}

/// Tells which of what `ended` was given up, as far as that is `done`.
fn tell_of_dead(shared: &Shared, unit: &SinkUnit, ended: &Ended, done: &[bool]) {
    let all = ended.completions.iter().zip(&ended.are_about_dead);
    for ((completion, is_about_dead), _) in all.zip(done).filter(|(_, done)| **done) {
        if completion.outcome == Outcome::Dead {
            let (reason, at) = (&completion.attempt.detail, completion.attempt.at);
            shared
                .dead
                .given_up(unit.name(), 1, reason, !is_about_dead, at);
        }
    }
}
