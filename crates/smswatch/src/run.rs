//! `smswatch run`: works until it is told to stop.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::ConfigArgs;
use crate::report::Failure;
use crate::sink_types::SinkTypes;
use crate::{log, settings, wiring};

pub(crate) async fn run(types: &SinkTypes, args: &ConfigArgs) -> Result<(), Failure> {
    log::start("info");
    let loaded = settings::load(types, args.config.as_deref())?;
    loaded.warn();
    let file = loaded.file;
    let stop = stop_signal()?;
    let Some(process) = wiring::start(loaded.configuration, &stop).await? else {
        return Ok(());
    };
    let address = process.front.address;
    tracing::info!(file = %file.display(), "smswatch runs; its API is at http://{address}");
    work(process, stop).await;
    Ok(())
}

/// Works until `stop` says so, then ends in order: the stages first, the door last, so that a load
/// balancer sees the end coming.
pub(crate) async fn work(process: wiring::Process, stop: CancellationToken) {
    let wiring::Process {
        engine,
        front,
        heartbeat,
    } = process;
    if let Some(heartbeat) = heartbeat {
        let service = engine.service();
        tokio::spawn(heartbeat.run(move || service.health().is_well(), stop.clone()));
    }
    stop.cancelled().await;
    tracing::info!("stopping");
    engine.announce_stop();
    let is_finished = engine.stop().await;
    if !is_finished {
        tracing::warn!("not everything in flight ended in time; it is repeated after the start");
    }
    front.close().await;
}

/// A token that SIGTERM or Ctrl-C cancels.
pub(crate) fn stop_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stopped.cancel();
    });
    Ok(stop)
}
