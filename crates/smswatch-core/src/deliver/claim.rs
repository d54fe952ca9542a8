//! Claims one sink's deliveries: critical ones of all shards first, no more than there is room for.

mod turns;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::turns::{Round, Shards};
use super::SinkUnit;
use super::breaker::{Admission, Flow};
use super::destination::Destination;
use super::load::Load;
use super::task::Task;
use super::{Attempted, lease, send_all};
use crate::budget::ATTEMPT_BEGINS_WITHIN;
use crate::codec::{self, InvalidBody};
use crate::context::Context;
use crate::store::{ClaimedDeliveries, Outcome, Pick, Priority, Shard, StoreError};

/// How many deliveries are claimed beyond the room there is while some destination is held back: what
/// waits for it goes back at once, and must not be in the way of the others.
const SIFTED: usize = 256;

/// How many deliveries are claimed at most to see how much waits of each rule, and how long that may take.
const MOST_LOOKED_AT: usize = 1024;
const LOOK_FOR: Duration = Duration::from_millis(500);

/// How long a claim is waited for before others are made. One that is answered later is of use then.
const PROMPT: Duration = Duration::from_millis(200);

/// One of a sink's queues.
type Queue = (Shard, Priority);

/// What a claim from a queue came to.
type Answer = (Queue, Result<ClaimedDeliveries, StoreError>);

/// What was claimed for an attempt and waits for it; its permit goes back when the attempt starts.
pub(super) struct WaitingAttempt {
    pub(super) load: Load,
    pub(super) claimed: Instant,
    pub(super) room: OwnedSemaphorePermit,
}

/// Claims until it is told to stop; what is held back goes to `attempted` without an attempt. Each shard is
/// claimed from by itself, so that one whose steps fail or hang holds up no other.
pub(super) async fn run(
    context: &Context,
    unit: &Arc<SinkUnit>,
    waiting: mpsc::UnboundedSender<WaitingAttempt>,
    attempted: mpsc::Sender<Attempted>,
    stop: CancellationToken,
) {
    let most = most_waiting(unit);
    let room = Arc::new(Semaphore::new(most));
    let half = u32::try_from(most.div_ceil(2)).unwrap_or(u32::MAX);
    let mut claims = Claims {
        context,
        unit,
        waiting: &waiting,
        attempted: &attempted,
        shards: Shards::default(),
        late: FuturesUnordered::new(),
        claimed: Vec::new(),
        is_looking: false,
    };
    let mut round = Round::default();
    loop {
        let (mut permits, late) = tokio::select! {
            () = stop.cancelled() => break,
            Some(late) = claims.late.next() => (all_there_is(&room), Some(late)),
            permits = room_and_work(context, unit, &room, half) => (permits, None),
        };
        let changed = unit.breaker.changed();
        let waiting_now = most - room.available_permits() - permits.num_permits();
        let allowed = allowance(context, unit, &mut round, waiting_now).await;
        let surplus = permits.num_permits().saturating_sub(allowed);
        drop(permits.split(surplus));
        if let Some(late) = late {
            claims.answered(late).await;
            claims.hand_on(&mut permits, &mut round).await;
        } else if allowed > 0 {
            claims.round(&mut permits, &mut round).await;
        } else {
            drop(permits);
            let parked_for = unit.breaker.parked_for(context.clock.now());
            tokio::select! {
                () = stop.cancelled() => break,
                () = changed => {}
                () = tokio::time::sleep(parked_for) => {}
            }
        }
    }
    // Nothing is begun any more: what these bring goes back.
    while let Some(late) = claims.late.next().await {
        let mut none = all_there_is(&Arc::new(Semaphore::new(0)));
        claims.answered(late).await;
        claims.hand_on(&mut none, &mut round).await;
    }
}

/// As many permits as there are just now, possibly none.
fn all_there_is(room: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    let available = u32::try_from(room.available_permits()).unwrap_or(u32::MAX);
    // No other task takes permits, so there are at least that many.
    let permits = Arc::clone(room).try_acquire_many_owned(available);
    permits.expect("the semaphore is never closed")
}

/// How many deliveries may be claimed now, given how many already wait for their attempt.
async fn allowance(context: &Context, unit: &SinkUnit, round: &mut Round, waiting: usize) -> usize {
    let flow = unit.breaker.flow(context).await;
    let now = context.clock.now();
    if let Flow::Open { .. } = flow {
        round.probe_until = None;
        return unit.breaker.room(now, waiting);
    }
    if flow == Flow::Probe && unit.breaker.take_probe(context, None).await {
        round.probe_until = Some(now + unit.settings.breaker.probe);
    }
    let has_probe =
        unit.breaker.may_probe(now) && round.probe_until.is_some_and(|until| now < until);
    usize::from(has_probe)
}

