//! Sends callbacks when they are due, and again when they are not answered with 200.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::Request;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::agenda::{Agenda, Post, Source};
use super::figures::{Answered, count};
use super::{Callback, CallbackSwitches, Strategy, campaign};
use crate::ids;
use crate::part::PartView;
use crate::render::{self, Form};
use crate::switches::Switches;
use crate::world::World;

/// How many changes are worked off before callbacks are sent again.
const CHANGES_AT_ONCE: usize = 256;

/// The longest answer that is read, in bytes; a connection with a longer one is closed.
const MAX_ANSWER: usize = 64 * 1024;

/// The longest sleep: the simulator's clock may be moved, and the machine's too.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

type Caller = Client<HttpConnector, Full<Bytes>>;

/// What the draws of one callback are about.
#[derive(Clone, Copy)]
enum Draw {
    Lost = 1,
    Reordered = 2,
    Duplicated = 3,
    DuplicateDelay = 4,
}

/// Calls back until it is aborted; what is under way ends with it.
pub(crate) async fn call(world: Arc<World>) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Caller = Client::builder(TokioExecutor::new()).build(connector);
    let mut posting = JoinSet::new();
    loop {
        let active = world.active();
        let switches = &active.switches;
        let now_ms = world.clock.now_ms();
        for source in world.callbacks.take_changes(now_ms, CHANGES_AT_ONCE) {
            change(&world, switches, &source, now_ms);
        }
        let room = switches.callbacks.connections.saturating_sub(posting.len());
        for post in world.callbacks.take_posts(now_ms, room) {
            count(&world.callbacks.figures.in_flight);
            posting.spawn(attempt(Arc::clone(&world), client.clone(), post));
        }
        let is_room = posting.len() < switches.callbacks.connections;
        let pause = world.callbacks.next_ms(is_room).map(|next_ms| {
            let millis = u64::try_from(next_ms.saturating_sub(now_ms)).unwrap_or(0);
            Duration::from_millis(millis).min(LONGEST_SLEEP)
        });
        tokio::select! {
            () = world.callbacks.wake.notified() => {}
            Some(_) = posting.join_next() => {}
            () = sleep(pause.unwrap_or(LONGEST_SLEEP)) => {}
        }
    }
}

/// Tells what has changed of a message since it was told of last.
fn change(world: &World, switches: &Switches, source: &Source, now_ms: i64) {
    let fallback = switches.callbacks.default_callback();
    let callback = source.callback().or(fallback.as_ref());
    let mut posts = Vec::new();
    let reached = source.reached(now_ms, |view, step| {
        let post = callback
            .filter(|_| step > 0 || switches.callbacks.first)
            .and_then(|callback| post(world, switches, callback, view, step));
        posts.extend(post.map(|(late_ms, post)| (now_ms + late_ms, post)));
    });
    if reached.became_final
        && let Some(id) = source.campaign_id()
    {
        posts.extend(campaign::report(world, switches, id).map(|post| (now_ms, post)));
    }
    world.callbacks.post(posts);
    if let Some(next_ms) = reached.next_ms {
        world.callbacks.expect_changes([(next_ms, source.clone())]);
    }
}

/// The callback of one change and how late it is sent, unless it is lost or not wanted.
fn post(
    world: &World,
    switches: &Switches,
    callback: &Callback,
    view: &PartView<'_>,
    step: usize,
) -> Option<(i64, Post)> {
    let wants = &switches.callbacks;
    if callback.strategy == Strategy::OnCompletion && !view.step.is_final() {
        return None;
    }
    let step = u64::try_from(step).unwrap_or(u64::MAX);
    let key = view
        .sms_id
        .bytes()
        .fold(ids::mix(world.config.seed ^ step), |key, byte| {
            ids::mix(key ^ u64::from(byte))
        });
    let figures = &world.callbacks.figures;
    count(&figures.told);
    if chance(key, Draw::Lost) < wants.lost {
        count(&figures.lost);
        return None;
    }
    let mut late_ms = wants.delay_ms;
    if chance(key, Draw::Reordered) < wants.reordered {
        count(&figures.reordered);
        late_ms = late_ms.saturating_add(wants.reorder_ms);
    }
    let mut body = BytesMut::with_capacity(768);
    render::part(&mut body, view, &switches.shape, Form::Callback);
    let post = Post::new(&callback.url, body.freeze(), key)?;
    Some((i64::try_from(late_ms).unwrap_or(i64::MAX), post))
}

