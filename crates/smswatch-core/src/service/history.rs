//! What happened, read back from the log: events, newest first, and why rules did not fire.

use smswatch_model::{Event, MessageId, Timestamp};

use super::Service;
use super::cursors::{self, List};
use super::error::ServiceError;
use crate::codec;
use crate::route::told;
use crate::rules::{RuleVerdict, Told};
pub use crate::store::EventFilter;
use crate::store::{InvalidCursor, Page, PageRequest};

/// How many log entries that hold nothing of what is wanted one page reads at most. The store's
/// indices leave such entries out, except for the kind of event that nearly all entries hold, and for
/// what a version without indices wrote.
const MOST_READ: usize = 2_000;

/// How many of them the timeline of a message reads at most: it is one page and names no next one.
const MOST_READ_FOR_TIMELINE: usize = 20_000;

/// How many log entries are read at once at most.
const CHUNK: usize = 1000;

/// How many events a timeline shows at most.
const TIMELINE: usize = 100;

/// An event, and what each rule made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TriedEvent {
    /// The event.
    pub event: Event,
    /// The rules, from top to bottom.
    pub verdicts: Vec<RuleVerdict>,
}

/// What happened to a message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// The latest events, oldest first.
    pub events: Vec<TriedEvent>,
    /// How many log entries about it this version cannot read; what they tell is missing here.
    pub unreadable: u64,
}

/// A page of events, and how many log entries in its place cannot be read.
struct Read {
    page: Page<Event>,
    unreadable: u64,
}

/// Where a page ended: how many events of the store's page were already returned.
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

impl Service {
    /// A page of events. One log entry holds several, so a page of the store may have to be read
    /// twice: the cursor remembers how much of it was told.
    pub(super) async fn events_page(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Event>, ServiceError> {
        Ok(self.find_events(filter, page, MOST_READ).await?.page)
    }

    /// The cursor with which [`Service::events`] begins at the newest event that was noticed before `at`.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn events_before(&self, at: Timestamp) -> Result<String, ServiceError> {
        let store = self.context.store.events_before(at);
        let cursor = Cursor {
            store: Some(self.context.call("events_before", store).await?),
            told: 0,
        };
        Ok(cursors::seal_cursor(
            &self.context.privacy,
            List::Events,
            &cursor.text(),
        ))
    }

    async fn find_events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
        most_read: usize,
    ) -> Result<Read, ServiceError> {
        let mut cursor = Cursor::parse(page.cursor.as_deref())?;
        let mut filter = filter.clone();
        if let Some(message_id) = &mut filter.message_id {
            *message_id = self.stored_key(message_id).await?;
        }
        let (mut items, mut unreadable) = (Vec::new(), 0);
        let (mut n_read, mut limit) = (0, page.limit.clamp(1, CHUNK));
        let done = |items, next, unreadable| {
            let page = Page { items, next };
            Ok(Read { page, unreadable })
        };
        loop {
            let request = PageRequest {
                cursor: cursor.store.clone(),
                limit,
            };
            let stored = self.context.store.events(&filter, &request);
            let stored = self.context.call("events", stored).await?;
            let n_found = items.len();
            let mut events = Vec::new();
            for body in &stored.items {
                match self.newest_first(body) {
                    Some(of_entry) => events.extend(of_entry),
                    None => unreadable += 1,
                }
            }
            for event in events
                .into_iter()
                .filter(|event| filter.matches(event))
                .skip(cursor.told)
            {
                if items.len() == page.limit {
                    return done(items, Some(cursor.text()), unreadable);
                }
                items.push(event);
                cursor.told += 1;
            }
            let Some(next) = stored.next else {
                return done(items, None, unreadable);
            };
            cursor = Cursor {
                store: Some(next),
                told: 0,
            };
            if items.len() == n_found {
                n_read += stored.items.len().max(1);
                limit = (limit * 2).min(CHUNK);
            }
            if items.len() == page.limit || n_read >= most_read {
                return done(items, Some(cursor.text()), unreadable);
            }
        }
    }

    /// The latest events of a message, oldest first, with what each rule made of them.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn timeline(&self, message_id: &MessageId) -> Result<Timeline, ServiceError> {
        let filter = EventFilter {
            message_id: Some(message_id.clone()),
            kind: None,
        };
        let page = PageRequest {
            cursor: None,
            limit: TIMELINE,
        };
        let found = self.find_events(&filter, &page, MOST_READ_FOR_TIMELINE);
        let Read { page, unreadable } = found.await?;
        let mut events = page.items;
        events.reverse();
        let marks = self.marks_of(message_id).await?;
        let asked = told::asked_of(events.iter());
        let (told, _) = told::of(&self.context, asked, &marks).await?;
        let mut tried = Vec::with_capacity(events.len());
        for event in events {
            let mut verdicts = self.rules.explain(&event, &told);
            self.tell_of_groups(&marks, &event, &mut verdicts).await?;
            tried.push(TriedEvent { event, verdicts });
        }
        Ok(Timeline {
            events: tried,
            unreadable,
        })
    }

    /// The names of today's rules, from top to bottom.
    #[must_use]
    pub fn rule_names(&self) -> Vec<String> {
        self.rules.names()
    }

    /// What each of today's rules would make of an event that has not been told before, from top to bottom.
    #[must_use]
    pub fn explain(&self, event: &Event) -> Vec<RuleVerdict> {
        self.rules.explain(event, &Told::default())
    }

    /// The events of a log entry; `None` if this version cannot read it.
    fn newest_first(&self, body: &[u8]) -> Option<Vec<Event>> {
        let mut events = codec::decode_events(body)
            .inspect_err(|error| {
                tracing::error!(%error, "a log entry cannot be read");
                self.context.metrics.unreadable.inc();
            })
            .ok()?;
        events.reverse();
        Some(events)
    }
}
