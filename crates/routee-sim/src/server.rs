//! Connections and requests: who answers what, and which fault comes between.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::answer::{Answer, Dropped, error, too_many_requests};
use crate::auth::Grant;
use crate::endpoint::Endpoint;
use crate::fault::{Asked, FaultKind};
use crate::switches::Switches;
use crate::world::{Active, World};
use crate::{admin, listing, misbehavior, sending, tracking};

const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// Serves until it is aborted; its connections end with it.
pub(crate) async fn serve(world: Arc<World>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    world.counters.connections.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(serve_connection(Arc::clone(&world), stream));
                }
                // Out of file descriptors, most likely: the next ones may have more luck.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// What the requests of one connection share.
#[derive(Debug)]
struct Connection {
    world: Arc<World>,
    /// Bodies are written here; hyper gives the memory back once they are sent.
    buffer: Mutex<BytesMut>,
    /// The connection is to end with RST.
    is_reset: AtomicBool,
}

async fn serve_connection(world: Arc<World>, stream: TcpStream) {
    // Without it an answer may wait for the acknowledgement of the one before; if it cannot be
    // set, the answers are slower, not wrong.
    drop(stream.set_nodelay(true));
    let connection = Arc::new(Connection {
        world,
        buffer: Mutex::new(BytesMut::new()),
        is_reset: AtomicBool::new(false),
    });
    let shared = Arc::clone(&connection);
    let service = service_fn(move |request| match shared.answer_at_once(&request) {
        Some(answer) => Answering::Now(Some(answer)),
        None => {
            let connection = Arc::clone(&shared);
            Answering::Later(Box::pin(async move { connection.answer(request).await }))
        }
    });
    let mut serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let ended = std::future::poll_fn(|context| serving.poll_without_shutdown(context)).await;
    if ended.is_err() && connection.is_reset.load(Ordering::Relaxed) {
        let stream = serving.into_parts().io.into_inner();
        // Closing with unsent data thrown away is what makes it a reset.
        drop(stream.set_zero_linger());
    }
}

/// An answer that is there, or one that takes time: only the latter costs an allocation.
enum Answering {
    Now(Option<Answer>),
    Later(Pin<Box<dyn Future<Output = Result<Answer, Dropped>> + Send>>),
}

impl Future for Answering {
    type Output = Result<Answer, Dropped>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Now(answer) => Poll::Ready(answer.take().ok_or(Dropped)),
            Self::Later(answer) => answer.as_mut().poll(context),
        }
    }
}

