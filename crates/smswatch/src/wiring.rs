//! Puts the parts of a process together as the configuration wants them; names every crate.

mod store;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use smswatch_core::{Engine, Parts};
use smswatch_http::{CallbackDoor, HttpOptions, Server};
use smswatch_outbound::{Route, UnusableProxy, require_certificates};
use smswatch_plugin::store::Store;
use smswatch_routee::RouteeProvider;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::heartbeat::Heartbeat;
use crate::rules::trial::{self, InForce};
use crate::settings::{Configuration, StoreChoice};
use crate::traces::Traces;

/// How long calls under way may take in any case when the process ends.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(250);

/// A process at work: the four stages, and a door for others.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    pub(crate) front: ApiTask,
    /// What serves callbacks and nothing else.
    pub(crate) callbacks: Option<ApiTask>,
    /// Who may call back.
    pub(crate) callback_door: CallbackDoor,
    /// What rules are compiled against that are tried on a page.
    pub(crate) in_force: InForce,
    pub(crate) heartbeat: Option<Heartbeat>,
    pub(crate) traces: Traces,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) shutdown_timeout: Duration,
}

/// The server that is answering.
pub(crate) struct ApiTask {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    cut: CancellationToken,
    serving: JoinHandle<()>,
}

impl ApiTask {
    fn of(server: Server) -> Self {
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        Self {
            address: server.local_addr(),
            serving: tokio::spawn(server.serve(stop.clone(), cut.clone())),
            stop,
            cut,
        }
    }

    /// Takes no more calls, and finishes those under way within this time, or very soon.
    pub(crate) async fn close(mut self, within: Duration) {
        self.stop.cancel();
        let within = within.max(LAST_WORDS);
        let ended = match tokio::time::timeout(within, &mut self.serving).await {
            Ok(ended) => ended,
            Err(_) => {
                self.cut.cancel();
                self.serving.await
            }
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the API ended in an unexpected way");
        }
    }
}

/// Closes both doors.
pub(crate) async fn close(front: ApiTask, callbacks: Option<ApiTask>, within: Duration) {
    let beside = async {
        if let Some(callbacks) = callbacks {
            callbacks.close(within).await;
        }
    };
    tokio::join!(front.close(within), beside);
}

/// What speaks HTTP to others, the sinks apart.
pub(crate) struct Outbound {
    pub(crate) provider: RouteeProvider,
    pub(crate) heartbeat: Option<Heartbeat>,
}

/// Makes the clients that the configuration asks for; nothing is connected yet.
///
/// # Errors
///
/// Something is spoken to over TLS, and this machine has no certificates to check others with.
pub(crate) fn outbound(configuration: &Configuration) -> anyhow::Result<Outbound> {
    let heartbeat = configuration.heartbeat.as_ref().map(Heartbeat::new);
    if let StoreChoice::Redis(options) = &configuration.store
        && options.url.reveal().starts_with("rediss:")
    {
        require_certificates().context("Redis is spoken to over TLS (`store.url`)")?;
    }
    Ok(Outbound {
        provider: RouteeProvider::new(configuration.routee.clone())
            .context("could not set up the Routee client")?,
        heartbeat: heartbeat.transpose()?,
    })
}

/// The variables that name a proxy which cannot be used, if the configuration has any use for them.
pub(crate) fn unusable_proxies(configuration: &Configuration) -> Vec<UnusableProxy> {
    match configuration.uses_environments_proxy {
        true => Route::unusable(),
        false => Vec::new(),
    }
}

/// Why the API has no address.
fn not_listening(listen: SocketAddr, option: &str, error: std::io::Error) -> anyhow::Error {
    let is_taken = error.kind() == std::io::ErrorKind::AddrInUse;
    let error = anyhow::Error::new(error);
    match is_taken {
        true => error.context(format!(
            "could not listen on {listen}: another program listens there, perhaps another smswatch; \
             choose another address with `{option}`"
        )),
        false => error.context(format!("could not listen on {listen}")),
    }
}

/// Opens the store, starts the stages and opens the door. A store that is not there yet is waited
/// for, while the server answers that it is starting; `None` if `stop` came first.
pub(crate) async fn start(
    configuration: Configuration,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Process>> {
    for unusable in unusable_proxies(&configuration) {
        tracing::warn!("{unusable}");
    }
    let Outbound {
        provider,
        heartbeat,
    } = outbound(&configuration)?;
    // What is wrong with the store is told before what is wrong with the address: a second process
    // on one file usually finds both taken.
    let opening = stop.run_until_cancelled(store::open(&configuration.store));
    let Some(opened) = opening.await.transpose()? else {
        return Ok(None);
    };
    let in_force = InForce::of(&configuration);
    let listen = configuration.http.listen;
    let http = HttpOptions {
        rules: Some(trial::reader(&configuration, in_force.clone())),
        ..configuration.http
    };
    let server = Server::bind(http)
        .await
        .map_err(|error| not_listening(listen, "http.listen", error))?;
    let door = server.door();
    let callback_door = server.callbacks();
    let callbacks = match configuration.callbacks_listen {
        None => None,
        Some(listen) => {
            let server = server.bind_callbacks(listen).await;
            let server =
                server.map_err(|error| not_listening(listen, "callbacks.listen", error))?;
            let address = server.local_addr();
            tracing::info!("callbacks are served at http://{address}/callbacks/routee/");
            Some(ApiTask::of(server))
        }
    };
    let front = ApiTask::of(server);
    let waiting = store::wait(opened, &configuration.store, &door, front.address);
    let Some((store, now)) = stop.run_until_cancelled(waiting).await.transpose()? else {
        close(front, callbacks, Duration::ZERO).await;
        return Ok(None);
    };
    let shutdown_timeout = configuration.settings.shutdown_timeout;
    let traces = Traces::start(configuration.traces.as_ref())?;
    let parts = Parts {
        store: Arc::clone(&store),
        provider: Arc::new(provider),
        rules: Arc::new(configuration.rules),
        sinks: configuration.sinks,
        privacy: configuration.privacy,
        settings: configuration.settings,
        tracer: traces.tracer(),
    };
    let engine = Engine::start(parts, now);
    door.open(engine.service());
    Ok(Some(Process {
        engine,
        front,
        callbacks,
        callback_door,
        in_force,
        heartbeat,
        traces,
        store,
        shutdown_timeout,
    }))
}
