//! A webhook receiver that may fail or hang, and keeps a book of what it was told.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::book::{Book, Delivery};

/// What all receivers and replicas share to sign with.
pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How a receiver behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It takes everything.
    Well,
    /// It refuses about every third request, in one way or another.
    Flaky,
    /// It answers nothing.
    Hanging,
}

/// A receiver, gone when it is dropped.
#[derive(Debug)]
pub(super) struct Receiver {
    address: SocketAddr,
    desk: Arc<Desk>,
    server: AbortHandle,
}

#[derive(Debug)]
struct Desk {
    verifier: Verifier,
    mood: watch::Sender<Mood>,
    book: Mutex<Book>,
}

/// Checks signatures; the type of the library shows its key when it is printed.
struct Verifier(Webhook);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl Receiver {
    /// Starts one that is well.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let verifier = Webhook::new(SECRET).context("the key of the receivers")?;
        let desk = Arc::new(Desk {
            verifier: Verifier(verifier),
            mood: watch::Sender::new(Mood::Well),
            book: Mutex::default(),
        });
        let router = Router::new()
            .route("/", post(take))
            .with_state(Arc::clone(&desk));
        let serving = async move { axum::serve(listener, router).await };
        let server = tokio::spawn(serving).abort_handle();
        Ok(Self {
            address,
            desk,
            server,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Behaves so from now on.
    pub(super) fn set_mood(&self, mood: Mood) {
        self.desk.mood.send_replace(mood);
    }

    /// What it was told so far.
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.desk.book()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mood = *desk.mood.borrow();
    let answer = match mood {
        Mood::Well => StatusCode::OK,
        Mood::Flaky => match fastrand::u8(..10) {
            0 => StatusCode::INTERNAL_SERVER_ERROR,
            1 => StatusCode::BAD_GATEWAY,
            2 => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        },
        Mood::Hanging => StatusCode::SERVICE_UNAVAILABLE,
    };
    match read(&desk.verifier, &headers, &body) {
        Ok(delivery) => desk.book().enter(delivery, answer.is_success()),
        Err(_) => desk.book().n_unreadable += 1,
    }
    if mood == Mood::Hanging {
        let mut mood = desk.mood.subscribe();
        // Whoever waits so long hears that it was too late.
        let _ended = mood.wait_for(|mood| *mood != Mood::Hanging).await;
    }
    answer
}

/// Reads a request whose signature holds.
fn read(verifier: &Verifier, headers: &HeaderMap, body: &[u8]) -> anyhow::Result<Delivery> {
    verifier
        .0
        .verify(body, headers)
        .map_err(io::Error::other)
        .context("the signature does not hold")?;
    let id = headers
        .get("webhook-id")
        .context("no id")?
        .to_str()
        .context("an id that is no text")?;
    Delivery::read(id, body)
}
