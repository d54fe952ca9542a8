//! The events that the running service remembers, from the oldest to the newest. The service tells them from the newest
//! on, so its pages are put into a file first: what is in memory is one page.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use anyhow::Context as _;
use serde_json::Value;
use smswatch_api::events::EventsQuery;
use smswatch_api::list::ListReply;
use smswatch_plugin::model::{Event, MessageId, Timestamp};

use crate::client::{Client, read};

/// How many events a page has at most.
const PAGE: u32 = 1000;

/// The pages of events, in a file that goes with the process.
#[derive(Debug)]
pub(super) struct History {
    file: File,
    /// Where each page begins, and how many bytes it has, from the newest to the oldest.
    pages: Vec<(u64, usize)>,
    oldest: Option<Timestamp>,
}

/// The events of one log entry: what one observation changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) detected_at: Timestamp,
    pub(super) events: Vec<Event>,
}

impl History {
    /// Asks the service for everything that it noticed since then.
    ///
    /// # Errors
    ///
    /// The service is not there, or there is no room for the file.
    pub(super) async fn fetch(client: &Client, since: Timestamp) -> anyhow::Result<Self> {
        let file = tempfile::tempfile().context("could not make a file for the events")?;
        let mut history = Self {
            file,
            pages: Vec::new(),
            oldest: None,
        };
        let mut query = EventsQuery {
            limit: Some(PAGE.to_string()),
            ..EventsQuery::default()
        };
        loop {
            let page: ListReply<Value> = client.list(&["v1", "events"], &query).await?;
            let oldest = page.items.iter().filter_map(detected_at).min();
            history.keep(&page.items)?;
            history.oldest = history.oldest.into_iter().chain(oldest).min();
            if page.next.is_none() || oldest.is_some_and(|oldest| oldest < since) {
                return Ok(history);
            }
            query.cursor = page.next;
        }
    }

    fn keep(&mut self, page: &[Value]) -> anyhow::Result<()> {
        let json = serde_json::to_vec(page)?;
        let begin = self
            .pages
            .last()
            .map_or(0, |(begin, len)| begin + *len as u64);
        let kept = self.file.write_all(&json);
        kept.context("could not keep the events in a file")?;
        self.pages.push((begin, json.len()));
        Ok(())
    }

    /// When the oldest event was noticed.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.oldest
    }

    /// The oldest page that was not taken yet, its oldest event last.
    fn take_page(&mut self) -> anyhow::Result<Option<Vec<Value>>> {
        let Some((begin, len)) = self.pages.pop() else {
            return Ok(None);
        };
        let mut json = vec![0; len];
        self.file.seek(SeekFrom::Start(begin))?;
        self.file.read_exact(&mut json)?;
        Ok(Some(serde_json::from_slice(&json)?))
    }
}

fn detected_at(event: &Value) -> Option<Timestamp> {
    event["detected_at"].as_str()?.parse().ok()
}

/// The log entries of a history, from the oldest on.
#[derive(Debug)]
pub(super) struct Entries {
    history: History,
    /// What is left of the page, its oldest event last.
    page: Vec<Value>,
    /// The first event of the next entry.
    ahead: Option<Event>,
    /// Events that this version cannot read.
    pub(super) n_unreadable: u64,
}

impl Entries {
    pub(super) fn of(history: History) -> Self {
        Self {
            history,
            page: Vec::new(),
            ahead: None,
            n_unreadable: 0,
        }
    }

    /// The next log entry.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Entry>> {
        let Some(first) = self.next_event()? else {
            return Ok(None);
        };
        let of = |event: &Event| (event.detected_at, message(event).cloned());
        let wanted = of(&first);
        let mut entry = Entry {
            detected_at: first.detected_at,
            events: vec![first],
        };
        while let Some(event) = self.next_event()? {
            if of(&event) != wanted || wanted.1.is_none() {
                self.ahead = Some(event);
                break;
            }
            entry.events.push(event);
        }
        entry.events.sort_by_key(|event| event.sequence);
        Ok(Some(entry))
    }

    fn next_event(&mut self) -> anyhow::Result<Option<Event>> {
        if let Some(event) = self.ahead.take() {
            return Ok(Some(event));
        }
        loop {
            let Some(event) = self.page.pop() else {
                let Some(page) = self.history.take_page()? else {
                    return Ok(None);
                };
                self.page = page;
                continue;
            };
            match read(&event) {
                Ok(event) => return Ok(Some(event)),
                Err(_) => self.n_unreadable += 1,
            }
        }
    }
}

fn message(event: &Event) -> Option<&MessageId> {
    event.message.message_id.as_ref()
}
