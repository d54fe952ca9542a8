//! Claims one sink's deliveries: critical ones of all shards first, no more than there is room for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smswatch_model::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::breaker::Flow;
use super::{PATIENCE, lease};
use crate::limiter::Limiter;
use crate::pace::Backoff;
use crate::shared::{Shared, SinkUnit};
use crate::store::{ClaimedDeliveries, ClaimedDelivery, Priority, Shard, StoreError};

/// A claimed delivery that waits for its attempt; its permit goes back when the attempt starts.
pub(super) struct Waiting {
    pub(super) shard: Shard,
    pub(super) priority: Priority,
    pub(super) delivery: ClaimedDelivery,
    pub(super) claimed: Instant,
    pub(super) room: OwnedSemaphorePermit,
    /// It probes whether the receiver is well again.
    pub(super) is_probe: bool,
}

/// Claims until it is told to stop.
pub(super) async fn run(
    shared: &Shared,
    unit: &SinkUnit,
    limiter: Option<&Limiter>,
    waiting: mpsc::UnboundedSender<Waiting>,
    stop: CancellationToken,
) {
    let most = most_waiting(unit);
    let room = Arc::new(Semaphore::new(most));
    let half = u32::try_from(most.div_ceil(2)).unwrap_or(u32::MAX);
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut round = Round::default();
    loop {
        let mut permits = tokio::select! {
            () = stop.cancelled() => return,
            permits = room_and_work(shared, unit, limiter, &room, half) => permits,
        };
        let changed = unit.breaker.changed();
        let waiting_now = most - room.available_permits() - permits.num_permits();
        let claimed = match allowance(shared, unit, &mut round, waiting_now).await {
            Ok(0) => {
                drop(permits);
                let parked_for = unit.breaker.parked_for(shared.clock.now());
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = changed => {}
                    () = tokio::time::sleep(parked_for) => {}
                }
                continue;
            }
            Ok(allowed) => {
                let surplus = permits.num_permits().saturating_sub(allowed);
                drop(permits.split(surplus));
                claim_round(shared, unit, &waiting, permits, &mut round).await
            }
            Err(error) => Err(error),
        };
        if claimed.is_ok() {
            backoff.succeed();
            continue;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.fail()) => {}
        }
    }
}

/// Where claiming goes on.
#[derive(Debug, Default)]
struct Round {
    /// Which shard is looked at first, by priority, so that no shard goes short.
    next_shards: [u16; 2],
    /// Until when this process has the right to probe, and has not used it yet.
    probe_until: Option<Timestamp>,
}

impl Round {
    /// A shard in which something is due, and its priority: critical ones of all shards go first. It
    /// counts as taken from the agenda.
    fn take_due(
        &mut self,
        unit: &SinkUnit,
        shards: u16,
        now: Timestamp,
    ) -> Option<(Shard, Priority)> {
        Priority::ALL.into_iter().find_map(|priority| {
            let next = &mut self.next_shards[priority.index()];
            let agenda = unit.agenda(priority);
            let shard = (0..shards)
                .map(|offset| (*next + offset) % shards)
                .find(|shard| agenda.take(usize::from(*shard), now))?;
            *next = (shard + 1) % shards;
            Some((Shard(shard), priority))
        })
    }
}

/// How many deliveries may be claimed now, when so many wait for their attempt already.
async fn allowance(
    shared: &Shared,
    unit: &SinkUnit,
    round: &mut Round,
    waiting: usize,
) -> Result<usize, StoreError> {
    let flow = unit.breaker.flow(shared).await?;
    let now = shared.clock.now();
    if let Flow::Open { .. } = flow {
        round.probe_until = None;
        return Ok(unit.breaker.room(now, waiting));
    }
    if flow == Flow::Probe && unit.breaker.take_probe(shared).await? {
        round.probe_until = Some(now + unit.settings.breaker.probe);
    }
    let has_probe =
        unit.breaker.may_probe(now) && round.probe_until.is_some_and(|until| now < until);
    Ok(usize::from(has_probe))
}

/// How many may wait for their attempt: as many as can run, so that the next one never waits for a
/// round trip, and no more than the rate lets begin in time.
fn most_waiting(unit: &SinkUnit) -> usize {
    let most = unit.settings.concurrency.max(1);
    unit.settings.rate.map_or(most, |rate| {
        let grown = usize::try_from(rate.permits_in(PATIENCE)).unwrap_or(usize::MAX);
        grown.clamp(1, most)
    })
}

