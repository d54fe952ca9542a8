//! Starts the four stages of one process and ends them in order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use smswatch_model::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::alarm::{self, Alarms};
use crate::clock::StoreClock;
use crate::deliver::breaker::Breaker;
use crate::deliver::dead::{self, DeadLetters};
use crate::deliver::fill_level::FillLevel;
use crate::deliver::host::SinkHost;
use crate::deliver::{MOST_UNWRITTEN, fallback, orphans, overflow};
use crate::due_times::DueTimes;
use crate::health::{Health, POLLING, PROVIDER, REPLICAS, STORE};
use crate::intake::Intake;
use crate::limiter::Limiter;
use crate::metrics::{Metrics, RecordLabel, SinkName};
use crate::panics::guarded;
use crate::pause_monitor::PauseMonitor;
use crate::privacy::Privacy;
use crate::provider::Provider;
use crate::route::fresh::LogTail;
use crate::rules::Rules;
use crate::service::Service;
use crate::service::counts::Counts;
use crate::settings::{Settings, SinkSettings};
use crate::shared::{Backlog, Contents, Left, OpenLeases, PutAside, Shared, SinkUnit};
use crate::sink::Sink;
use crate::store::{Rate, Store, Trimmed, WatchPriority};
use crate::watch::horizon;
use crate::{commit, deliver, observe, replicas, route};

/// How often the store is asked how it is, and the queues are read that another process may
/// have filled.
const PULSE: Duration = Duration::from_secs(5);

/// How often history is trimmed.
const TRIM: Duration = Duration::from_secs(10);

/// How long before the shutdown timeout ends running attempts are cut off; half of the timeout when that
/// is shorter. One half of it is for giving their deliveries back, the other for the leases of watches.
const GIVING_BACK: Duration = Duration::from_secs(2);

/// How many watches that were polled wait to be written at most, in shards that work.
const MOST_UNCOMMITTED: usize = 1024;

/// How often it is looked for what is scheduled further ahead than anything can be.
const RECALL: Duration = Duration::from_secs(60);

/// How many trims of one shard follow each other at most.
const MOST_TRIMS: u32 = 50;

/// What a process is made of.
#[derive(Debug)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Who is asked about messages.
    pub provider: Arc<dyn Provider>,
    /// Which events matter.
    pub rules: Arc<dyn Rules>,
    /// Where notifications go, by name.
    pub sinks: BTreeMap<String, (Arc<dyn Sink>, SinkSettings)>,
    /// What of a message may be told.
    pub privacy: Privacy,
    /// Everything else.
    pub settings: Settings,
}

