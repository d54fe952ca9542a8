//! Starts the stages of one process and ends them in order.

mod chores;
mod reload;
mod units;
mod wiring;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use smswatch_model::Timestamp;
use smswatch_plugin::traces::Tracer;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::chores::Chores;
pub use self::reload::{Changes, Reloader};
use self::units::Units;
use self::wiring::{Wired, wire};
use crate::alarm;
use crate::context::Context;
use crate::deliver::host::SinkRuntime;
use crate::deliver::{dead, orphans};
use crate::held::release;
use crate::panics::guarded;
use crate::pause_monitor::PauseMonitor;
use crate::privacy::Privacy;
use crate::provider::Provider;
use crate::replicas::Replicas;
use crate::rules::Rules;
use crate::service::{ReloadRequest, Service};
use crate::settings::{Settings, SinkSettings};
use crate::sink::Sink;
use crate::store::Store;
use crate::{commit, gather, observe, replicas, route, silences};

/// How long before the shutdown timeout ends running attempts are cut off; half of the timeout when that
/// is shorter. One half of it is for giving their deliveries back, the other for the leases of watches.
const GIVING_BACK: Duration = Duration::from_secs(2);

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
    /// Where traces go; `None` if nowhere.
    pub tracer: Option<Arc<dyn Tracer>>,
}

/// The stages of one process, at work.
#[derive(Debug)]
pub struct Engine {
    context: Arc<Context>,
    service: Service,
    replicas: Arc<Replicas>,
    stop: CancellationToken,
    /// Ends the attempts that run.
    cut: CancellationToken,
    /// A part of it panicked.
    broken: CancellationToken,
    stages: Vec<JoinHandle<()>>,
    chores: Vec<JoinHandle<()>>,
    /// Tells of dead letters, of which the stages make some until they end.
    telling_dead: JoinHandle<()>,
    /// The stages have ended.
    all_ended: CancellationToken,
    reloader: Reloader,
    reload_requests: Option<mpsc::Receiver<ReloadRequest>>,
}

impl Engine {
    /// Starts to work; `now` is what the store's clock says.
    ///
    /// # Panics
    ///
    /// It is not called from within a Tokio runtime.
    #[must_use]
    pub fn start(parts: Parts, now: Timestamp) -> Self {
        Self::start_in(parts, now, SinkRuntime::OwnThreads)
    }

    /// Starts to work with sinks that are called on the caller's runtime, not on threads of their own, so that
    /// one clock holds for all: a test that pauses it has hours pass in milliseconds. A sink that blocks holds
    /// up the engine.
    ///
    /// # Panics
    ///
    /// It is not called from within a Tokio runtime.
    #[must_use]
    pub fn start_on_one_runtime(parts: Parts, now: Timestamp) -> Self {
        Self::start_in(parts, now, SinkRuntime::Shared(Handle::current()))
    }

