//! A webhook receiver that keeps of each request only its id and how old its event was.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use smswatch_model::Timestamp;

/// How long nothing may arrive before it is said that no more will.
const SILENCE: Duration = Duration::from_secs(60);

/// Events tell whole milliseconds, rounded down: this much is missing from them on average.
const ROUNDED_OFF: Duration = Duration::from_micros(500);

/// A receiver on loopback.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) url: String,
    taken: Arc<Mutex<Taken>>,
}

/// What has arrived.
#[derive(Debug, Default)]
struct Taken {
    ids: HashSet<String>,
    requests: u64,
    ages: Vec<Duration>,
    last: Option<Instant>,
}

/// What arrived in all.
#[derive(Debug)]
pub(super) struct Arrived {
    /// How many different ids there were.
    pub(super) unique: u64,
    /// How many requests were repeats.
    pub(super) repeats: u64,
    /// When the last new one came.
    pub(super) last: Instant,
    /// From the moment at which the answer had been read to the arrival, smallest first.
    pub(super) ages: Vec<Duration>,
}

impl Receiver {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let taken = Arc::new(Mutex::new(Taken::default()));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(Arc::clone(&taken));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, taken })
    }

    /// Waits until `count` different ids have arrived.
    pub(super) async fn wait_for(&self, count: u64) -> anyhow::Result<Arrived> {
        let mut seen = 0;
        let mut quiet_since = Instant::now();
        loop {
            {
                let taken = lock(&self.taken);
                let unique = u64::try_from(taken.ids.len())?;
                if unique >= count {
                    let mut ages = taken.ages.clone();
                    ages.sort_unstable();
                    return Ok(Arrived {
                        unique,
                        repeats: taken.requests - unique,
                        last: taken.last.context("something arrived")?,
                        ages,
                    });
                }
                if unique > seen {
                    seen = unique;
                    quiet_since = Instant::now();
                }
            }
            if quiet_since.elapsed() > SILENCE {
                bail!("{seen} of {count} webhooks arrived, and then no more");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn take(
    State(taken): State<Arc<Mutex<Taken>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let arrived = Instant::now();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    let (Some(id), Ok(now), Some(detected_at)) = (id, now, detected_at(&body)) else {
        return StatusCode::BAD_REQUEST;
    };
    let detected = Duration::from_millis(u64::try_from(detected_at.as_millis()).unwrap_or(0));
    let detected = detected + ROUNDED_OFF;
    let mut taken = lock(&taken);
    taken.requests += 1;
    if taken.ids.insert(id.to_owned()) {
        taken.ages.push(now.saturating_sub(detected));
        taken.last = Some(arrived);
    }
    StatusCode::OK
}

fn detected_at(body: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(body).ok()?;
    let (_, rest) = text.split_once("\"detected_at\":\"")?;
    let (instant, _) = rest.split_once('"')?;
    instant.parse().ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
