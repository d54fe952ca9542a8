//! An HTTP server on loopback that keeps what it is sent and answers as it is told.

mod answer;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

pub use answer::Answer;

/// How long [`Receiver::wait_for`] waits before it gives up: less than the lease of 40 s of what nobody gave back, so
/// that a test sees what comes only by its end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it arrived, body and all.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// The value of the header `name`, where there is one that is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    ///
    /// # Panics
    ///
    /// It is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("the body is UTF-8")
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// It is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// Every string in a JSON body, decoded, in the order in which they stand there.
    ///
    /// # Panics
    ///
    /// It is not JSON.
    #[must_use]
    pub fn strings(&self) -> Vec<String> {
        let mut strings = Vec::new();
        collect(self.json(), &mut strings);
        strings
    }
}

fn collect(value: Value, strings: &mut Vec<String>) {
    match value {
        Value::String(string) => strings.push(string),
        Value::Array(items) => items.into_iter().for_each(|item| collect(item, strings)),
        Value::Object(fields) => fields
            .into_iter()
            .for_each(|(_, field)| collect(field, strings)),
        _ => {}
    }
}

/// An HTTP server on a free port of loopback, gone with all its connections when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    script: Arc<Script>,
    server: AbortHandle,
}

/// What was received, and what is to be answered.
#[derive(Debug)]
struct Script {
    requests: Mutex<Vec<Request>>,
    count: watch::Sender<usize>,
    connections: AtomicUsize,
    next: Mutex<VecDeque<Answer>>,
    always: Mutex<Answer>,
    /// What is answered to requests whose bodies hold a text.
    to_some: Mutex<Vec<(String, Answer)>>,
}

impl Script {
    /// What is answered to requests that hold something which this one holds.
    fn answer_to(&self, request: &Request) -> Option<Answer> {
        let body = String::from_utf8_lossy(&request.body);
        let to_some = lock(&self.to_some);
        let found = to_some.iter().find(|(text, _)| body.contains(text));
        found.map(|(_, answer)| answer.clone())
    }
}

impl Receiver {
    /// Starts a server that answers 200 to everything.
    ///
    /// # Panics
    ///
    /// No port of loopback is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let script = Arc::new(Script {
            requests: Mutex::default(),
            count: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
            next: Mutex::default(),
            always: Mutex::new(Answer::status(200)),
            to_some: Mutex::default(),
        });
        let server = tokio::spawn(accept(listener, Arc::clone(&script))).abort_handle();
        Self {
            address,
            script,
            server,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of `path`, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Gives this answer to every request from now on, once those of [`Receiver::answer_next`] are used up.
    pub fn answer_always(&self, answer: Answer) {
        *lock(&self.script.always) = answer;
    }

    /// Gives this answer to every request from now on whose body holds `text`.
    pub fn answer_to(&self, text: &str, answer: Answer) {
        let mut to_some = lock(&self.script.to_some);
        to_some.retain(|(known, _)| known != text);
        to_some.push((text.to_owned(), answer));
    }

    /// Gives this answer to one of the next requests; several calls queue up.
    pub fn answer_next(&self, answer: Answer) {
        lock(&self.script.next).push_back(answer);
    }

    /// What has arrived so far, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.script.requests).clone()
    }

    /// How many connections were made so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.script.connections.load(Ordering::Relaxed)
    }

    /// Waits until `n` requests have arrived, and tells all that have.
    ///
    /// # Panics
    ///
    /// They do not come within half a minute.
    pub async fn wait_for(&self, n: usize) -> Vec<Request> {
        let mut count = self.script.count.subscribe();
        let arrived = tokio::time::timeout(PATIENCE, count.wait_for(|count| *count >= n)).await;
        assert!(
            arrived.is_ok(),
            "waited for {n} requests; {} came",
            self.requests().len()
        );
        self.requests()
    }

    /// Waits until `n` requests have arrived that are `wanted`, and tells all of those that have.
    ///
    /// # Panics
    ///
    /// They do not come within half a minute.
    pub async fn wait_for_some(&self, n: usize, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        let chosen = || {
            let requests = self.requests().into_iter();
            requests.filter(&wanted).collect::<Vec<_>>()
        };
        let mut count = self.script.count.subscribe();
        let arrived = count.wait_for(|_| chosen().len() >= n);
        let arrived = tokio::time::timeout(PATIENCE, arrived).await.is_ok();
        assert!(arrived, "waited for {n} requests; {} came", chosen().len());
        chosen()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A port of loopback that refuses every connection for as long as this lives.
#[derive(Debug)]
pub struct RefusedPort(TcpSocket);

impl RefusedPort {
    /// Takes a free port without listening on it.
    ///
    /// # Panics
    ///
    /// No port of loopback is free.
    #[must_use]
    pub fn take() -> Self {
        let socket = TcpSocket::new_v4().expect("the system has sockets");
        socket
            .bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .expect("loopback has a free port");
        Self(socket)
    }

    /// The address that refuses.
    ///
    /// # Panics
    ///
    /// The socket has lost its address, which sockets do not.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a bound socket has an address")
    }
}

/// Serves connections until it is dropped, and them with it.
async fn accept(listener: TcpListener, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                script.connections.fetch_add(1, Ordering::Relaxed);
                connections.spawn(serve(stream, Arc::clone(&script)));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Serves one connection; that it ends badly is the other side's business, or wanted.
async fn serve(stream: TcpStream, script: Arc<Script>) {
    let service = service_fn(|request| receive(request, &script));
    drop(
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

/// Keeps a request and answers it; an error closes the connection without an answer.
async fn receive(
    request: hyper::Request<Incoming>,
    script: &Script,
) -> Result<hyper::Response<answer::Body>, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let request = Request {
        method: head.method.to_string(),
        path: head
            .uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: head.headers,
        body,
    };
    let next = lock(&script.next).pop_front();
    let answer = next
        .or_else(|| script.answer_to(&request))
        .unwrap_or_else(|| lock(&script.always).clone());
    lock(&script.requests).push(request);
    script.count.send_modify(|count| *count += 1);
    answer.give().await
}

/// Locks; a test that panicked while it held the lock does not hide what the others see.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
