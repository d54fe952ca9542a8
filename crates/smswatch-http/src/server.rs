//! The listener: opened before anything is promised, and closed without cutting answers off.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::address::ArrivedAt;
use crate::auth::{ApiToken, Tokens};
use crate::callbacks::{self, CallbackDoor, CallbackOptions};
use crate::connections::{CameFrom, Connections, Ending, HealthChecksOnly, Place};
use crate::door::StartupGate;
use crate::leftover::lend;
use crate::routes;
use crate::trial::RuleReader;

/// How long the head of a request may take, and how long a connection may wait for the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after a connection could not be taken, because the process has no file descriptor left
/// perhaps.
const PAUSE: Duration = Duration::from_millis(100);

/// Where to listen, and for whom.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The address to listen on; port 0 takes any that is free.
    pub listen: SocketAddr,
    /// Who may call `/v1`; none of them lets everybody.
    pub tokens: Vec<ApiToken>,
    /// Who may call back.
    pub callbacks: CallbackOptions,
    /// Reads rules to be tried on a page; `None` if that is not possible.
    pub rules: Option<RuleReader>,
}

/// A listener that is open and not yet answered.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
    door: StartupGate,
    callbacks: CallbackDoor,
}

impl Server {
    /// Opens the listener; callers wait until [`Server::serve`] runs, and get to the service when
    /// the [`StartupGate`] is open.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on.
    pub async fn bind(options: HttpOptions) -> std::io::Result<Self> {
        let door = StartupGate::closed();
        let callbacks = CallbackDoor::new(&options.callbacks);
        let tokens = Tokens::new(options.tokens);
        let router = routes::router(tokens, door.clone(), callbacks.clone(), options.rules);
        Self::listen(options.listen, router, door, callbacks).await
    }

    /// Opens another listener for callbacks, which answers nothing else. It lets the same in as this one, and
    /// opens with it.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on.
    pub async fn bind_callbacks(&self, listen: SocketAddr) -> std::io::Result<Self> {
        let (door, callbacks) = (self.door.clone(), self.callbacks.clone());
        let router = callbacks::alone(door.clone(), callbacks.clone());
        Self::listen(listen, router, door, callbacks).await
    }

    async fn listen(
        address: SocketAddr,
        router: Router,
        door: StartupGate,
        callbacks: CallbackDoor,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener,
            address,
            router,
            door,
            callbacks,
        })
    }

    /// Who may call back, to be changed while the server answers.
    #[must_use]
    pub fn callbacks(&self) -> CallbackDoor {
        self.callbacks.clone()
    }

    /// The address that is listened on, with the port that was taken.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What opens the server to a service.
    #[must_use]
    pub fn door(&self) -> StartupGate {
        self.door.clone()
    }

    /// Serves until `stop`, then takes no more calls, and ends when those under way are answered, or
    /// at `cut`.
    pub async fn serve(self, stop: CancellationToken, cut: CancellationToken) {
        let connections = Connections::new();
        let tasks = TaskTracker::new();
        let accepting = async {
            loop {
                let Some(stream) = accept(&self.listener).await else {
                    continue;
                };
                if let Some(place) = connections.admit() {
                    let serving = serve(stream, place, self.router.clone(), stop.clone());
                    tasks.spawn(cut.clone().run_until_cancelled_owned(serving));
                } else {
                    tracing::debug!("a connection was closed: every other one is at a call");
                }
            }
        };
        stop.run_until_cancelled(accepting).await;
        drop(self.listener);
        tasks.close();
        if cut.run_until_cancelled(tasks.wait()).await.is_none() {
            tracing::warn!("calls were still under way when the HTTP server ended");
            // They end at the same signal.
            tasks.wait().await;
        }
    }
}

async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "a connection could not be taken");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

/// Serves one connection until it ends, gives way, or is not needed any more.
async fn serve(stream: TcpStream, place: Place, router: Router, stop: CancellationToken) {
    let (Ok(address), Ok(from)) = (stream.local_addr(), stream.peer_addr()) else {
        return;
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let router = TowerToHyperService::new(router);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let call = place.begin();
        let ending = Ending::new(stop.clone(), &place);
        let (request, leftover) = lend(request);
        let answer = router.call(prepared(request, address, from, &place, ending));
        async move {
            // The call lasts until its answer has been sent to the end.
            let until_sent = |response: Response| {
                response.map(|body| {
                    body.map_frame(move |frame| {
                        let _of_this = &call;
                        frame
                    })
                })
            };
            let answer = answer.await.map(until_sent);
            if let Some(leftover) = leftover {
                leftover.take_in().await;
            }
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(!place.is_reserved)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // How the other side ends a connection is its own business.
        _ended = &mut connection => return,
        () = place.gives_way.cancelled() => return,
        () = stop.cancelled() => {}
    }
    if place.is_calling() {
        connection.as_mut().graceful_shutdown();
        let _ended = connection.await;
    }
}

/// The request with what its connection knows.
fn prepared(
    mut request: Request,
    address: SocketAddr,
    from: SocketAddr,
    place: &Place,
    ending: Ending,
) -> Request {
    let extensions = request.extensions_mut();
    extensions.insert(ArrivedAt(address));
    extensions.insert(CameFrom(from));
    extensions.insert(ending);
    if place.is_reserved {
        extensions.insert(HealthChecksOnly);
    }
    request
}