/// Waits until something is due and there is room, and maybe a permit, for it.
async fn room_and_work(
    shared: &Shared,
    unit: &SinkUnit,
    limiter: Option<&Limiter>,
    room: &Arc<Semaphore>,
    half: u32,
) -> OwnedSemaphorePermit {
    let [critical, normal] = &unit.agendas;
    tokio::select! {
        () = critical.wait(&shared.clock) => {}
        () = normal.wait(&shared.clock) => {}
        () = unit.breaker.time_to_probe(&shared.clock) => {}
    }
    if let Some(limiter) = limiter {
        limiter.ready().await;
    }
    let acquired = Arc::clone(room).acquire_many_owned(half).await;
    let mut permits = acquired.expect("the semaphore is never closed");
    let more = u32::try_from(room.available_permits()).unwrap_or(u32::MAX);
    if let Ok(more) = Arc::clone(room).try_acquire_many_owned(more) {
        permits.merge(more);
    }
    permits
}

/// Claims as much as there are permits for. Who has the right to probe needs something to send: when
/// nothing is due, it is what waits for a later attempt.
async fn claim_round(
    shared: &Shared,
    unit: &SinkUnit,
    waiting: &mpsc::UnboundedSender<Waiting>,
    permits: OwnedSemaphorePermit,
    round: &mut Round,
) -> Result<(), StoreError> {
    let count = shared.store.shard_count();
    let now = shared.clock.now();
    let mut claims = Claims {
        shared,
        unit,
        waiting,
        permits,
    };
    while claims.permits.num_permits() > 0 {
        let Some((shard, priority)) = round.take_due(unit, count, now) else {
            break;
        };
        claims.due(shard, priority, round).await?;
    }
    if round.probe_until.is_some() {
        for priority in Priority::ALL {
            for shard in shared.shards() {
                if round.probe_until.is_some() {
                    claims.early(shard, priority, round).await?;
                }
            }
        }
    }
    Ok(())
}

/// Claims, with as many permits as there is room for.
struct Claims<'a> {
    shared: &'a Shared,
    unit: &'a SinkUnit,
    waiting: &'a mpsc::UnboundedSender<Waiting>,
    permits: OwnedSemaphorePermit,
}

impl Claims<'_> {
    /// Takes what is due.
    async fn due(
        &mut self,
        shard: Shard,
        priority: Priority,
        round: &mut Round,
    ) -> Result<(), StoreError> {
        let (store, sink, lease) = (&self.shared.store, self.unit.name(), lease(self.unit));
        let limit = u32::try_from(self.permits.num_permits()).unwrap_or(u32::MAX);
        let claim = store.claim_deliveries(shard, sink, priority, limit, lease);
        let claimed = self.shared.call("claim_deliveries", claim).await;
        if claimed.is_err() {
            let agenda = self.unit.agenda(priority);
            agenda.hint_now(usize::from(shard.0));
        }
        self.hand_on(shard, priority, claimed?, round);
        Ok(())
    }

    /// Takes what would be due first.
    async fn early(
        &mut self,
        shard: Shard,
        priority: Priority,
        round: &mut Round,
    ) -> Result<(), StoreError> {
        let (store, sink, lease) = (&self.shared.store, self.unit.name(), lease(self.unit));
        let claim = store.claim_early(shard, sink, priority, lease);
        let claimed = self.shared.call("claim_deliveries", claim).await?;
        self.hand_on(shard, priority, claimed, round);
        Ok(())
    }

    fn hand_on(
        &mut self,
        shard: Shard,
        priority: Priority,
        claimed: ClaimedDeliveries,
        round: &mut Round,
    ) {
        if let Some(due) = claimed.next_due {
            let agenda = self.unit.agenda(priority);
            agenda.hint(usize::from(shard.0), due);
        }
        let now = Instant::now();
        for delivery in claimed.deliveries {
            let room = self
                .permits
                .split(1)
                .expect("a claim brings no more than was asked for");
            // The other half of this stage lives until this one has ended.
            let _sent = self.waiting.send(Waiting {
                shard,
                priority,
                delivery,
                claimed: now,
                room,
                is_probe: round.probe_until.take().is_some(),
            });
        }
    }
}
