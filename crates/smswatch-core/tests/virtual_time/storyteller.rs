//! A provider that tells a story.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::{MessageFacts, MessageId, PartReport, PhoneNumber, SmsId, Timestamp, Word};
use smswatch_plugin::provider::{
    InvalidPush, ListedPage, Listing, MessageReport, Poll, PollError, Provider, Pushed,
};
use tokio::time::Instant;

use crate::world::START;

/// What becomes of a message: statuses, each so long after the world began. `!failed` and the like stand for polls
/// that bring nothing.
pub(crate) type Fate = Vec<(Duration, &'static str)>;

/// A provider that knows the fates of messages.
#[derive(Debug)]
pub(crate) struct Storyteller {
    began: Instant,
    fates: Mutex<BTreeMap<MessageId, Fate>>,
    polls: Mutex<Vec<Duration>>,
    /// When it was asked for which page.
    pages: Mutex<Vec<(Duration, u32)>>,
    /// Until when it lists anything; `None`: always.
    lists_until: Mutex<Option<Duration>>,
    /// From which page on none can be had.
    fails_from_page: Mutex<Option<u32>>,
    a_page_takes: Mutex<Duration>,
    a_poll_takes: Mutex<Duration>,
    /// While the world is of such an age, pages are empty.
    lists_nothing_within: Mutex<std::ops::Range<Duration>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storyteller {
    /// One that knows of no message, and tells at once.
    pub(crate) fn new(began: Instant) -> Self {
        Self {
            began,
            fates: Mutex::default(),
            polls: Mutex::default(),
            pages: Mutex::default(),
            lists_until: Mutex::default(),
            fails_from_page: Mutex::default(),
            a_page_takes: Mutex::default(),
            a_poll_takes: Mutex::default(),
            lists_nothing_within: Mutex::default(),
        }
    }

    /// What becomes of a message.
    pub(crate) fn set(&self, message_id: MessageId, fate: Fate) {
        self.fates().insert(message_id, fate);
    }

    fn fates(&self) -> std::sync::MutexGuard<'_, BTreeMap<MessageId, Fate>> {
        self.fates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It lists nothing any more once the world is so old.
    pub(crate) fn lists_until(&self, age: Duration) {
        *lock(&self.lists_until) = Some(age);
    }

    /// No page from this one on can be had.
    pub(crate) fn fails_from_page(&self, page: u32) {
        *lock(&self.fails_from_page) = Some(page);
    }

    /// Pages are empty while the world is of such an age.
    pub(crate) fn lists_nothing_within(&self, ages: std::ops::Range<Duration>) {
        *lock(&self.lists_nothing_within) = ages;
    }

    /// Each page takes so long from now on.
    pub(crate) fn a_page_takes(&self, long: Duration) {
        *lock(&self.a_page_takes) = long;
    }

    /// Each poll takes so long from now on, and tells what was so when it began.
    pub(crate) fn a_poll_takes(&self, long: Duration) {
        *lock(&self.a_poll_takes) = long;
    }

    /// When it was asked for which page.
    pub(crate) fn pages(&self) -> Vec<(Duration, u32)> {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.clone()
    }

    /// When it was asked, each counted from the beginning of the world.
    pub(crate) fn polls(&self) -> Vec<Duration> {
        let polls = self.polls.lock().unwrap_or_else(PoisonError::into_inner);
        polls.clone()
    }

    /// What it says of a message when the world is so old.
    fn answer(&self, message_id: &MessageId, now: Duration) -> Result<Poll, PollError> {
        let fates = self.fates();
        let Some(fate) = fates.get(message_id) else {
            return Ok(Poll::Unknown);
        };
        let Some((at, status)) = fate.iter().rev().find(|(at, _)| *at <= now) else {
            return Ok(Poll::Unknown);
        };
        match *status {
            "!failed" => Err(PollError::failed("it answered 500")),
            "!unreadable" => Err(PollError::unreadable("it is not JSON")),
            "!throttled" => Err(PollError::throttled("it answered 429")),
            "!refused" => Err(PollError::refused("it answered 403")),
            "!panics" => panic!("a bug in the reading of answers"),
            "!invalid" => Ok(Poll::Invalid),
            status => Ok(Poll::Seen(Box::new(report(message_id, status, *at)))),
        }
    }
}

#[async_trait]
impl Provider for Storyteller {
    fn name(&self) -> &'static str {
        "storyteller"
    }

    async fn poll(&self, message_id: &MessageId) -> Result<Poll, PollError> {
        let now = self.began.elapsed();
        lock(&self.polls).push(now);
        let answer = self.answer(message_id, now);
        let takes = *lock(&self.a_poll_takes);
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        answer
    }

    /// Tells of all messages that have begun, the latest first, in pages of 100 at most.
    async fn list(&self, listing: &Listing, page: u32, size: u32) -> Result<ListedPage, PollError> {
        let now = self.began.elapsed();
        {
            let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
            pages.push((now, page));
        }
        let takes = *lock(&self.a_page_takes);
        tokio::time::sleep(takes).await;
        let until = *lock(&self.lists_until);
        if until.is_some_and(|until| now > until) {
            return Err(PollError::failed("it lists nothing"));
        }
        if lock(&self.fails_from_page).is_some_and(|first| page >= first) {
            return Err(PollError::failed("it answered 502"));
        }
        if matches!(listing, Listing::Window { filters, .. } if !filters.is_empty()) {
            return Err(PollError::failed("it knows no filters"));
        }
        let nothing = lock(&self.lists_nothing_within).contains(&now);
        if nothing {
            return Ok(ListedPage {
                is_last: true,
                ..ListedPage::default()
            });
        }
        let fates = self.fates();
        let told = fates.iter().filter_map(|(message_id, fate)| {
            let (began, _) = fate.first()?;
            let (at, status) = fate.iter().rev().find(|(at, _)| *at <= now)?;
            let is_within = match listing {
                Listing::Window { from, .. } => Timestamp::from_seconds(START) + *began >= *from,
                // The messages of a campaign are named after it.
                Listing::Campaign(id) => message_id.as_str().starts_with(id.as_str()),
            };
            is_within.then(|| (message_id.clone(), report(message_id, status, *at)))
        });
        let size = size.min(100) as usize;
        let all: Vec<_> = told.collect();
        // Behind the last page of an endless listing the last one comes again.
        let is_endless = all.iter().any(|(id, _)| id.as_str().starts_with("endless"));
        let last = if is_endless {
            all.len().div_ceil(size).saturating_sub(1)
        } else {
            usize::MAX
        };
        let number = last.min(page as usize);
        if all.is_empty()
            && matches!(listing, Listing::Campaign(id) if id.as_str().starts_with("unknown"))
        {
            return Ok(ListedPage::unknown());
        }
        // Each page of an early listing calls itself the last one. One that is withheld speaks of rows that never come.
        let is_any = |name: &str| all.iter().any(|(id, _)| id.as_str().starts_with(name));
        let missing = if is_any("early-withheld") { 7 } else { 0 };
        let is_early = is_any("early");
        let messages: Vec<_> = all.iter().skip(number * size).take(size).cloned().collect();
        Ok(ListedPage {
            rows: messages.len() as u32,
            is_last: !is_endless && (is_early || (number + 1) * size >= all.len()),
            total_rows: is_early.then_some(all.len() as u64 + missing),
            messages,
            ..ListedPage::default()
        })
    }

    /// Reads `ID STATUS`, which happens now, or `ID STATUS SECONDS`.
    fn read_push(&self, body: &[u8]) -> Result<Pushed, InvalidPush> {
        let text = std::str::from_utf8(body).map_err(|_| InvalidPush::Format)?;
        let words: Vec<&str> = text.split(' ').collect();
        let (id, status) = words
            .first()
            .zip(words.get(1))
            .ok_or(InvalidPush::NoMessage)?;
        let at = words.get(2).and_then(|at| at.parse().ok());
        let at = at.map_or_else(|| self.began.elapsed(), Duration::from_secs);
        let message_id = MessageId::new(*id).map_err(|_| InvalidPush::NoMessage)?;
        let told = report(&message_id, status, at);
        Ok(Pushed {
            messages: vec![(message_id, told)],
            ..Pushed::default()
        })
    }
}

/// What is told of a message whose only part has taken a status, possibly with a detail behind a slash, so long after the
/// world began.
fn report(message_id: &MessageId, status: &str, at: Duration) -> MessageReport {
    let (status, detail) = match status.split_once('/') {
        Some((status, detail)) => (status, Some(detail)),
        None => (status, None),
    };
    let part = PartReport {
        sms_id: SmsId::new(format!("{message_id}-1")).expect("an id"),
        number: Some(1),
        status: Word::new(status),
        detailed_status: detail.map(Word::new),
        description: None,
        date: (!message_id.as_str().contains("undated"))
            .then(|| Timestamp::from_seconds(START) + at),
        price: None,
        latency: None,
    };
    let facts = MessageFacts {
        // Another part of a message `half-1` is told by no page.
        part_count: Some(if message_id.as_str().contains("half") {
            2
        } else {
            1
        }),
        to: Some(PhoneNumber::new("+306912345601")),
        // A message `m1@Example` is one of this operator.
        operator: message_id
            .as_str()
            .split_once('@')
            .map(|(_, operator)| operator.to_owned()),
        ..MessageFacts::default()
    };
    MessageReport {
        facts,
        parts: vec![part],
        ..MessageReport::default()
    }
}
