//! A webhook receiver that may fail or hang, and keeps books of what it was told: of the sink that is told everything,
//! and of a sink of rules, which has a path of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::post;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::book::{Book, Delivery};
use super::letters::{Letter, Letters};

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
    letters: Mutex<Letters>,
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
            letters: Mutex::default(),
        });
        let router = Router::new()
            .fallback(post(take))
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

    /// What it was told so far by the archive.
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.desk.book()
    }

    /// What it was told so far by all other rules.
    pub(super) fn letters(&self) -> MutexGuard<'_, Letters> {
        self.desk.letters()
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

    fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request for the sink of this name, which is empty for the archive, and whether it was taken.
    fn enter(
        &self,
        sink: &str,
        headers: &HeaderMap,
        body: &[u8],
        is_taken: bool,
    ) -> anyhow::Result<()> {
        let id = read(&self.verifier, headers, body)?;
        if sink.is_empty() {
            let delivery = Delivery::read(id, body)?;
            self.book().enter(delivery, is_taken);
        } else {
            let letter = Letter::read(sink, body)?;
            self.letters().enter(id, letter, is_taken);
        }
        Ok(())
    }
}

async fn take(
    State(desk): State<Arc<Desk>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
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
    let sink = uri.path().trim_start_matches('/');
    let entered = desk.enter(sink, &headers, &body, answer.is_success());
    if entered.is_err() {
        desk.book().n_unreadable += 1;
    }
    if mood == Mood::Hanging {
        let mut mood = desk.mood.subscribe();
        // After this long the caller gets an error.
        let _ended = mood.wait_for(|mood| *mood != Mood::Hanging).await;
    }
    answer
}

/// The id of a request whose signature holds.
fn read<'h>(verifier: &Verifier, headers: &'h HeaderMap, body: &[u8]) -> anyhow::Result<&'h str> {
    verifier
        .0
        .verify(body, headers)
        .map_err(io::Error::other)
        .context("the signature does not hold")?;
    headers
        .get("webhook-id")
        .context("no id")?
        .to_str()
        .context("an id that is no text")
}
