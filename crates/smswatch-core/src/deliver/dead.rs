//! Tells that deliveries were given up: in the log, in `status`, and as events for rules.
//!
//! A part that gives up a delivery reports it to [`DeadLetters`]. What came together is reported together, so that a sink
//! that gives up thousands writes a line every few seconds and no more. The processes share a note per
//! sink, which makes one event of an episode: a new one begins when nothing was given up for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::{Event, EventKind, Timestamp};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::codec;
use crate::context::Context;
use crate::event::own_event;
use crate::form;
use crate::inbox::LogInbox;
use crate::memo::{Decision, Memo};
use crate::store::{NewEntry, StoreError};

/// How long is waited for more before the first is told.
const GATHER: Duration = Duration::from_millis(200);

/// How long lies between two lines of the log, and two notes.
const PACE: Duration = Duration::from_secs(5);

const FORMAT: u8 = 1;

/// What was given up and is not told yet, by sink.
#[derive(Debug, Default)]
pub(crate) struct DeadLetters {
    untold: Mutex<BTreeMap<String, Batch>>,
    noticed: Notify,
}

/// Deliveries of one sink that were given up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Batch {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    /// Why the last of them was given up.
    reason: String,
    /// Some of them told of something else than dead letters: an event of those that only did so would
    /// lead to another one, without end.
    is_news: bool,
    is_logged: bool,
}

/// What all processes know of the deliveries of a sink that were given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// When the first of this episode was given up.
    pub since: Timestamp,
    /// When the last one was.
    pub last: Timestamp,
    /// Why the last one was.
    pub reason: String,
    /// Whether an event tells of this episode.
    told: bool,
}

/// Whether a body is that of a notification about dead letters.
pub(crate) fn is_about_dead_letters(body: &[u8]) -> bool {
    codec::decode_notification(body).is_ok_and(|made| made.kind == EventKind::DeadLetter)
}

impl DeadLetters {
    /// Takes note that `count` deliveries of `sink` were given up at `now` for this reason. Those that are
    /// about dead letters themselves are no news.
    pub(crate) fn given_up(
        &self,
        sink: &str,
        count: u64,
        reason: &str,
        is_news: bool,
        now: Timestamp,
    ) {
        if count == 0 {
            return;
        }
        let batch = Batch {
            count,
            first: now,
            last: now,
            reason: reason.to_owned(),
            is_news,
            is_logged: false,
        };
        self.add(sink, batch);
    }

    fn add(&self, sink: &str, later: Batch) {
        let mut untold = self.untold();
        let batch = match untold.remove(sink) {
            Some(earlier) => Batch {
                count: earlier.count + later.count,
                first: earlier.first.min(later.first),
                is_news: earlier.is_news || later.is_news,
                is_logged: earlier.is_logged && later.is_logged,
                ..later
            },
            None => later,
        };
        untold.insert(sink.to_owned(), batch);
        self.noticed.notify_one();
    }

    fn take(&self) -> BTreeMap<String, Batch> {
        std::mem::take(&mut self.untold())
    }

    fn untold(&self) -> MutexGuard<'_, BTreeMap<String, Batch>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Batch {
    fn words(&self) -> String {
        match self.count {
            1 => format!("1 delivery: {}", self.reason),
            count => format!("{count} deliveries, the last one: {}", self.reason),
        }
    }
}

impl GivenUp {
    fn decode(bytes: &[u8]) -> Option<Self> {
        form::decode(FORMAT, bytes)
    }

    fn encode(&self) -> Vec<u8> {
        form::encode(FORMAT, self)
    }

    /// What is known after `batch`, and whether an event is to tell of it.
    fn after(before: Option<Self>, batch: &Batch, quiet: Duration) -> (Self, bool) {
        let before = before.filter(|before| batch.first <= before.last + quiet);
        let was_told = before.as_ref().is_some_and(|before| before.told);
        let after = Self {
            since: before.as_ref().map_or(batch.first, |before| before.since),
            last: before.map_or(batch.last, |before| before.last.max(batch.last)),
            reason: batch.reason.clone(),
            told: was_told || batch.is_news,
        };
        let is_news = after.told && !was_told;
        (after, is_news)
    }
}

/// What telling of them touches.
#[derive(Debug)]
pub(crate) struct GiveUp {
    pub(crate) context: Arc<Context>,
    pub(crate) log: Arc<LogInbox>,
    pub(crate) dead: Arc<DeadLetters>,
}

