//! Claims one sink's deliveries: critical ones of all shards first, no more than there is room for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smswatch_model::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::breaker::{Flow, Verdict};
use super::destination::Destination;
use super::task::Task;
use super::{Attempted, PATIENCE, lease};
use crate::codec;
use crate::pace::Backoff;
use crate::shared::{Shared, SinkUnit};
use crate::store::{ClaimedDeliveries, Outcome, Priority, Shard, StoreError};

/// How many deliveries are claimed beyond the room there is while some destination is held back: what
/// waits for it goes back at once, and must not be in the way of the others.
const SIFTED: usize = 256;

/// How long a delivery goes back about which nothing could be decided.
const UNDECIDED: Duration = Duration::from_secs(1);

/// A claimed delivery that waits for its attempt; its permit goes back when the attempt starts.
pub(super) struct Waiting {
    pub(super) task: Task,
    pub(super) claimed: Instant,
    pub(super) room: OwnedSemaphorePermit,
}

/// Claims until it is told to stop; what is held back goes to `attempted` without an attempt.
pub(super) async fn run(
    shared: &Shared,
    unit: &Arc<SinkUnit>,
    waiting: mpsc::UnboundedSender<Waiting>,
    attempted: mpsc::Sender<Attempted>,
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
            permits = room_and_work(shared, unit, &room, half) => permits,
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
                let mut claims = Claims {
                    shared,
                    unit,
                    waiting: &waiting,
                    attempted: &attempted,
                    permits,
                };
                claims.round(&mut round).await
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
    room: &Arc<Semaphore>,
    half: u32,
) -> OwnedSemaphorePermit {
    let [critical, normal] = &unit.agendas;
    tokio::select! {
        () = critical.wait(&shared.clock) => {}
        () = normal.wait(&shared.clock) => {}
        () = unit.breaker.time_to_probe(&shared.clock) => {}
    }
    if let Some(limiter) = &unit.limiter {
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

/// Claims, with as many permits as there is room for.
struct Claims<'a> {
    shared: &'a Shared,
    unit: &'a Arc<SinkUnit>,
    waiting: &'a mpsc::UnboundedSender<Waiting>,
    attempted: &'a mpsc::Sender<Attempted>,
    permits: OwnedSemaphorePermit,
}

impl Claims<'_> {
    /// Claims as much as there are permits for. Who has the right to probe needs something to send: when
    /// nothing is due, it is what waits for a later attempt.
    async fn round(&mut self, round: &mut Round) -> Result<(), StoreError> {
        let count = self.shared.store.shard_count();
        let now = self.shared.clock.now();
        while self.permits.num_permits() > 0 {
            let Some((shard, priority)) = round.take_due(self.unit, count, now) else {
                break;
            };
            self.due(shard, priority, round).await?;
        }
        if round.probe_until.is_some() {
            for priority in Priority::ALL {
                for shard in self.shared.shards() {
                    if round.probe_until.is_some() {
                        self.early(shard, priority, round).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes what is due.
    async fn due(
        &mut self,
        shard: Shard,
        priority: Priority,
        round: &mut Round,
    ) -> Result<(), StoreError> {
        let (store, sink, lease) = (&self.shared.store, self.unit.name(), lease(self.unit));
        let is_sifted = self
            .unit
            .breaker
            .holds_destinations(self.shared.clock.now());
        let more = if is_sifted { SIFTED } else { 0 };
        let limit = u32::try_from(self.permits.num_permits() + more).unwrap_or(u32::MAX);
        let claim = store.claim_deliveries(shard, sink, priority, limit, lease);
        let claimed = self.shared.call("claim_deliveries", claim).await;
        if claimed.is_err() {
            let agenda = self.unit.agenda(priority);
            agenda.hint_now(usize::from(shard.0));
        }
        self.hand_on(shard, priority, claimed?, round).await;
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
        self.hand_on(shard, priority, claimed, round).await;
        Ok(())
    }

    async fn hand_on(
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
            let notification = codec::decode_notification(&delivery.body).map(Arc::new);
            let destination = match &notification {
                Ok(notification) => Destination::of(notification),
                Err(_) => None,
            };
            let mut task = Task {
                shard,
                priority,
                delivery,
                notification,
                destination,
                probes_sink: false,
                probes_destination: false,
                share: None,
            };
            if let Some(kept) = self.kept_back(&mut task).await {
                let returned = task.given_back(self.shared, kept);
                // Whoever writes what became of attempts outlives this half of the stage.
                let _sent = self.attempted.send(returned).await;
                continue;
            }
            let room = self
                .permits
                .split(1)
                .expect("what there is no room for is kept back");
            task.probes_sink = round.probe_until.take().is_some();
            // The other half of this stage lives until this one has ended.
            let _sent = self.waiting.send(Waiting {
                task,
                claimed: now,
                room,
            });
        }
    }

    /// How a delivery goes back that is not to be attempted now; `None` when it is attempted.
    async fn kept_back(&self, task: &mut Task) -> Option<Outcome> {
        if self.permits.num_permits() == 0 {
            return Some(Outcome::Returned);
        }
        let judged = match &task.destination {
            None => return None,
            Some(destination) => self.unit.breaker.judge(self.shared, destination).await,
        };
        match judged.unwrap_or(Verdict::Postpone(UNDECIDED)) {
            Verdict::Attempt { is_probe } => {
                task.probes_destination = is_probe;
                let destination = task.destination.as_ref()?;
                let breaker = &self.unit.breaker;
                task.share = breaker.share(self.unit, destination, is_probe);
                task.share.is_none().then(|| {
                    let now = self.shared.clock.now();
                    Outcome::Postponed(breaker.postponed_for(destination, now))
                })
            }
            Verdict::Postpone(delay) => Some(Outcome::Postponed(delay)),
        }
    }
}
