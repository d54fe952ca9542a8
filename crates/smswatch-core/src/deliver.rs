//! Stage four: one sink's queue; claims what is due, attempts it, and writes what came of it.

pub(crate) mod breaker;
mod claim;
mod failure;
pub(crate) mod fallback;
pub(crate) mod filling;
pub(crate) mod orphans;
pub(crate) mod overflow;
pub(crate) mod partly;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::join_all;
use smswatch_model::Notification;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::breaker::{Report, Turn};
use self::claim::Waiting;
use crate::codec;
use crate::limiter::Limiter;
use crate::metrics::{DeliveryLabels, SinkLabel};
use crate::pace::Backoff;
use crate::panics::panic_text;
use crate::shared::{Shared, SinkUnit};
use crate::sink::{DeliveryError, Receipt};
use crate::store::{Attempt, ClaimedDelivery, Completion, Outcome, Outcomes, Priority, Shard};
use crate::witness::Witness;

/// How much longer than an attempt's timeout its lease is.
const LEASE_MARGIN: Duration = Duration::from_secs(10);

/// How long after the claim an attempt may begin: it is then over well before the lease, and nobody
/// else begins it meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much later than its timeout an attempt ends at most, unless the whole process stood still, or a
/// sink keeps a thread of the runtime to itself.
const PUNCTUAL: Duration = Duration::from_secs(1);

/// How many outcomes are written together at most.
const MOST_AT_ONCE: usize = 512;

/// The outcome of an attempt, to be written.
struct Attempted {
    shard: Shard,
    priority: Priority,
    completion: Completion,
}

/// What came of the attempts on deliveries of one shard.
#[derive(Default)]
struct Ended {
    completions: Vec<Completion>,
    /// Of each of the completions, in their order.
    priorities: Vec<Priority>,
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
    let limiter = unit
        .settings
        .rate
        .map(|rate| Limiter::new(Arc::clone(&shared.store), unit.part(), rate));
    let limiter = limiter.as_ref();
    let work = async {
        tokio::join!(
            claim::run(&shared, &unit, limiter, waiting, stop),
            start_attempts(&shared, &unit, limiter, starts, attempted, cut),
            complete(Arc::clone(&shared), Arc::clone(&unit), outcomes),
        );
    };
    breaker::keep(&shared, &unit, work).await;
}

fn lease(unit: &SinkUnit) -> Duration {
    unit.settings.timeout + LEASE_MARGIN
}

/// Starts attempts as fast as the rate and the concurrency allow, until no more are handed on.
async fn start_attempts(
    shared: &Arc<Shared>,
    unit: &Arc<SinkUnit>,
    limiter: Option<&Limiter>,
    mut starts: mpsc::UnboundedReceiver<Waiting>,
    attempted: mpsc::Sender<Attempted>,
    cut: CancellationToken,
) {
    let attempts = TaskTracker::new();
    while let Some(next) = starts.recv().await {
        let begun = begin(shared, unit, limiter, &next);
        let turn = cut.run_until_cancelled(begun).await.flatten();
        drop(next.room);
        let (shard, priority, delivery) = (next.shard, next.priority, next.delivery);
        let Some(turn) = turn else {
            let returned = Attempted {
                shard,
                priority,
                completion: returned(shared, &delivery),
            };
            let _sent = attempted.send(returned).await;
            continue;
        };
        let (shared, unit, attempted) = (Arc::clone(shared), Arc::clone(unit), attempted.clone());
        let cut = cut.clone();
        attempts.spawn(async move {
            let attempt = attempt(&shared, &unit, shard, priority, &delivery, next.is_probe);
            let done = match cut.run_until_cancelled(attempt).await {
                Some(done) => done,
                None => Attempted {
                    shard,
                    priority,
                    completion: interrupted(&shared, &delivery, "smswatch stopped"),
                },
            };
            drop(turn);
            let _sent = attempted.send(done).await;
        });
    }
    attempts.close();
    attempts.wait().await;
}

/// Waits for the right to attempt what was claimed; none for what was parked meanwhile, or has waited
/// too long: it goes back, and comes again, here or elsewhere.
async fn begin(
    shared: &Shared,
    unit: &Arc<SinkUnit>,
    limiter: Option<&Limiter>,
    next: &Waiting,
) -> Option<Turn> {
    let turn = if next.is_probe {
        Turn::probe(unit)
    } else {
        Turn::wait(shared, unit).await?
    };
    // A permit that comes too late would be one less for the others.
    let patience = PATIENCE.checked_sub(next.claimed.elapsed())?;
    if let Some(limiter) = limiter
        && !limiter.permit_within(patience).await.ok()?
    {
        return None;
    }
    Some(turn)
}