/// Tells what is given up, until nothing more can be: `all_ended` says so. What is untold then is told at once, since
/// nothing else knows of it.
pub(crate) async fn run(stage: Arc<GiveUp>, all_ended: CancellationToken) {
    loop {
        let gather = async {
            stage.dead.noticed.notified().await;
            tokio::time::sleep(GATHER).await;
        };
        let is_last = all_ended.run_until_cancelled(gather).await.is_none();
        for (sink, mut batch) in stage.dead.take() {
            if !batch.is_logged {
                tracing::warn!("given up for sink `{sink}`: {}", batch.words());
                batch.is_logged = true;
            }
            if let Err(error) = note(&stage, &sink, &batch).await {
                tracing::debug!(%error, "dead letters are noted later");
                stage.dead.add(&sink, batch);
            }
        }
        if is_last {
            return;
        }
        let _paced = all_ended
            .run_until_cancelled(tokio::time::sleep(PACE))
            .await;
    }
}

/// Where the processes keep what was given up of a sink's deliveries.
fn memo(context: &Context, sink: &str) -> Memo<GivenUp> {
    let (decode, encode) = (GivenUp::decode, GivenUp::encode);
    Memo::new(context, format!("dead:{sink}"), FORMAT, decode, encode)
}

/// Notes for all processes what was given up, and appends the event of a new episode in the same step.
async fn note(stage: &GiveUp, sink: &str, batch: &Batch) -> Result<(), StoreError> {
    let memo = memo(&stage.context, sink);
    let quiet = stage.context.settings().alarms.quiet;
    let noted = memo.change(&stage.context, |found| {
        let (after, is_news) = GivenUp::after(found.value, batch, quiet);
        let event = is_news.then(|| event(stage, sink, batch));
        let entries = event.iter();
        let entries = entries.map(|event| NewEntry::of(std::slice::from_ref(event)));
        Decision::Write {
            value: after,
            entries: entries.collect(),
            answer: event,
        }
    });
    if let Some(event) = noted.await? {
        stage.context.metrics.count_event(event.kind);
        stage.log.hint_now(memo.shard());
    }
    Ok(())
}

fn event(stage: &GiveUp, sink: &str, batch: &Batch) -> Event {
    let (provider, now) = (stage.context.provider, stage.context.clock.now());
    Event {
        time: batch.first,
        ..own_event(EventKind::DeadLetter, sink, batch.words(), provider, now, 0)
    }
}

/// What is known of the deliveries of `sink` that were given up; `None` if none ever was.
pub(crate) async fn given_up(context: &Context, sink: &str) -> Result<Option<GivenUp>, StoreError> {
    Ok(memo(context, sink).read(context).await?.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(300);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn batch(second: i64, is_news: bool) -> Batch {
        let dead = DeadLetters::default();
        dead.given_up("crm", 1, "401", is_news, at(second));
        dead.take().remove("crm").expect("it was given up")
    }

    fn after(before: &GivenUp, second: i64, is_news: bool) -> (GivenUp, bool) {
        GivenUp::after(Some(before.clone()), &batch(second, is_news), QUIET)
    }

    #[test]
    fn what_is_given_up_together_is_told_together() {
        let dead = DeadLetters::default();
        dead.given_up("crm", 1, "401", true, at(0));
        dead.given_up("pager", 0, "queue_full", true, at(0));
        dead.given_up("crm", 11, "403", false, at(3));
        let told = dead.take();
        assert_eq!(told.len(), 1);
        assert_eq!(told["crm"].words(), "12 deliveries, the last one: 403");
        assert!(told["crm"].is_news);
        assert_eq!((told["crm"].first, told["crm"].last), (at(0), at(3)));
    }

    #[test]
    fn an_episode_is_told_once() {
        let (first, is_news) = GivenUp::after(None, &batch(0, true), QUIET);
        assert!(is_news);
        let (second, is_news) = after(&first, 299, true);
        assert!(!is_news);
        assert_eq!((second.since, second.last), (at(0), at(299)));
        let (third, is_news) = after(&second, 600, true);
        assert!(is_news, "nothing was given up for long enough");
        assert_eq!(third.since, at(600));
    }

    #[test]
    fn the_end_of_a_notification_about_dead_letters_is_no_news_of_its_own() {
        let (first, is_news) = GivenUp::after(None, &batch(0, false), QUIET);
        assert!(!is_news);
        let (second, is_news) = after(&first, 1, false);
        assert!(!is_news);
        let (_, is_news) = after(&second, 2, true);
        assert!(is_news, "that of any other is");
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let (noted, _) = GivenUp::after(None, &batch(0, true), QUIET);
        assert_eq!(GivenUp::decode(&noted.encode()), Some(noted));
        assert_eq!(GivenUp::decode(b""), None);
        assert_eq!(GivenUp::decode(b"\x02{}"), None);
    }
}