/// The four stages of one process, at work.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    stop: CancellationToken,
    /// Ends the attempts that run.
    cut: CancellationToken,
    /// A part of it panicked.
    broken: CancellationToken,
    stages: Vec<JoinHandle<()>>,
    chores: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Starts to work; `now` is what the store's clock says.
    ///
    /// # Panics
    ///
    /// It is not called from within a Tokio runtime.
    #[must_use]
    pub fn start(parts: Parts, now: Timestamp) -> Self {
        // It can tell only of what happens after it was called.
        PauseMonitor::get();
        let (fresh, appended) = LogTail::new();
        let shared = Arc::new(share(parts, StoreClock::new(now), fresh));
        let [stop, cut, broken] = [(); 3].map(|()| CancellationToken::new());
        let (commits, finished) = mpsc::channel(shared.settings.provider.concurrency.max(64));
        let spawn =
            |name, work: BoxFuture<'static, ()>| tokio::spawn(guarded(name, broken.clone(), work));
        let ours = || Arc::clone(&shared);
        let mut stages = vec![
            spawn(
                "observe",
                observe::run(ours(), commits, stop.clone()).boxed(),
            ),
            spawn("commit", commit::run(ours(), finished).boxed()),
            spawn("route", route::run(ours(), appended, stop.clone()).boxed()),
        ];
        for unit in shared.sinks.values() {
            let delivering = deliver::run(ours(), Arc::clone(unit), stop.clone(), cut.clone());
            stages.push(spawn("deliver", delivering.boxed()));
        }
        let mut chores = vec![
            spawn("pulse", pulse(ours()).boxed()),
            spawn("trim", trim(ours()).boxed()),
            spawn("recall", recall(ours()).boxed()),
            spawn("alarm", alarm::tell::run(ours()).boxed()),
            spawn("replicas", replicas::run(ours()).boxed()),
            spawn("orphans", orphans::run(ours()).boxed()),
            spawn("dead letters", dead::run(ours()).boxed()),
            spawn("left", route::left::run(ours()).boxed()),
        ];
        for unit in shared.sinks.values() {
            let bounding = overflow::run(ours(), Arc::clone(unit));
            chores.push(spawn("overflow", bounding.boxed()));
            if let Some(fallback) = unit.settings.fallback.clone() {
                let handing = fallback::run(ours(), Arc::clone(unit), fallback);
                chores.push(spawn("fallback", handing.boxed()));
            }
        }
        shared.health.running();
        Self {
            shared,
            stop,
            cut,
            broken,
            stages,
            chores,
        }
    }

    /// Waits until a part of the process has panicked, which is a bug: it should then be stopped and
    /// started anew, because the rest of it alone is of no use.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// The door for the API and for programs.
    #[must_use]
    pub fn service(&self) -> Service {
        Service::new(Arc::clone(&self.shared))
    }

    /// Says to whoever asks that the process is about to end; it still works.
    pub fn announce_stop(&self) {
        self.shared.health.stopping();
    }

    /// Claims nothing more, finishes what is in flight, and gives back what is left, all within the
    /// shutdown timeout; answers whether everything was finished.
    pub async fn stop(self) -> bool {
        let started = Instant::now();
        let timeout = self.shared.settings.shutdown_timeout;
        let giving_back = GIVING_BACK.min(timeout / 2);
        let until = |end: Duration| end.saturating_sub(started.elapsed());
        self.announce_stop();
        self.stop.cancel();
        for chore in &self.chores {
            chore.abort();
        }
        let aborts: Vec<_> = self.stages.iter().map(JoinHandle::abort_handle).collect();
        let cut = self.cut;
        let mut ending = std::pin::pin!(join_all(self.stages));
        let ended = tokio::time::timeout(until(timeout - giving_back), &mut ending).await;
        let is_finished = ended.is_ok();
        if !is_finished {
            cut.cancel();
            let _ended = tokio::time::timeout(until(timeout - giving_back / 2), ending).await;
        }
        for abort in aborts {
            abort.abort();
        }
        let leases = self.shared.leases.take_all();
        let releases = leases
            .into_iter()
            .map(|(shard, lease)| self.shared.store.release(shard, lease));
        // A store that is away keeps them until they end by themselves.
        let leaving = async { tokio::join!(join_all(releases), replicas::leave(&self.shared)) };
        let _left = tokio::time::timeout(until(timeout).min(GIVING_BACK / 2), leaving).await;
        is_finished
    }
}

fn share(parts: Parts, clock: StoreClock, fresh: LogTail) -> Shared {
    let shards = parts.store.shard_count();
    let due_times = || DueTimes::new(usize::from(shards));
    let store = &parts.store;
    let units = parts.sinks.into_iter().map(|(name, (sink, settings))| {
        let label = SinkName(name.as_str().into());
        let host = SinkHost::new(Arc::clone(&label.0), sink, settings.concurrency);
        let limiter = settings
            .rate
            .map(|rate| Limiter::new(Arc::clone(store), format!("sink:{name}"), rate));
        (
            name,
            Arc::new(SinkUnit {
                breaker: Breaker::new(&label.0, &settings, shards),
                name: label,
                host,
                settings,
                limiter,
                due_times: [due_times(), due_times()],
                fill_level: FillLevel::default(),
                outcomes: Intake::new(shards, MOST_UNWRITTEN),
                left: PutAside::new(shards),
            }),
        )
    });
    let sinks: BTreeMap<_, _> = units.collect();
    let parts_of_health = [STORE, PROVIDER, POLLING, REPLICAS].map(str::to_owned);
    let health = Health::new(
        parts_of_health
            .into_iter()
            .chain(sinks.values().map(|unit| unit.part())),
    );
    Shared {
        process: format!("{:016x}", fastrand::u64(..)),
        commits: Intake::new(shards, MOST_UNCOMMITTED),
        put_aside: PutAside::new(shards),
        backlog: Backlog::new(shards),
        store: parts.store,
        provider: parts.provider,
        rules: parts.rules,
        privacy: parts.privacy,
        alarms: Alarms::new(parts.settings.alarms),
        clock,
        metrics: Metrics::new(parts.settings.config_hash),
        health,
        polls: [due_times(), due_times()],
        routes: due_times(),
        fresh,
        sinks,
        settings: parts.settings,
        leases: OpenLeases::default(),
        contents: Contents::default(),
        dead: DeadLetters::default(),
        counts: Counts::default(),
    }
}

