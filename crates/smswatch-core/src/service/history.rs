//! What happened, read back from the log: events, newest first, and why rules did not fire.

use smswatch_model::{Event, EventKind, MessageId};

use super::error::ServiceError;
use crate::codec;
use crate::rules::Trial;
use crate::shared::Shared;
use crate::store::{InvalidCursor, Page, PageRequest};

/// How many log entries one call reads at most while it looks for events that match.
const MOST_READ: usize = 20_000;

/// How many log entries are read at once.
const CHUNK: usize = 1000;

/// Which events are wanted; every field that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// The message that they are about.
    pub message_id: Option<MessageId>,
    /// Their kind.
    pub kind: Option<EventKind>,
}

impl EventFilter {
    fn matches(&self, event: &Event) -> bool {
        self.kind.is_none_or(|kind| kind == event.kind)
            && (self.message_id.is_none() || self.message_id == event.message.message_id)
    }
}

/// An event, and what each rule made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedEvent {
    /// The event.
    pub event: Event,
    /// The rules, from top to bottom.
    pub trials: Vec<Trial>,
}

/// Where a page ended: so many events of the store's page are told already.
struct Cursor {
    store: Option<String>,
    told: usize,
}

impl Cursor {
    fn parse(text: Option<&str>) -> Result<Self, InvalidCursor> {
        let Some(text) = text else {
            return Ok(Self {
                store: None,
                told: 0,
            });
        };
        let (told, store) = text.split_once('~').ok_or(InvalidCursor)?;
        let told = told.parse().map_err(|_| InvalidCursor)?;
        let store = Some(store.to_owned()).filter(|store| !store.is_empty());
        Ok(Self { store, told })
    }

    fn text(&self) -> String {
        format!(
            "{}~{}",
            self.told,
            self.store.as_deref().unwrap_or_default()
        )
    }
}

impl Shared {
    /// A page of events. One log entry holds several, so a page of the store may have to be read
    /// twice: the cursor remembers how much of it was told.
    pub(crate) async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, ServiceError> {
        let mut cursor = Cursor::parse(page.cursor.as_deref())?;
        let mut items = Vec::new();
        let mut n_read = 0;
        loop {
            let limit = if filter == &EventFilter::default() {
                page.limit
            } else {
                CHUNK
            };
            let request = PageRequest {
                cursor: cursor.store.clone(),
                limit,
            };
            let stored = match &filter.message_id {
                Some(message_id) => {
                    let (key, _) = self.load_one(message_id).await?;
                    let shard = self.shard_of_key(&key);
                    self.call("events", self.store.events_of(shard, &request))
                        .await?
                }
                None => self.call("events", self.store.events(&request)).await?,
            };
            n_read += limit;
            let events = stored.items.iter().flat_map(|body| self.newest_first(body));
            for event in events
                .filter(|event| filter.matches(event))
                .skip(cursor.told)
            {
                if items.len() == page.limit {
                    return Ok(Page {
                        items,
                        next: Some(cursor.text()),
                    });
                }
                items.push(event);
                cursor.told += 1;
            }
            let Some(next) = stored.next else {
                return Ok(Page { items, next: None });
            };
            cursor = Cursor {
                store: Some(next),
                told: 0,
            };
            if items.len() == page.limit || n_read >= MOST_READ {
                return Ok(Page {
                    items,
                    next: Some(cursor.text()),
                });
            }
        }
    }

    /// The latest events of a message, oldest first, with what each rule made of them.
    pub(crate) async fn timeline(
        &self,
        message_id: &MessageId,
    ) -> Result<Vec<TriedEvent>, ServiceError> {
        let filter = EventFilter {
            message_id: Some(message_id.clone()),
            kind: None,
        };
        let page = PageRequest {
            cursor: None,
            limit: 100,
        };
        let mut events = self.events(&filter, &page).await?.items;
        events.reverse();
        let tried = events.into_iter().map(|event| {
            let trials = self.rules.explain(&event);
            TriedEvent { event, trials }
        });
        Ok(tried.collect())
    }

    fn newest_first(&self, body: &[u8]) -> Vec<Event> {
        let mut events = codec::decode_events(body).unwrap_or_else(|error| {
            tracing::error!(%error, "a log entry cannot be read");
            self.metrics.unreadable.inc();
            Vec::new()
        });
        events.reverse();
        events
    }
}