/// A delivery goes back without an attempt.
fn returned(shared: &Shared, delivery: &ClaimedDelivery) -> Completion {
    given_back(
        shared,
        delivery,
        Outcome::Returned,
        "returned",
        String::new(),
    )
}

/// An attempt that this process cut short, whose answer nobody will know. It may have arrived: it is
/// kept among the attempts, and the next one is due at once, here or elsewhere. It says nothing about
/// the sink.
fn interrupted(shared: &Shared, delivery: &ClaimedDelivery, why: &str) -> Completion {
    let detail = format!("{why} before there was an answer");
    given_back(
        shared,
        delivery,
        Outcome::Retry(Duration::ZERO),
        "retry",
        detail,
    )
}

fn given_back(
    shared: &Shared,
    delivery: &ClaimedDelivery,
    outcome: Outcome,
    result: &str,
    detail: String,
) -> Completion {
    Completion {
        id: delivery.id.clone(),
        token: delivery.token,
        outcome,
        attempt: Attempt {
            at: shared.clock.now(),
            result: result.to_owned(),
            detail,
        },
        fallback: None,
    }
}

async fn attempt(
    shared: &Shared,
    unit: &SinkUnit,
    shard: Shard,
    priority: Priority,
    delivery: &ClaimedDelivery,
    is_probe: bool,
) -> Attempted {
    let started = Instant::now();
    let notification = codec::decode_notification(&delivery.body);
    let result = match &notification {
        Ok(notification) => deliver(unit, notification).await,
        Err(error) => {
            shared.metrics.unreadable.inc();
            Err(DeliveryError::permanent(error.to_string()))
        }
    };
    let ended = Instant::now();
    let is_late = ended - started > unit.settings.timeout + PUNCTUAL;
    if result.is_err() && is_late && Witness::get().stood_still(started, ended) {
        return Attempted {
            shard,
            priority,
            completion: interrupted(shared, delivery, "smswatch stood still"),
        };
    }
    let sink = SinkLabel {
        sink: unit.name.clone(),
    };
    let seconds = started.elapsed().as_secs_f64();
    shared
        .metrics
        .delivery_seconds
        .get_or_create(&sink)
        .observe(seconds);
    let now = shared.clock.now();
    let mut rest = None;
    let (outcome, result, detail) = match result {
        Ok(receipt) => {
            unit.breaker.report(shared, Report::Well { is_probe });
            if let Ok(notification) = &notification {
                unit.breaker
                    .delivered(shared, &notification.wishes, &receipt);
                rest = partly::rest(unit.name(), notification, &receipt);
                if receipt.refusals().is_some() {
                    shared.metrics.left_out.get_or_create(&sink).inc();
                }
            }
            if let Some(event) = notification.iter().flat_map(|made| &made.events).next() {
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
            if let Some(report) = failure::said(&error, is_probe) {
                unit.breaker.report(shared, report);
            }
            match failure::next_attempt(unit, delivery, &error, is_probe, now) {
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
    let attempt = Attempt {
        at: now,
        result: result.to_owned(),
        detail,
    };
    let fallback = notification
        .ok()
        .filter(|_| outcome == Outcome::Dead)
        .and_then(|dead| fallback::of(unit, dead));
    // What has died has no rest, and what was delivered no fallback.
    let fallback = fallback.or(rest);
    let completion = Completion {
        id: delivery.id.clone(),
        token: delivery.token,
        outcome,
        attempt,
        fallback,
    };
    Attempted {
        shard,
        priority,
        completion,
    }
}

/// One attempt within its time; a sink that panics has failed for now.
async fn deliver(unit: &SinkUnit, notification: &Notification) -> Result<Receipt, DeliveryError> {
    let attempt = AssertUnwindSafe(unit.sink.deliver(notification)).catch_unwind();
    match tokio::time::timeout(unit.settings.timeout, attempt).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => {
            let what = panic_text(panic.as_ref()).to_owned();
            tracing::error!(sink.name = unit.name(), what, "a sink panicked");
            Err(DeliveryError::temporary("the sink has a bug: it panicked"))
        }
        Err(_) => {
            let seconds = unit.settings.timeout.as_secs_f64();
            Err(DeliveryError::temporary(format!(
                "no answer within {seconds} s"
            )))
        }
    }
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
            Outcome::Delivered | Outcome::Dead => continue,
        };
        let agenda = unit.agenda(priority);
        agenda.hint(usize::from(shard.0), now + delay);
    }
}