/// Sets the clock by the store's, tells whether the store is there, and looks for what another
/// process left behind.
async fn pulse(shared: Arc<Shared>) {
    let mut beat = tokio::time::interval(PULSE);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        let Ok(now) = shared.call("now", shared.store.now()).await else {
            continue;
        };
        if shared.health.is_in_trouble(STORE) && !takes_writes(&shared).await {
            continue;
        }
        shared.clock.adjust(now);
        shared.health.well(STORE);
        let left = left(&shared);
        shared.contents.pulse(&shared.health, now, &left);
        for due_times in shared.polls.iter().chain([&shared.routes]) {
            due_times.hint_all();
        }
        for unit in shared.sinks.values() {
            unit.due_times.iter().for_each(DueTimes::hint_all);
        }
        // A sink that has nothing to deliver is asked about, too.
        let refreshes = shared.sinks.values().map(|unit| unit.breaker.read(&shared));
        let _read = tokio::time::timeout(PULSE, join_all(refreshes)).await;
    }
}

/// What is left to a later version, which the metrics tell, too.
fn left(shared: &Shared) -> Left {
    let mut left = Left {
        watches: shared.put_aside.total(),
        deliveries: 0,
    };
    shared.metrics.set_put_aside(left.watches);
    for unit in shared.sinks.values() {
        let count = unit.left.total();
        shared.metrics.set_deliveries_left(&unit.name, count);
        left.deliveries += count;
    }
    left
}

/// A store that tells the time may still refuse what is written: a replica after a failover, a full
/// disk. A permit of a rate that nothing else uses shows it.
async fn takes_writes(shared: &Shared) -> bool {
    let rate = Rate {
        permits: 1,
        per: Duration::from_secs(1),
    };
    let reserve = shared.store.reserve("pulse", rate, 1);
    shared.call("reserve", reserve).await.is_ok()
}

/// Takes up what a clock that was wrong has scheduled further ahead than anything can be.
async fn recall(shared: Arc<Shared>) {
    let mut beat = tokio::time::interval(RECALL);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        for unit in shared.sinks.values() {
            deliver::recall(&shared, unit).await;
        }
        for shard in shared.shards() {
            for priority in WatchPriority::ALL {
                let furthest = horizon::furthest(&shared.settings.watch, priority);
                let recall = shared.store.recall(shard, priority, furthest);
                let Ok(count @ 1..) = shared.call("recall", recall).await else {
                    continue;
                };
                tracing::warn!(
                    count,
                    "watches were scheduled by a clock that was far ahead, and are due now"
                );
                shared.polls(priority).hint_now(usize::from(shard.0));
            }
        }
    }
}

async fn trim(shared: Arc<Shared>) {
    let mut beat = tokio::time::interval(TRIM);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        beat.tick().await;
        for shard in shared.shards() {
            for _ in 0..MOST_TRIMS {
                let trim = shared.store.trim(shard, &shared.settings.history);
                let Ok(trimmed) = shared.call("trim", trim).await else {
                    break;
                };
                if trimmed == Trimmed::default() {
                    break;
                }
                count_trimmed(&shared.metrics, trimmed);
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
