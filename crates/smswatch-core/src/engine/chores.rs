//! What a process does beside its stages: it sets its clock, trims history, and finds what other processes
//! left behind.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::EventKind;
use tokio::time::Instant;

use crate::alarm::{Alarms, Trouble};
use crate::arrivals::exchange;
use crate::clock::store_time;
use crate::contents::Left;
use crate::context::Context;
use crate::deliver::{self, Sinks};
use crate::forget::forget;
use crate::health::{CALLBACKS, STORE};
use crate::inbox::due_times::DueTimes;
use crate::inbox::{GroupInbox, LogInbox, PollInbox};
use crate::metrics::{Metrics, RecordLabel};
use crate::store::{Rate, Trimmed, WatchPriority};
use crate::watch::horizon;

/// How often the store is asked how it is, and the queues are read that another process may
/// have filled.
const PULSE: Duration = Duration::from_secs(5);

/// How long the store may take for an answer to the pulse, whose calls are small, before it counts as away.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often history is trimmed.
const TRIM: Duration = Duration::from_secs(10);

/// How often watches and deliveries are made due that are scheduled further ahead than they can be.
const RECALL: Duration = Duration::from_secs(60);

/// How many trims of one shard follow each other at most.
const MOST_TRIMS: u32 = 50;

/// What they touch.
#[derive(Debug)]
pub(super) struct Chores {
    pub(super) context: Arc<Context>,
    pub(super) polls: Arc<PollInbox>,
    pub(super) log: Arc<LogInbox>,
    pub(super) groups: Arc<GroupInbox>,
    pub(super) rates: Arc<GroupInbox>,
    pub(super) held: Arc<DueTimes>,
    pub(super) campaigns: Arc<DueTimes>,
    pub(super) alarms: Arc<Alarms>,
    pub(super) sinks: Arc<Sinks>,
}

/// Sets the clock by the store's, tells whether the store is there, and looks for what another
/// process left behind.
pub(super) async fn pulse(chores: Arc<Chores>) {
    let context = &chores.context;
    let mut beat = tokio::time::interval(PULSE);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let asked = Instant::now();
        let time = context.call("now", store_time(&*context.store));
        let Ok(now) = patiently(context, time).await else {
            context.liveness.rest();
            continue;
        };
        if context.health.is_in_trouble(STORE) && !patiently(context, takes_writes(context)).await {
            context.liveness.rest();
            continue;
        }
        context.clock.adjust(now, asked.elapsed());
        context.health.well(STORE);
        let left = left(&chores);
        context.contents.pulse(&context.health, now, &left);
        // Those whose loops wait for nothing but the store.
        let steady = [
            &chores.log.due,
            &chores.groups.due,
            &chores.rates.due,
            &*chores.held,
        ];
        context.liveness.beat(steady);
        let of_others = steady.into_iter().chain([&*chores.campaigns]);
        for due_times in chores.polls.due.iter().chain(of_others) {
            due_times.hint_all();
        }
        let sinks = chores.sinks.all();
        for unit in sinks.values() {
            unit.inbox.due.iter().for_each(DueTimes::hint_all);
        }
        // A sink that has nothing to deliver is asked about, too.
        let refreshes = sinks.values().map(|unit| unit.breaker.read(context));
        let _read = tokio::time::timeout(PULSE, join_all(refreshes)).await;
    }
}

/// Waits for what the store is asked for, and tells in the meantime that it does not answer: a disk that hangs
/// makes no error. It is asked no second time, since a call that never ends may keep its place in the store's client.
async fn patiently<T>(context: &Context, call: impl Future<Output = T>) -> T {
    let mut call = pin!(call);
    if let Ok(answer) = tokio::time::timeout(PATIENCE, &mut call).await {
        return answer;
    }
    let seconds = PATIENCE.as_secs();
    let trouble = format!("it does not answer: a call has taken more than {seconds} s");
    context.health.trouble(STORE, &trouble);
    call.await
}

/// Tells the other processes that callbacks arrive here, and everybody that they do not arrive anywhere.
pub(super) async fn callbacks(chores: Arc<Chores>) {
    let context = &chores.context;
    let mut beat = tokio::time::interval(exchange::EVERY);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let settings = context.settings();
        let Some(settings) = &settings.callbacks else {
            chores.alarms.callbacks(None);
            context.health.forget(CALLBACKS);
            continue;
        };
        // While the store is away, what is known here stands.
        let _exchanged = exchange::exchange(context).await;
        let now = context.clock.now();
        let silence = context.arrivals.silence(settings, now);
        let trouble = silence.map(|(since, description)| Trouble {
            call: None,
            kind: EventKind::CallbacksSilent,
            since,
            seen: now,
            description,
        });
        match &trouble {
            Some(trouble) => context.health.trouble(CALLBACKS, &trouble.description),
            None => context.health.well(CALLBACKS),
        }
        chores.alarms.callbacks(trouble);
    }
}

/// What is left to a later version, which the metrics tell, too.
fn left(chores: &Chores) -> Left {
    let mut left = Left {
        watches: chores.polls.put_aside.total(),
        deliveries: 0,
    };
    let metrics = &chores.context.metrics;
    metrics.set_put_aside(left.watches);
    for unit in chores.sinks.all().values() {
        let count = unit.inbox.left.total();
        metrics.set_deliveries_left(&unit.name, count);
        left.deliveries += count;
    }
    left
}

/// A store that tells the time may still refuse what is written: a replica after a failover, a full
/// disk. A permit of a rate that nothing else uses shows it.
async fn takes_writes(context: &Context) -> bool {
    let rate = Rate {
        permits: 1,
        per: Duration::from_secs(1),
    };
    let reserve = context.store.reserve("pulse", rate, 1);
    context.call("reserve", reserve).await.is_ok()
}

/// Takes up what a clock that was wrong has scheduled further ahead than anything can be.
pub(super) async fn recall(chores: Arc<Chores>) {
    let context = &chores.context;
    let mut beat = tokio::time::interval(RECALL);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        for unit in chores.sinks.all().values() {
            deliver::recall(context, unit).await;
        }
        for shard in context.shards() {
            for priority in WatchPriority::ALL {
                let furthest = horizon::furthest(&context.settings().watch, priority);
                let recall = context.store.recall(shard, priority, furthest);
                let Ok(count @ 1..) = context.call("recall", recall).await else {
                    continue;
                };
                tracing::warn!(
                    count,
                    "watches were scheduled by a clock that was far ahead, and are due now"
                );
                chores.polls.due(priority).hint_now(usize::from(shard.0));
            }
        }
    }
}

pub(super) async fn trim(context: Arc<Context>) {
    let mut beat = tokio::time::interval(TRIM);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let settings = context.settings();
        for shard in context.shards() {
            // What the store did not forget now it forgets later.
            let _forgotten = forget(&context, shard).await;
            for _ in 0..MOST_TRIMS {
                let trim = context.store.trim(shard, &settings.history);
                let Ok(trimmed) = context.call("trim", trim).await else {
                    break;
                };
                if trimmed == Trimmed::default() {
                    break;
                }
                count_trimmed(&context.metrics, trimmed);
            }
        }
    }
}

fn count_trimmed(metrics: &Metrics, trimmed: Trimmed) {
    let kinds = [
        ("event", trimmed.events),
        ("delivery", trimmed.deliveries),
        ("dead", trimmed.dead),
    ];
    for (kind, count) in kinds {
        metrics
            .trimmed
            .get_or_create(&RecordLabel { kind })
            .inc_by(count);
    }
}
