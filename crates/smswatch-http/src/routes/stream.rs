//! `/v1/events/stream`: events as they come, as server-sent events.
//!
//! A stream reads the log by itself, page by page, and only as fast as its reader takes it. Who takes nothing for a
//! while is disconnected, and goes on later behind the last id that it has seen.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use futures::stream;
use smswatch_api::events::{EventsQuery, StreamQuery};
use smswatch_api::problem::ProblemCode;
use smswatch_core::{FollowedEvent, Follower, Service};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout};

use super::events;
use crate::connections::Ending;
use crate::problem::Problem;
use crate::query::Filter;

/// How many streams there are at once.
const MOST: usize = 64;

/// How many events of a stream wait for its reader.
const MOST_WAITING: usize = 32;

/// How long a reader may take nothing before it is disconnected.
const PATIENCE: Duration = Duration::from_secs(30);

/// After how long without an event a comment is sent, so that proxies do not take the stream for dead.
const SILENCE: Duration = Duration::from_secs(15);

/// How long it takes until the store is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// The header in which a reader that comes back says where it was.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The streams that there may be. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Streams(Arc<Semaphore>);

impl Streams {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

pub(super) async fn follow(
    State(service): State<Service>,
    Extension(streams): Extension<Streams>,
    Extension(ending): Extension<Ending>,
    headers: HeaderMap,
    Filter(query): Filter<StreamQuery>,
) -> Result<Response, Problem> {
    let last_id = headers.get(LAST_EVENT_ID);
    let last_id = last_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let cursor = last_id.filter(|id| !id.is_empty());
    let cursor = cursor.or(query.cursor.filter(|cursor| !cursor.is_empty()));
    let filter = events::filter(&EventsQuery {
        message_id: query.message_id,
        kind: query.kind,
        ..EventsQuery::default()
    })?;
    let place = streams.0.try_acquire_owned().map_err(|_| {
        let message = "as many streams are open as there may be; asking again later helps";
        Problem::try_again(ProblemCode::Busy, message)
    })?;
    let follower = service.follow_events(&filter, cursor).await?;
    let (sender, receiver) = mpsc::channel(MOST_WAITING);
    tokio::spawn(send_events(follower, sender, ending, place));
    let frames = stream::unfold(receiver, |mut receiver| async {
        let frame = receiver.recv().await?;
        Some((Ok::<Bytes, Infallible>(frame), receiver))
    });
    let mut response = Response::new(Body::from_stream(frames));
    let media_type = header::HeaderValue::from_static("text/event-stream");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    Ok(response)
}

/// Tells events until the reader goes, takes nothing any more, or the process stops.
async fn send_events(
    mut follower: Follower,
    sender: mpsc::Sender<Bytes>,
    ending: Ending,
    _place: OwnedSemaphorePermit,
) {
    let gone = sender.clone();
    let telling = async {
        let mut told_at = Instant::now();
        // Who is disconnected before the first event goes on from here.
        let mut is_told = send(&sender, comment(&follower)).await;
        while is_told {
            match follower.next().await {
                Ok(events) if !events.is_empty() => {
                    for event in events {
                        is_told = is_told && send(&sender, frame(&event)).await;
                    }
                    told_at = Instant::now();
                }
                Ok(_) => {}
                // The reader need not know: it misses nothing.
                Err(error) => {
                    tracing::debug!(%error, "a stream of events waits for the store");
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if is_told && told_at.elapsed() >= SILENCE {
                is_told = send(&sender, comment(&follower)).await;
                told_at = Instant::now();
            }
        }
        tracing::debug!("a stream of events ends: its reader takes nothing");
        ending.hang_up();
    };
    tokio::select! {
        () = telling => {}
        () = gone.closed() => {}
        () = ending.stopping() => {}
    }
}

/// Hands a frame to the reader; returns false if it takes nothing.
async fn send(sender: &mpsc::Sender<Bytes>, frame: String) -> bool {
    let sent = timeout(PATIENCE, sender.send(frame.into())).await;
    matches!(sent, Ok(Ok(())))
}

fn frame(followed: &FollowedEvent) -> String {
    let event = serde_json::to_string(&followed.event).expect("an event is JSON");
    format!("id: {}\ndata: {event}\n\n", followed.cursor)
}

/// A comment, with the id to go on from: so a reader that sees few events need not read much again.
fn comment(follower: &Follower) -> String {
    format!(": smswatch\nid: {}\n\n", follower.cursor())
}
