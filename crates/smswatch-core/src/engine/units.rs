//! Starts sinks and ends them, each by itself: at the start, when the configuration changes, and at the end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::deliver::host::SinkRuntime;
use crate::deliver::{self, Deliver, SinkUnit, SinkUnits, Sinks, fallback, overflow};
use crate::inbox::LogInbox;
use crate::panics::guarded;
use crate::settings::SinkSettings;
use crate::sink::Sink;

/// A sink with the settings of its queue.
pub(super) type ConfiguredSink = (Arc<dyn Sink>, SinkSettings);

/// The sinks of a process at work.
#[derive(Debug)]
pub(super) struct Units {
    pub(super) context: Arc<Context>,
    pub(super) log: Arc<LogInbox>,
    pub(super) deliver: Arc<Deliver>,
    pub(super) sinks: Arc<Sinks>,
    /// Ends the claims of all sinks.
    pub(super) stop: CancellationToken,
    /// Ends the attempts that run.
    pub(super) cut: CancellationToken,
    /// A part of the process panicked.
    pub(super) broken: CancellationToken,
    /// Where sinks are called.
    pub(super) runtime: SinkRuntime,
    pub(super) running: Mutex<Vec<RunningUnit>>,
}

/// A sink that delivers, or finishes what is in flight.
#[derive(Debug)]
pub(super) struct RunningUnit {
    unit: Arc<SinkUnit>,
    /// Ends its claims.
    retire: CancellationToken,
    /// Ends when nothing of it is in flight.
    delivering: JoinHandle<()>,
    chores: Vec<JoinHandle<()>>,
}

impl Units {
    /// The sinks from now on: those that are handed in and those that `is_kept`. All others claim nothing
    /// more and finish what is in flight.
    pub(super) fn change(
        &self,
        new: impl IntoIterator<Item = (String, ConfiguredSink)>,
        is_kept: impl Fn(&str) -> bool,
    ) {
        let before = self.sinks.all();
        let kept = before.iter().filter(|(name, _)| is_kept(name));
        let mut units: SinkUnits = kept
            .map(|(name, unit)| (name.clone(), Arc::clone(unit)))
            .collect();
        let mut started = Vec::new();
        for (name, (sink, settings)) in new {
            let runtime = self.runtime.clone();
            let unit = SinkUnit::new(&self.context, &self.log, &name, sink, settings, runtime);
            let unit = Arc::new(unit);
            self.context.health.well(&part(&name));
            started.push(Arc::clone(&unit));
            units.insert(name, unit);
        }
        self.sinks.replace(units);
        for unit in started {
            self.start(unit);
        }
        self.retire();
    }

    fn start(&self, unit: Arc<SinkUnit>) {
        let spawn = |name, work: BoxFuture<'static, ()>| {
            tokio::spawn(guarded(name, self.broken.clone(), work))
        };
        let retire = self.stop.child_token();
        let delivering = deliver::run(
            Arc::clone(&self.deliver),
            Arc::clone(&unit),
            retire.clone(),
            self.cut.clone(),
        );
        let (context, sinks) = (Arc::clone(&self.context), Arc::clone(&self.sinks));
        let name = unit.name().to_owned();
        let delivering = async move {
            delivering.await;
            // Its last attempts may have told of trouble after it had left the configuration.
            if !sinks.has(&name) {
                context.health.forget(&part(&name));
            }
        };
        let bounding = overflow::run(Arc::clone(&self.deliver), Arc::clone(&unit));
        let mut chores = vec![spawn("overflow", bounding.boxed())];
        if let Some(fallback) = unit.settings.fallback.clone() {
            let handing = fallback::run(Arc::clone(&self.deliver), Arc::clone(&unit), fallback);
            chores.push(spawn("fallback", handing.boxed()));
        }
        let running = RunningUnit {
            delivering: spawn("deliver", delivering.boxed()),
            unit,
            retire,
            chores,
        };
        self.lock().push(running);
    }

    /// Ends what is not configured any more, and forgets what has ended.
    fn retire(&self) {
        let sinks = self.sinks.all();
        let mut running = self.lock();
        running.retain(|running| !running.delivering.is_finished());
        for running in running.iter() {
            let name = running.unit.name();
            let current = sinks.get(name);
            if current.is_some_and(|current| Arc::ptr_eq(current, &running.unit)) {
                continue;
            }
            running.retire.cancel();
            running.chores.iter().for_each(JoinHandle::abort);
            if current.is_none() {
                self.context.health.forget(&part(name));
            }
        }
    }

    /// Ends the chores of all sinks; returns what is to be waited for.
    pub(super) fn end(&self) -> Vec<JoinHandle<()>> {
        let running = std::mem::take(&mut *self.lock());
        let ended = running.into_iter().map(|running| {
            running.chores.iter().for_each(JoinHandle::abort);
            running.delivering
        });
        ended.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<RunningUnit>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a sink in the health report.
fn part(sink: &str) -> String {
    format!("sink:{sink}")
}
