//! `smswatch run`: works until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cli::ConfigArgs;
use crate::reload::Reloading;
use crate::report::Failure;
use crate::signals::{Hangup, Signals};
use crate::sink_types::SinkTypes;
use crate::{log, service_manager, settings, wiring};

/// How long closing the store may take, once everything else has ended.
const CLOSING: Duration = Duration::from_secs(2);

pub(crate) async fn run(types: &Arc<SinkTypes>, args: &ConfigArgs) -> Result<(), Failure> {
    log::start("info");
    // First of all: what is sent before is deadly.
    let signals = Signals::listen(Hangup::Reloads)?;
    let loaded = settings::load(types, args.config.as_deref())?;
    loaded.warn();
    let (file, sections) = (loaded.file, loaded.sections);
    let running = async {
        let Some(mut process) = wiring::start(loaded.configuration, &signals.stop).await? else {
            return Ok(());
        };
        let address = process.front.address;
        tracing::info!(file = %file.display(), "smswatch runs; its API is at http://{address}");
        service_manager::ready(address);
        let reloading = Reloading {
            types: Arc::clone(types),
            file: file.clone(),
            sections,
            reloader: process.engine.reloader(),
            callback_door: process.callback_door.clone(),
            in_force: process.in_force.clone(),
        };
        let reloading = process
            .engine
            .reload_requests()
            .map(|requests| tokio::spawn(reloading.run(Arc::clone(&signals.hangups), requests)));
        let store = Arc::clone(&process.store);
        let worked = work(process, signals.stop.clone()).await;
        if let Some(reloading) = reloading {
            reloading.abort();
        }
        if tokio::time::timeout(CLOSING, store.close()).await.is_err() {
            tracing::warn!("the store was not closed in time; nothing is lost");
        }
        worked?;
        Ok(())
    };
    signals.heed(running).await
}

/// Works until `stop` says so, then ends in order: the stages first, the door last, so that a load
/// balancer sees the end coming.
///
/// # Errors
///
/// A part of the process panicked: the service manager should restart it.
pub(crate) async fn work(process: wiring::Process, stop: CancellationToken) -> anyhow::Result<()> {
    let wiring::Process {
        engine,
        front,
        callbacks,
        heartbeat,
        traces,
        shutdown_timeout,
        ..
    } = process;
    if let Some(heartbeat) = heartbeat {
        tokio::spawn(heartbeat.run(engine.service(), stop.clone()));
    }
    let watchdog = tokio::spawn(service_manager::watchdog(engine.service()));
    let is_broken = tokio::select! {
        () = stop.cancelled() => false,
        () = engine.broken() => true,
    };
    let stopped = Instant::now();
    tracing::info!("stopping");
    service_manager::stopping();
    engine.announce_stop();
    let is_finished = engine.stop().await;
    if !is_finished {
        tracing::warn!("not everything in flight ended in time; it is repeated after the start");
    }
    watchdog.abort();
    let left: Duration = shutdown_timeout.saturating_sub(stopped.elapsed());
    // A collector that is away takes nothing from those who still ask.
    tokio::join!(
        wiring::close(front, callbacks, left),
        traces.close(left.max(wiring::LAST_WORDS)),
    );
    if is_broken {
        bail!("a part of smswatch has a bug and panicked; the log has the rest");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
