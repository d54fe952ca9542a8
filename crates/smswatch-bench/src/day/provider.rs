//! A provider in memory that tells of each message what has become of it by now: when it is asked about it, in
//! pages, and in what it pushes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::{
    MessageFacts, MessageId, MessageText, PartReport, PhoneNumber, SmsId, Timestamp, Word,
};
use smswatch_plugin::provider::{
    InvalidPush, ListedPage, Listing, MessageReport, Poll, PollError, Provider, Pushed,
};
use tokio::time::Instant;

use super::letter::{Ending, Letter};
use super::traffic::Traffic;

/// How long a message is queued, in milliseconds.
pub(crate) const QUEUED: u32 = 500;

/// After how many milliseconds a failed message may be delivered after all.
const FLIPS_AFTER: u32 = 1_200_000;

/// What begins the id of each message.
const PREFIX: &str = "day-";

/// Knows all messages that were sent.
pub(crate) struct DayProvider {
    start: Timestamp,
    began: Instant,
    traffic: Arc<Traffic>,
    letters: Mutex<Vec<Letter>>,
}

impl fmt::Debug for DayProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DayProvider")
    }
}

impl DayProvider {
    pub(crate) fn new(start: Timestamp, traffic: Arc<Traffic>) -> Self {
        Self {
            start,
            began: Instant::now(),
            traffic,
            letters: Mutex::default(),
        }
    }

    pub(crate) fn letters(&self) -> MutexGuard<'_, Vec<Letter>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message over, and returns its id.
    pub(crate) fn send(&self, letter: Letter) -> MessageId {
        let mut letters = self.letters();
        letters.push(letter);
        id_of(letters.len() - 1)
    }

    /// The message of an id that [`send`](Self::send) returned.
    pub(crate) fn find(&self, id: &MessageId) -> Option<(usize, Letter)> {
        let number: usize = id.as_str().strip_prefix(PREFIX)?.parse().ok()?;
        self.letters().get(number).map(|letter| (number, *letter))
    }

    /// What it tells of a message now.
    fn sight(&self, message_id: &MessageId, number: usize, letter: &Letter) -> MessageReport {
        let now = u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX);
        let (word, detail, description, since) = status(letter, now);
        let since = Duration::from_millis(u64::from(since));
        let part = |part: u8| PartReport {
            sms_id: SmsId::new(format!("{message_id}-{part}")).expect("letters and digits"),
            number: Some(u32::from(part)),
            status: Word::new(word),
            detailed_status: detail.map(Word::new),
            description: description.map(str::to_owned),
            date: Some(self.start + since),
            price: None,
            latency: None,
        };
        MessageReport {
            facts: self.facts(number, letter),
            parts: (1..=letter.parts).map(part).collect(),
            ..MessageReport::default()
        }
    }

    fn facts(&self, number: usize, letter: &Letter) -> MessageFacts {
        let operator = &self.traffic.operators[usize::from(letter.operator)];
        let product = letter.product();
        let campaign = letter
            .campaign
            .map(|number| self.traffic.campaigns[usize::from(number)].name.clone());
        MessageFacts {
            part_count: Some(u32::from(letter.parts)),
            from: Some(product.from.to_owned()),
            to: Some(PhoneNumber::new(&format!(
                "{}690{number:07}",
                operator.country.prefix
            ))),
            country: Some(operator.country.code.to_owned()),
            operator: Some(operator.name.clone()),
            label: Some(product.label.to_owned()),
            campaign,
            application: Some(product.application.to_owned()),
            body: Some(MessageText::new(product.text)),
            direction: Some("Outbound".to_owned()),
            ..MessageFacts::default()
        }
    }
}

/// Which status a message has at a moment, with its other words, and since when; moments are milliseconds from the
/// beginning.
fn status(
    letter: &Letter,
    now: u32,
) -> (
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    u32,
) {
    let queued_until = letter.sent + QUEUED.min(letter.lasts);
    let ends = letter.ends();
    if now >= ends + FLIPS_AFTER && letter.flips {
        ("Delivered", None, None, ends + FLIPS_AFTER)
    } else if now >= ends {
        let (status, detail, description) = letter.ending.words();
        (status, detail, description, ends)
    } else if now >= queued_until && letter.ending != Ending::Refused {
        ("Sent", None, None, queued_until)
    } else {
        ("Queued", None, None, letter.sent)
    }
}

#[async_trait]
impl Provider for DayProvider {
    fn name(&self) -> &'static str {
        "routee"
    }

    async fn poll(&self, message_id: &MessageId) -> Result<Poll, PollError> {
        let Some((number, letter)) = self.find(message_id) else {
            return Ok(Poll::Unknown);
        };
        Ok(Poll::Seen(Box::new(
            self.sight(message_id, number, &letter),
        )))
    }

    /// Pages of the messages that were sent in a window. All parts of a message stand on the page on which the
    /// first one does.
    async fn list(&self, listing: &Listing, page: u32, size: u32) -> Result<ListedPage, PollError> {
        let Listing::Window { from, to, .. } = listing else {
            return Err(PollError::failed("there are no campaigns here"));
        };
        let since_start = |moment: Timestamp| {
            let millis = moment.as_millis() - self.start.as_millis();
            u32::try_from(millis.max(0)).unwrap_or(u32::MAX)
        };
        let (from, to) = (since_start(*from), since_start(*to));
        let (first, last) = (
            u64::from(page) * u64::from(size),
            u64::from(page + 1) * u64::from(size),
        );
        let mut listed = Vec::new();
        let mut rows = 0;
        {
            let letters = self.letters();
            let begin = letters.partition_point(|letter| letter.sent < from);
            let inside = letters[begin..].iter().zip(begin..);
            for (letter, position) in inside.take_while(|(letter, _)| letter.sent <= to) {
                if (first..last).contains(&rows) {
                    listed.push((position, *letter));
                }
                rows += u64::from(letter.parts);
            }
        }
        let messages = listed.iter().map(|(position, letter)| {
            let id = id_of(*position);
            let report = self.sight(&id, *position, letter);
            (id, report)
        });
        let n_rows = listed.iter().map(|(_, letter)| u32::from(letter.parts));
        Ok(ListedPage {
            messages: messages.collect(),
            rows: n_rows.sum(),
            is_last: rows <= last,
            total_rows: Some(rows),
            ..ListedPage::default()
        })
    }

    /// A push holds the id of the message of which something became.
    fn read_push(&self, body: &[u8]) -> Result<Pushed, InvalidPush> {
        let id = std::str::from_utf8(body).map_err(|_| InvalidPush::Format)?;
        let id = MessageId::new(id).map_err(|_| InvalidPush::NoMessage)?;
        let (number, letter) = self.find(&id).ok_or(InvalidPush::NoMessage)?;
        let report = self.sight(&id, number, &letter);
        Ok(Pushed {
            messages: vec![(id, report)],
            ..Pushed::default()
        })
    }
}

/// The id of the message at a position.
fn id_of(position: usize) -> MessageId {
    MessageId::new(format!("{PREFIX}{position}")).expect("letters and digits")
}
