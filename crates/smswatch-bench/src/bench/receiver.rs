//! A webhook receiver that keeps of each request only its id and how old its event was, and that may
//! fall ill.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use smswatch_model::Timestamp;
use tokio::sync::watch;

use super::spread::Spread;

/// How long nothing may arrive before it is said that no more will.
const SILENCE: Duration = Duration::from_secs(60);

/// Events tell whole milliseconds, rounded down: this much is missing from them on average.
const ROUNDED_OFF: Duration = Duration::from_micros(500);

/// How a receiver behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    /// It takes everything.
    Well,
    /// It answers nothing.
    Hanging,
    /// It answers 500 to everything.
    Refusing,
}

/// A receiver on loopback.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) url: String,
    pub(super) address: SocketAddr,
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    mood: watch::Sender<Mood>,
    taken: Mutex<Taken>,
}

impl Desk {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
    /// Milliseconds from the moment at which the answer had been read to the arrival.
    pub(super) ages: Spread,
}

impl Receiver {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let desk = Arc::new(Desk {
            mood: watch::Sender::new(Mood::Well),
            taken: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let url = format!("http://{address}/hook");
        let router = Router::new()
            .route("/hook", post(take))
            .with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { url, address, desk })
    }

    /// Behaves so from now on.
    pub(super) fn set_mood(&self, mood: Mood) {
        self.desk.mood.send_replace(mood);
    }

    /// Tells the ages of what comes from now on only.
    pub(super) fn forget_ages(&self) {
        self.desk.taken().ages.clear();
    }

    /// How many different ids have arrived, and how many repeats of them.
    pub(super) fn tally(&self) -> (u64, u64) {
        let taken = self.desk.taken();
        let unique = taken.ids.len() as u64;
        (unique, taken.requests - unique)
    }

    /// Waits until `count` different ids have arrived.
    pub(super) async fn wait_for(&self, count: u64) -> anyhow::Result<Arrived> {
        let mut seen = 0;
        let mut quiet_since = Instant::now();
        loop {
            {
                let taken = self.desk.taken();
                let unique = u64::try_from(taken.ids.len())?;
                if unique >= count {
                    let ages = taken.ages.iter().map(|age| age.as_secs_f64() * 1e3);
                    return Ok(Arrived {
                        unique,
                        repeats: taken.requests - unique,
                        last: taken.last.context("something arrived")?,
                        ages: Spread::of(ages)?,
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

async fn take(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut mood = desk.mood.subscribe();
    if *mood.borrow() == Mood::Refusing {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    // A caller that hangs up gets no answer, and the delivery does not count as taken.
    let _well = mood.wait_for(|mood| *mood != Mood::Hanging).await;
    let arrived = Instant::now();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok());
    let (Some(id), Ok(now), Some(detected_at)) = (id, now, detected_at(&body)) else {
        return StatusCode::BAD_REQUEST;
    };
    let detected = Duration::from_millis(u64::try_from(detected_at.as_millis()).unwrap_or(0));
    let detected = detected + ROUNDED_OFF;
    let mut taken = desk.taken();
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