/// How many may wait for their attempt: as many as can run, so that the next one never waits for a
/// round trip, and no more than the rate lets begin in time.
fn most_waiting(unit: &SinkUnit) -> usize {
    let most = unit.settings.concurrency.max(1);
    unit.settings.rate.map_or(most, |rate| {
        let grown = usize::try_from(rate.permits_in(ATTEMPT_BEGINS_WITHIN)).unwrap_or(usize::MAX);
        grown.clamp(1, most)
    })
}

/// Waits until something is due and there is room, and maybe a permit, for it.
async fn room_and_work(
    context: &Context,
    unit: &SinkUnit,
    room: &Arc<Semaphore>,
    half: u32,
) -> OwnedSemaphorePermit {
    let [critical, normal] = &unit.inbox.due;
    tokio::select! {
        () = critical.wait(&context.clock) => {}
        () = normal.wait(&context.clock) => {}
        () = unit.breaker.time_to_probe(&context.clock) => {}
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
    context: &'a Context,
    unit: &'a Arc<SinkUnit>,
    waiting: &'a mpsc::UnboundedSender<WaitingAttempt>,
    attempted: &'a mpsc::Sender<Attempted>,
    shards: Shards,
    /// Claims that were not answered promptly. Others go on meanwhile.
    late: FuturesUnordered<BoxFuture<'a, Answer>>,
    /// What was claimed and is not handed on yet, and when.
    claimed: Vec<(Task, Instant)>,
    /// More is claimed than there is room for, to see how much waits of each rule.
    is_looking: bool,
}

impl<'a> Claims<'a> {
    /// Claims as much as there are permits for. Who has the right to probe needs something to send: when
    /// nothing is due, it is what waits for a later attempt.
    async fn round(&mut self, permits: &mut OwnedSemaphorePermit, round: &mut Round) {
        let count = self.context.store.shard_count();
        let now = self.context.clock.now();
        self.is_looking = round.is_to_look(self.unit, now);
        let began = Instant::now();
        while permits.num_permits() > 0 {
            if self.is_looking
                && (self.claimed.len() >= MOST_LOOKED_AT || began.elapsed() >= LOOK_FOR)
            {
                break;
            }
            let due = round.take_due(self.unit, &mut self.shards, count, now);
            let Some((shard, priority)) = due else {
                break;
            };
            self.due((shard, priority), permits).await;
            if !self.is_looking {
                self.hand_on(permits, round).await;
            }
        }
        self.hand_on(permits, round).await;
        self.is_looking = false;
        for priority in Priority::ALL {
            for shard in self.context.shards() {
                // What a later version wrote probes nothing: the one behind it does.
                while round.probe_until.is_some()
                    && self.shards.let_in(self.unit, (shard, priority), now)
                    && self.early((shard, priority), permits, round).await
                {}
            }
        }
    }

    /// Takes what is due.
    async fn due(&mut self, queue: Queue, permits: &OwnedSemaphorePermit) {
        let (context, unit) = (self.context, self.unit);
        let is_sifted = self.is_looking
            || self.shards.is_sifted
            || unit.breaker.holds_destinations(context.clock.now());
        let more = if is_sifted { SIFTED } else { 0 };
        let limit = u32::try_from(permits.num_permits() + more).unwrap_or(u32::MAX);
        let (shard, priority) = queue;
        let claim = async move {
            let (sink, lease) = (unit.name(), lease(unit));
            let claim =
                context
                    .store
                    .claim_deliveries(shard, sink, priority, Pick::Due(limit), lease);
            (queue, context.call("claim_deliveries", claim).await)
        };
        self.promptly(queue, claim.boxed()).await;
    }

    /// Takes what would be due first. Returns whether another one is to be taken in its place, as it was
    /// left to a later version.
    async fn early(
        &mut self,
        queue: Queue,
        permits: &mut OwnedSemaphorePermit,
        round: &mut Round,
    ) -> bool {
        let (context, unit) = (self.context, self.unit);
        let (shard, priority) = queue;
        let claim = async move {
            let (sink, lease) = (unit.name(), lease(unit));
            let claim = context
                .store
                .claim_deliveries(shard, sink, priority, Pick::First, lease);
            (queue, context.call("claim_deliveries", claim).await)
        };
        let n_left = self.promptly(queue, claim.boxed()).await;
        self.hand_on(permits, round).await;
        n_left > 0
    }

    /// Waits for a claim's answer, though not for long: one that comes later is taken then. Returns how many
    /// of the deliveries were left to a later version.
    async fn promptly(&mut self, queue: Queue, mut claim: BoxFuture<'a, Answer>) -> usize {
        match tokio::time::timeout(PROMPT, &mut claim).await {
            Ok(answer) => self.answered(answer).await,
            Err(_) => {
                self.shards.under_way.insert(queue, false);
                self.late.push(claim);
                0
            }
        }
    }

    /// Takes what a claim brought. Returns how many of the deliveries were left to a later version.
    async fn answered(&mut self, (queue, answer): Answer) -> usize {
        let (shard, priority) = queue;
        let (due_times, place) = (self.unit.inbox.due(priority), usize::from(shard.0));
        if self.shards.under_way.remove(&queue) == Some(true) {
            due_times.hint_now(place);
        }
        match answer {
            Ok(claimed) => {
                self.shards.failing.remove(&queue);
                self.take(queue, claimed).await
            }
            Err(_) => {
                let now = self.context.clock.now();
                due_times.hint(place, self.shards.fail(queue, now));
                0
            }
        }
    }

    /// Reads what was claimed; what cannot be read as a later version wrote it is left to that at once. Returns how
    /// many those are.
    async fn take(&mut self, (shard, priority): Queue, claimed: ClaimedDeliveries) -> usize {
        if let Some(due) = claimed.next_due {
            let due_times = self.unit.inbox.due(priority);
            due_times.hint(usize::from(shard.0), due);
        }
        self.unit
            .inbox
            .left
            .set(priority.index(), shard, claimed.left);
        let (now, mut n_left) = (Instant::now(), 0);
        for delivery in claimed.deliveries {
            let notification = codec::decode_notification(&delivery.body);
            let notification = notification.map(|notification| self.unit.shown(notification));
            let destination = match &notification {
                Ok(notification) => Destination::of(notification),
                Err(_) => None,
            };
            let task = Task {
                shard,
                priority,
                delivery,
                notification,
                destination,
                probes_sink: false,
                probes_destination: false,
                share: None,
            };
            if task.notification.as_ref().is_err_and(InvalidBody::is_newer) {
                n_left += 1;
                let left = vec![task.given_back(self.context, Outcome::Left)];
                send_all(self.attempted, left).await;
            } else {
                self.claimed.push((task, now));
            }
        }
        self.shards.is_sifted = n_left > 0;
        n_left
    }

    /// Hands on what was claimed, as much as there is room for; the rest goes back.
    async fn hand_on(&mut self, permits: &mut OwnedSemaphorePermit, round: &mut Round) {
        let Some(claimed) = self.claimed.iter().map(|(_, at)| *at).min() else {
            return;
        };
        let tasks = self.claimed.drain(..).map(|(task, _)| task).collect();
        let above = self.unit.settings.digest_above;
        for mut load in Load::of(tasks, above.filter(|_| round.probe_until.is_none())) {
            if permits.num_permits() == 0 {
                let returned = load.given_back(self.context, Outcome::Returned);
                send_all(self.attempted, returned).await;
                continue;
            }
            if let Some(kept) = kept_back(self.context, self.unit, &mut load.first).await {
                let mut returned = self.held(load.take_others());
                returned.insert(0, load.first.given_back(self.context, kept));
                send_all(self.attempted, returned).await;
                continue;
            }
            if load.first.probes_destination {
                // One delivery is enough to see whether the destination is well again.
                let returned = self.held(load.take_others());
                send_all(self.attempted, returned).await;
            }
            if load.len() > 1 {
                round.look_again();
            }
            let room = permits
                .split(1)
                .expect("what there is no room for goes back");
            load.first.probes_sink = round.probe_until.take().is_some();
            // The other half of this stage lives until this one has ended.
            let _sent = self.waiting.send(WaitingAttempt {
                load,
                claimed,
                room,
            });
        }
    }

    /// What is for a destination that is held back goes back, each with a time of its own.
    fn held(&self, tasks: Vec<Task>) -> Vec<Attempted> {
        let now = self.context.clock.now();
        let held = tasks.iter().filter_map(|task| {
            let destination = task.destination.as_ref()?;
            let delay = self.unit.breaker.postponed_for(destination, now);
            Some(task.given_back(self.context, Outcome::Postponed(delay)))
        });
        held.collect()
    }
}

/// How a delivery goes back that is not to be attempted now, as its destination is held back; `None` when it is
/// attempted.
async fn kept_back(context: &Context, unit: &Arc<SinkUnit>, task: &mut Task) -> Option<Outcome> {
    let destination = task.destination.as_ref()?;
    match unit.breaker.judge(context, destination).await {
        Admission::Attempt { is_probe } => {
            task.probes_destination = is_probe;
            let breaker = &unit.breaker;
            task.share = breaker.share(unit, destination, is_probe);
            task.share.is_none().then(|| {
                let now = context.clock.now();
                Outcome::Postponed(breaker.postponed_for(destination, now))
            })
        }
        Admission::Postpone(delay) => Some(Outcome::Postponed(delay)),
    }
}
