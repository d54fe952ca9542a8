//! Stage four: one sink's queue; claims what is due, attempts it, and writes what came of it.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::join_all;
use smswatch_model::{Notification, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::codec;
use crate::fallback;
use crate::limiter::Limiter;
use crate::metrics::{DeliveryLabels, SinkLabel};
use crate::pace::{self, Backoff};
use crate::poison::panic_text;
use crate::shared::{Shared, SinkUnit};
use crate::sink::{DeliveryError, Receipt, Retry};
use crate::store::{Attempt, ClaimedDelivery, Completion, NewDelivery, Outcome, Shard};

/// How much longer than an attempt's timeout its lease is.
const LEASE_MARGIN: Duration = Duration::from_secs(10);

/// How long before its lease ends an attempt must be over, so that nobody else begins it meanwhile.
const SAFETY: Duration = Duration::from_secs(5);

/// The longest delay that a receiver's `Retry-After` can cause, whatever it says.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How many outcomes are written together at most.
const MOST_AT_ONCE: usize = 512;

/// A claimed delivery that waits for its attempt; its permit goes back when the attempt starts.
struct Waiting {
    shard: Shard,
    delivery: ClaimedDelivery,
    claimed: Instant,
    room: OwnedSemaphorePermit,
}

/// The outcome of an attempt, to be written.
struct Attempted {
    shard: Shard,
    completion: Completion,
    /// What another sink gets because this one did not take it.
    fallback: Option<NewDelivery>,
}

/// Delivers to one sink until it is told to stop; what was claimed by then is attempted.
pub(crate) async fn run(shared: Arc<Shared>, unit: Arc<SinkUnit>, stop: CancellationToken) {
    let (waiting, starts) = mpsc::unbounded_channel();
    let (attempted, outcomes) = mpsc::channel(MOST_AT_ONCE);
    tokio::join!(
        claim(Arc::clone(&shared), Arc::clone(&unit), waiting, stop),
        start_attempts(Arc::clone(&shared), Arc::clone(&unit), starts, attempted),
        complete(shared, unit, outcomes),
    );
}

fn lease(unit: &SinkUnit) -> Duration {
    unit.settings.timeout + LEASE_MARGIN
}

async fn claim(
    shared: Arc<Shared>,
    unit: Arc<SinkUnit>,
    waiting: mpsc::UnboundedSender<Waiting>,
    stop: CancellationToken,
) {
    // As many wait as can run: the next attempt then never waits for a round trip.
    let room = Arc::new(Semaphore::new(unit.settings.concurrency.max(1)));
    let half = u32::try_from(room.available_permits().div_ceil(2)).unwrap_or(u32::MAX);
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut next_shard = 0;
    loop {
        let permits = tokio::select! {
            () = stop.cancelled() => return,
            permits = room_and_work(&shared, &unit, &room, half) => permits,
        };
        if claim_round(&shared, &unit, &waiting, permits, &mut next_shard).await {
            backoff.succeed();
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.fail()) => {}
        }
    }
}

/// Waits until something is due and there is room for it.
async fn room_and_work(
    shared: &Shared,
    unit: &SinkUnit,
    room: &Arc<Semaphore>,
    half: u32,
) -> OwnedSemaphorePermit {
    unit.agenda.wait(&shared.clock).await;
    let acquired = Arc::clone(room).acquire_many_owned(half).await;
    let mut permits = acquired.expect("the semaphore is never closed");
    let more = u32::try_from(room.available_permits()).unwrap_or(u32::MAX);
    if let Ok(more) = Arc::clone(room).try_acquire_many_owned(more) {
        permits.merge(more);
    }
    permits
}

/// Claims as much as there are permits for; answers whether the store was there.
async fn claim_round(
    shared: &Shared,
    unit: &SinkUnit,
    waiting: &mpsc::UnboundedSender<Waiting>,
    mut permits: OwnedSemaphorePermit,
    next_shard: &mut u16,
) -> bool {
    let count = shared.store.shard_count();
    let now = shared.clock.now();
    for offset in 0..count {
        let shard = Shard((*next_shard + offset) % count);
        let limit = u32::try_from(permits.num_permits()).unwrap_or(u32::MAX);
        if limit == 0 {
            // The round goes on where it ended, so that no shard goes short.
            *next_shard = shard.0;
            return true;
        }
        if !unit.agenda.take(usize::from(shard.0), now) {
            continue;
        }
        let claim = shared
            .store
            .claim_deliveries(shard, unit.name(), limit, lease(unit));
        let Ok(claimed) = shared.call("claim_deliveries", claim).await else {
            unit.agenda.hint_now(usize::from(shard.0));
            return false;
        };
        if let Some(due) = claimed.next_due {
            unit.agenda.hint(usize::from(shard.0), due);
        }
        let now = Instant::now();
        for delivery in claimed.deliveries {
            let room = permits
                .split(1)
                .expect("a claim brings no more than was asked for");
            // The other half of this stage lives until this one has ended.
            let _sent = waiting.send(Waiting {
                shard,
                delivery,
                claimed: now,
                room,
            });
        }
    }
    true
}