impl Connection {
    /// The hot path: single tracking while no switch slows it down or spoils it.
    fn answer_at_once(&self, request: &Request<Incoming>) -> Option<Answer> {
        let (endpoint, id) = Endpoint::of(request.method(), request.uri().path());
        if endpoint != Endpoint::TrackingSingle || id.contains('%') {
            return None;
        }
        let world = &*self.world;
        let active = world.active();
        let switches = &active.switches;
        let is_plain = switches.latency_ms == 0
            && switches.jitter_ms == 0
            && switches.rate_limit.is_none()
            && active.faults.is_empty();
        if !is_plain {
            return None;
        }
        let now_ms = world.clock.now_ms();
        let in_flight = world.counters.begin(endpoint, now_ms);
        tracking::count(world, id, now_ms);
        let refusal = world
            .tokens
            .refusal(request.headers(), &switches.auth, now_ms);
        let answer = refusal.unwrap_or_else(|| {
            let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            tracking::single(world, id, switches, &mut buffer, true)
        });
        in_flight.answered(answer.status());
        Some(answer)
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Answer, Dropped> {
        let world = &*self.world;
        if request.uri().path().starts_with("/_sim/") {
            let (head, body) = request.into_parts();
            let body = read_body(body).await?;
            let path = head.uri.path().trim_start_matches("/_sim/");
            let query = head.uri.query().unwrap_or("");
            return Ok(admin::answer(world, &head.method, path, query, &body));
        }
        let (endpoint, raw_id) = Endpoint::of(request.method(), request.uri().path());
        let id = percent_encoding::percent_decode_str(raw_id)
            .decode_utf8_lossy()
            .into_owned();
        let arrived_ms = world.clock.now_ms();
        let in_flight = world.counters.begin(endpoint, arrived_ms);
        if endpoint == Endpoint::TrackingSingle {
            tracking::count(world, &id, arrived_ms);
        }
        let active = world.active();
        let answer = self
            .answer_provider(request, endpoint, &id, &active)
            .await?;
        in_flight.answered(answer.status());
        Ok(answer)
    }

    async fn answer_provider(
        &self,
        request: Request<Incoming>,
        endpoint: Endpoint,
        id: &str,
        active: &Active,
    ) -> Result<Answer, Dropped> {
        let world = &*self.world;
        let switches = &active.switches;
        delay(world, switches, endpoint).await;
        let limit = switches
            .rate_limit
            .as_ref()
            .filter(|_| endpoint != Endpoint::Token);
        if let Some(limit) = limit.filter(|limit| !world.admits(limit)) {
            return Ok(too_many_requests(
                &limit.retry_after,
                switches.shape.error_code,
            ));
        }
        let asked = Asked {
            endpoint,
            id,
            query: request.uri().query().unwrap_or(""),
        };
        let fault = active
            .faults
            .iter()
            .find(|fault| fault.strikes(asked, || world.chance()))
            .map(|fault| &fault.rule.kind);
        if let Some(kind) = fault {
            if *kind == FaultKind::Reset {
                self.is_reset.store(true, Ordering::Relaxed);
            }
            if let Some(answer) = misbehavior::instead(kind, &switches.shape).await? {
                return Ok(answer);
            }
        }
        let counts = fault.is_none_or(FaultKind::is_readable);
        let answer = self
            .genuine(request, endpoint, id, switches, counts)
            .await?;
        match fault {
            Some(kind) => misbehavior::spoil(answer, kind).await,
            None => Ok(answer),
        }
    }

    /// The answer that Routee would give.
    async fn genuine(
        &self,
        request: Request<Incoming>,
        endpoint: Endpoint,
        id: &str,
        switches: &Switches,
        counts: bool,
    ) -> Result<Answer, Dropped> {
        let world = &*self.world;
        let shape = &switches.shape;
        let now_ms = world.clock.now_ms();
        if endpoint != Endpoint::Token {
            let refusal = world
                .tokens
                .refusal(request.headers(), &switches.auth, now_ms);
            if let Some(answer) = refusal {
                return Ok(answer);
            }
        }
        if endpoint == Endpoint::TrackingSingle {
            let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(tracking::single(world, id, switches, &mut buffer, counts));
        }
        let (head, body) = request.into_parts();
        let body = read_body(body).await?;
        let query = head.uri.query().unwrap_or("");
        Ok(match endpoint {
            Endpoint::Token => {
                let grant = Grant::read(query, &body);
                let auth = &switches.auth;
                let random = || world.random();
                world
                    .tokens
                    .issue(&world.config, auth, &head.headers, &grant, now_ms, random)
            }
            Endpoint::TrackingRange => listing::range(world, query, &body, switches, counts),
            Endpoint::TrackingCampaign => {
                listing::campaign_messages(world, id, query, switches, counts)
            }
            Endpoint::Campaign => listing::campaign(world, id, shape),
            Endpoint::Send => sending::send(world, &body, shape),
            Endpoint::SendCampaign => sending::send_campaign(world, &body, shape),
            Endpoint::Any | Endpoint::Other | Endpoint::TrackingSingle => error(
                StatusCode::NOT_FOUND,
                "404000000",
                "Not found",
                shape.error_code,
            ),
        })
    }
}

async fn delay(world: &World, switches: &Switches, endpoint: Endpoint) {
    let mut delay_ms = switches.latency_ms;
    if switches.jitter_ms > 0 {
        delay_ms += world.random() % (switches.jitter_ms + 1);
    }
    if endpoint == Endpoint::Token {
        delay_ms += switches.auth.latency_ms;
    }
    if delay_ms > 0 {
        sleep(Duration::from_millis(delay_ms)).await;
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, Dropped> {
    let collected = pin!(Limited::new(body, MAX_BODY_BYTES).collect()).await;
    collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|_| Dropped)
}