/// A number from 0 to 1 that follows from what it is drawn for.
#[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
fn chance(key: u64, draw: Draw) -> f64 {
    (ids::mix(key ^ (draw as u64).rotate_left(32)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Tries once, and notes what is to come of it.
async fn attempt(world: Arc<World>, client: Caller, mut post: Post) {
    let active = world.active();
    let wants = &active.switches.callbacks;
    let now_ms = world.clock.now_ms();
    post.tries += 1;
    let first_ms = *post.first_ms.get_or_insert(now_ms);
    let started = Instant::now();
    let limit = Duration::from_millis(wants.timeout_ms);
    let answered = timeout(limit, send(&client, &post)).await;
    let answered = answered.unwrap_or(Answered::TooLate);
    let agenda = &world.callbacks;
    agenda.figures.tried(answered, started.elapsed());
    if answered == Answered::Status(200) {
        repeat(agenda, wants, post, world.clock.now_ms());
    } else if let Some(wait_ms) = wants.wait_ms(post.tries) {
        let from_ms = if wants.waits_from_first {
            first_ms
        } else {
            world.clock.now_ms()
        };
        agenda.post([(from_ms + wait_ms, post)]);
    } else {
        count(&agenda.figures.given_up);
    }
    agenda.figures.in_flight.fetch_sub(1, Ordering::Relaxed);
}

/// Sends a callback once more that was answered with 200, if it is drawn.
fn repeat(agenda: &Agenda, wants: &CallbackSwitches, post: Post, now_ms: i64) {
    if post.is_repeated || chance(post.key, Draw::Duplicated) >= wants.duplicated {
        return;
    }
    count(&agenda.figures.duplicated);
    #[expect(clippy::cast_possible_truncation, reason = "up to two seconds")]
    let late_ms = (chance(post.key, Draw::DuplicateDelay) * 2000.0) as i64;
    let again = Post {
        tries: 0,
        first_ms: None,
        is_repeated: true,
        ..post
    };
    agenda.post([(now_ms + late_ms, again)]);
}

async fn send(client: &Caller, post: &Post) -> Answered {
    let request = Request::post(post.uri.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "routee-sim")
        .body(Full::new(post.body.clone()))
        .expect("a URI that was parsed and headers that are fixed");
    let Ok(answer) = client.request(request).await else {
        return Answered::NotAtAll;
    };
    let status = answer.status().as_u16();
    // A connection can only be used again once the answer is read.
    match Limited::new(answer.into_body(), MAX_ANSWER).collect().await {
        Ok(_) => Answered::Status(status),
        Err(_) => Answered::NotAtAll,
    }
}

impl Post {
    /// The first try of a callback; `None` if the URL is none.
    pub(super) fn new(url: &str, body: Bytes, key: u64) -> Option<Self> {
        Some(Self {
            uri: url.parse().ok()?,
            body,
            key,
            tries: 0,
            first_ms: None,
            is_repeated: false,
        })
    }
}

/// What became of a message since it was told of last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// When something changes next.
    pub(crate) next_ms: Option<i64>,
    /// All parts are final, for the first time.
    pub(crate) became_final: bool,
}

impl Source {
    pub(super) fn callback(&self) -> Option<&Callback> {
        match self {
            Self::Message(message) => message.callback.as_ref(),
            Self::Population(..) => None,
        }
    }

    fn campaign_id(&self) -> Option<&str> {
        match self {
            Self::Message(message) => message.details.campaign_tracking_id.as_deref(),
            Self::Population(..) => None,
        }
    }

    /// Shows each step that was reached since the last call, with its place among the part's steps.
    pub(crate) fn reached(&self, now_ms: i64, visit: impl FnMut(&PartView<'_>, usize)) -> Reached {
        match self {
            Self::Message(message) => message.reached(now_ms, visit),
            Self::Population(population, index) => population.reached(*index, now_ms, visit),
        }
    }
}