    fn start_in(mut parts: Parts, now: Timestamp, runtime: SinkRuntime) -> Self {
        // It can tell only of what happens after it was called.
        PauseMonitor::get();
        let configured = std::mem::take(&mut parts.sinks);
        let wired = wire(parts, now);
        let Wired {
            context,
            observe,
            commit,
            route,
            gather,
            deliver,
            tell,
            tell_unknown,
            give_up,
            replicas,
            release,
            service,
            changes,
            appended,
            rules,
            silences,
            alarms,
            reload_requests,
        } = wired;
        let (commits, changes) = changes;
        let sinks = Arc::clone(&service.sinks);
        let log = Arc::clone(&observe.log);
        let chores = Arc::new(Chores {
            context: Arc::clone(&context),
            polls: Arc::clone(&observe.inbox),
            log: Arc::clone(&log),
            groups: Arc::clone(&gather.inbox),
            rates: Arc::clone(&gather.rates),
            held: Arc::clone(&release.due),
            campaigns: Arc::clone(&observe.campaigns),
            alarms: Arc::clone(&alarms),
            sinks: Arc::clone(&sinks),
        });
        let [stop, cut, broken, all_ended] = [(); 4].map(|()| CancellationToken::new());
        let spawn =
            |name, work: BoxFuture<'static, ()>| tokio::spawn(guarded(name, broken.clone(), work));
        let stages = vec![
            spawn(
                "observe",
                observe::run(observe, commits, stop.clone()).boxed(),
            ),
            spawn("commit", commit::run(commit, changes).boxed()),
            spawn(
                "route",
                route::run(Arc::clone(&route), appended, stop.clone()).boxed(),
            ),
            spawn("gather", gather::run(gather, stop.clone()).boxed()),
            spawn("release", release::run(release, stop.clone()).boxed()),
        ];
        let chores = vec![
            spawn("pulse", chores::pulse(Arc::clone(&chores)).boxed()),
            spawn("trim", chores::trim(Arc::clone(&context)).boxed()),
            spawn("callbacks", chores::callbacks(Arc::clone(&chores)).boxed()),
            spawn("recall", chores::recall(chores).boxed()),
            spawn("alarm", alarm::tell::run(tell).boxed()),
            spawn("unknown words", alarm::unknown::run(tell_unknown).boxed()),
            spawn("replicas", replicas::run(Arc::clone(&replicas)).boxed()),
            spawn("orphans", orphans::run(Arc::clone(&deliver)).boxed()),
            spawn(
                "silences",
                silences::keep::run(Arc::clone(&context), silences).boxed(),
            ),
            spawn("left", route::left::run(route).boxed()),
        ];
        let telling_dead = dead::run(give_up, all_ended.clone());
        let telling_dead = spawn("dead letters", telling_dead.boxed());
        let units = Units {
            context: Arc::clone(&context),
            log,
            deliver,
            sinks,
            stop: stop.clone(),
            cut: cut.clone(),
            broken: broken.clone(),
            runtime,
            running: Mutex::default(),
        };
        units.change(configured, |_| false);
        let reloader = Reloader {
            context: Arc::clone(&context),
            rules,
            alarms,
            units: Arc::new(units),
        };
        context.health.running();
        Self {
            context,
            service,
            replicas,
            stop,
            cut,
            broken,
            stages,
            chores,
            telling_dead,
            all_ended,
            reloader,
            reload_requests: Some(reload_requests),
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
        self.service.clone()
    }

    /// What takes over another configuration.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloader.clone()
    }

    /// Those who ask over the API that the configuration is loaded again. They can be had once: whoever
    /// has them answers them. When the receiver is dropped, it cannot be loaded again.
    pub fn reload_requests(&mut self) -> Option<mpsc::Receiver<ReloadRequest>> {
        self.reload_requests.take()
    }

    /// Reports in `/readyz` that the process is about to end. It still works.
    pub fn announce_stop(&self) {
        self.context.health.stopping();
    }

    /// Claims nothing more, finishes what is in flight, and gives back what is left, all within the
    /// shutdown timeout; returns whether everything was finished.
    pub async fn stop(self) -> bool {
        let started = Instant::now();
        let timeout = self.context.settings().shutdown_timeout;
        let giving_back = GIVING_BACK.min(timeout / 2);
        let until = |end: Duration| end.saturating_sub(started.elapsed());
        self.announce_stop();
        self.stop.cancel();
        for chore in &self.chores {
            chore.abort();
        }
        let mut stages = self.stages;
        stages.extend(self.reloader.units.end());
        let aborts: Vec<_> = stages.iter().map(JoinHandle::abort_handle).collect();
        let cut = self.cut;
        let mut ending = std::pin::pin!(join_all(stages));
        let ended = tokio::time::timeout(until(timeout - giving_back), &mut ending).await;
        let is_finished = ended.is_ok();
        if !is_finished {
            cut.cancel();
            let _ended = tokio::time::timeout(until(timeout - giving_back / 2), ending).await;
        }
        for abort in aborts {
            abort.abort();
        }
        self.all_ended.cancel();
        let mut telling_dead = self.telling_dead;
        let leases = self.replicas.polls.leases.take_all();
        let releases = leases
            .into_iter()
            .map(|(shard, lease)| self.context.store.release(shard, lease));
        // A store that is away keeps them until they end by themselves.
        let leaving = async {
            let leave = replicas::leave(&self.replicas);
            tokio::join!(join_all(releases), leave, &mut telling_dead)
        };
        let _left = tokio::time::timeout(until(timeout).min(GIVING_BACK / 2), leaving).await;
        telling_dead.abort();
        is_finished
    }
}