/// Starts attempts as fast as the rate and the concurrency allow, until no more are handed on.
async fn start_attempts(
    shared: Arc<Shared>,
    unit: Arc<SinkUnit>,
    mut starts: mpsc::UnboundedReceiver<Waiting>,
    attempted: mpsc::Sender<Attempted>,
) {
    let limiter = unit
        .settings
        .rate
        .map(|rate| Limiter::new(Arc::clone(&shared.store), unit.part(), rate));
    let slots = Arc::new(Semaphore::new(unit.settings.concurrency.max(1)));
    let attempts = TaskTracker::new();
    while let Some(Waiting {
        shard,
        delivery,
        claimed,
        room,
    }) = starts.recv().await
    {
        let slot = Arc::clone(&slots)
            .acquire_owned()
            .await
            .expect("never closed");
        drop(room);
        if let Some(limiter) = &limiter
            && limiter.permit().await.is_err()
        {
            continue;
        }
        // What has waited too long is left to its lease: it comes again, here or elsewhere.
        if claimed.elapsed() + unit.settings.timeout + SAFETY > lease(&unit) {
            continue;
        }
        let (shared, unit, attempted) = (Arc::clone(&shared), Arc::clone(&unit), attempted.clone());
        attempts.spawn(async move {
            let done = attempt(&shared, &unit, shard, delivery).await;
            drop(slot);
            let _sent = attempted.send(done).await;
        });
    }
    attempts.close();
    attempts.wait().await;
}

async fn attempt(
    shared: &Shared,
    unit: &SinkUnit,
    shard: Shard,
    delivery: ClaimedDelivery,
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
    let (outcome, result, detail) = match result {
        Ok(receipt) => {
            shared.health.well(&unit.part());
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
            shared.health.trouble(&unit.part(), &detail);
            match after_failure(unit, &delivery, error.retry(), now) {
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
    let completion = Completion {
        id: delivery.id,
        token: delivery.token,
        outcome,
        attempt,
    };
    Attempted {
        shard,
        completion,
        fallback,
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

/// How long to wait before the next attempt; none when there is to be none.
fn after_failure(
    unit: &SinkUnit,
    delivery: &ClaimedDelivery,
    retry: Retry,
    now: Timestamp,
) -> Option<Duration> {
    let settings = &unit.settings.retry;
    let planned = pace::retry_delay(&settings.schedule, delivery.attempts_made, fastrand::f64());
    let delay = match retry {
        Retry::Never => return None,
        Retry::Later => planned,
        Retry::After(asked) => asked.clamp(Duration::from_secs(1), MAX_RETRY_AFTER),
    };
    let end = delivery.queued_at + settings.give_up_after;
    (now + delay <= end).then_some(delay)
}

/// Writes outcomes until there are no more; waits while the store is away.
async fn complete(
    shared: Arc<Shared>,
    unit: Arc<SinkUnit>,
    mut outcomes: mpsc::Receiver<Attempted>,
) {
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    while outcomes.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        let mut by_shard: HashMap<Shard, (Vec<Completion>, Vec<NewDelivery>)> = HashMap::new();
        for attempted in batch.drain(..) {
            let (completions, fallbacks) = by_shard.entry(attempted.shard).or_default();
            completions.push(attempted.completion);
            fallbacks.extend(attempted.fallback);
        }
        let writes = by_shard
            .into_iter()
            .map(|(shard, (completions, fallbacks))| {
                complete_shard(&shared, &unit, shard, completions, fallbacks)
            });
        join_all(writes).await;
    }
}

async fn complete_shard(
    shared: &Shared,
    unit: &SinkUnit,
    shard: Shard,
    completions: Vec<Completion>,
    fallbacks: Vec<NewDelivery>,
) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        // The fallback first: should the process end in between, the attempt is made again, and
        // what is queued again under the same name changes nothing.
        let written = async {
            fallback::hand_over(shared, unit, shard, fallbacks.clone()).await?;
            let completions = completions.clone();
            let complete = shared.store.complete(shard, unit.name(), completions);
            shared.call("complete", complete).await
        };
        match written.await {
            Ok(held) => {
                let lost = held.iter().filter(|held| !**held).count();
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
    for completion in completions {
        if let Outcome::Retry(delay) = completion.outcome {
            unit.agenda.hint(usize::from(shard.0), now + delay);
        }
    }
}
