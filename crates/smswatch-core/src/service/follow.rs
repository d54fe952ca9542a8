//! Follows the event log: what happened since a place in it, and then what happens.
//!
//! A follower reads the log of every shard, so it sees what all processes on the store append. What this process
//! appends wakes it; for the rest it looks once a second. A follower has no memory of its own but one page, so a slow
//! reader costs nothing.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use smswatch_model::{Event, Timestamp};

use super::Service;
use super::cursors::{self, List};
use super::error::ServiceError;
use crate::codec;
use crate::context::Context;
use crate::inbox::LogInbox;
use crate::store::{EventFilter, InvalidCursor, LogPosition, Page, PageRequest, Shard, StoreError};

/// How many entries of a shard are read at once.
const PAGE: u32 = 64;

/// How long what other processes append waits to be read, at most.
const LOOK: Duration = Duration::from_secs(1);

/// For how long what this process appends is gathered before it is read.
const GATHER: Duration = Duration::from_millis(20);

/// What sets the places of the shards apart in a cursor.
const SEPARATOR: char = ',';

/// Reads the event log on from a place, in the order of each message's events.
#[derive(Debug)]
pub struct Follower {
    context: Arc<Context>,
    log: Arc<LogInbox>,
    filter: EventFilter,
    shards: Vec<FollowedShard>,
    /// Whether the log of some shard holds more than was read.
    has_more: bool,
}

/// How far the log of one shard was read.
#[derive(Debug)]
struct FollowedShard {
    shard: Shard,
    place: LogPosition,
    /// How often this process had appended to it before that.
    count: u64,
    is_wanted: bool,
}

/// An event, and the cursor that goes on behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowedEvent {
    /// The event.
    pub event: Event,
    /// Where to go on. Of several events of one observation only the last one goes on behind itself; behind the
    /// others comes the whole observation again.
    pub cursor: String,
}

impl Service {
    /// Follows the events that `filter` wants: those behind `cursor`, or from now on.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the cursor is none.
    pub async fn follow_events(
        &self,
        filter: &EventFilter,
        cursor: Option<String>,
    ) -> Result<Follower, ServiceError> {
        let (context, log) = (Arc::clone(&self.context), Arc::clone(&self.log));
        // Counted before the places are read, so that nothing is missed in between.
        let counts: Vec<u64> = context
            .shards()
            .map(|shard| log.appended.count(shard))
            .collect();
        let places = match cursor {
            Some(cursor) => self.places(cursor)?,
            None => {
                let ends = context.shards().map(|shard| {
                    let end = context.store.log_end(shard);
                    context.call("log_end", end)
                });
                try_join_all(ends).await?
            }
        };
        let shards = context.shards().zip(places).zip(counts);
        let shards = shards.map(|((shard, place), count)| FollowedShard {
            shard,
            place,
            count,
            is_wanted: true,
        });
        Ok(Follower {
            shards: shards.collect(),
            context,
            log,
            filter: filter.clone(),
            has_more: true,
        })
    }

    /// The places that a cursor names.
    fn places(&self, cursor: String) -> Result<Vec<LogPosition>, InvalidCursor> {
        let page = PageRequest {
            cursor: Some(cursor),
            limit: 1,
        };
        let page = cursors::unseal(&self.context.privacy, List::Followed, &page)?;
        let places = page.cursor.unwrap_or_default();
        let places = places.split(SEPARATOR);
        let places: Vec<_> = places.map(|place| LogPosition(place.to_owned())).collect();
        // A cursor of before the number of shards changed leads nowhere.
        let is_whole = places.len() == usize::from(self.context.store.shard_count());
        is_whole.then_some(places).ok_or(InvalidCursor)
    }
}

impl Follower {
    /// The cursor that goes on where this follower stands.
    #[must_use]
    pub fn cursor(&self) -> String {
        let places: Vec<&str> = self.shards.iter().map(|it| it.place.0.as_str()).collect();
        let page = Page::<()> {
            items: Vec::new(),
            next: Some(places.join(&SEPARATOR.to_string())),
        };
        let page = cursors::seal(&self.context.privacy, List::Followed, page);
        page.next.expect("it was given one")
    }

    /// The next events, oldest first. It returns within about a second, with none if none came.
    ///
    /// # Errors
    ///
    /// The store cannot be read; the next call tries again.
    pub async fn next(&mut self) -> Result<Vec<FollowedEvent>, ServiceError> {
        if !self.has_more {
            self.wait().await;
        }
        let mut found = Vec::new();
        for (at, position, events) in self.read().await? {
            self.add(at, position, events, &mut found);
        }
        Ok(found)
    }

    /// Waits until this process has appended something, or it is time to look what others did.
    async fn wait(&mut self) {
        let log = Arc::clone(&self.log);
        let news = log.appended.news();
        let mut news = std::pin::pin!(news);
        // From here on no news is missed.
        news.as_mut().enable();
        let has_news = |it: &FollowedShard| log.appended.count(it.shard) != it.count;
        let is_told =
            self.shards.iter().any(has_news) || tokio::time::timeout(LOOK, news).await.is_ok();
        if is_told {
            tokio::time::sleep(GATHER).await;
        }
        for followed in &mut self.shards {
            followed.is_wanted = !is_told || has_news(followed);
        }
    }

    /// Reads on in the shards that may have something new, and returns their entries in the order of their times: the
    /// number of the shard, the place, and the events. What this version cannot read it leaves out: a list of events
    /// says so.
    async fn read(&mut self) -> Result<Vec<(usize, LogPosition, Vec<Event>)>, StoreError> {
        let (context, log) = (&self.context, &self.log);
        let wanted = self.shards.iter().enumerate();
        let wanted = wanted.filter(|(_, followed)| followed.is_wanted);
        let reads = wanted.map(|(at, followed)| async move {
            let count = log.appended.count(followed.shard);
            let read = context
                .store
                .log_after(followed.shard, &followed.place, PAGE);
            let entries = context.call("log_after", read).await?;
            Ok::<_, StoreError>((at, count, entries))
        });
        let read = try_join_all(reads).await?;
        self.has_more = false;
        let mut all = Vec::new();
        for (at, count, entries) in read {
            let is_full = entries.len() >= PAGE as usize;
            self.has_more |= is_full;
            let followed = &mut self.shards[at];
            followed.is_wanted = is_full;
            followed.count = count;
            // Entries of one shard stay in their order, whatever its clock did.
            let mut time = Timestamp::default();
            for entry in entries {
                let events = codec::decode_events(&entry.body).unwrap_or_default();
                time = time.max(events.first().map_or(time, |event| event.detected_at));
                all.push((time, (at, entry.position, events)));
            }
        }
        all.sort_by_key(|(time, _)| *time);
        Ok(all.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Moves on behind an entry, and adds those of its events that are wanted.
    fn add(
        &mut self,
        at: usize,
        position: LogPosition,
        mut events: Vec<Event>,
        found: &mut Vec<FollowedEvent>,
    ) {
        events.retain(|event| self.filter.matches(event));
        let last = events.pop();
        if !events.is_empty() {
            let before = self.cursor();
            found.extend(events.into_iter().map(|event| FollowedEvent {
                event,
                cursor: before.clone(),
            }));
        }
        self.shards[at].place = position;
        if let Some(event) = last {
            let cursor = self.cursor();
            found.push(FollowedEvent { event, cursor });
        }
    }
}
