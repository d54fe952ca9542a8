//! A provider in memory that tells of each message what has become of it by now.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use smswatch_model::{
    MessageFacts, MessageId, MessageText, PartReport, PhoneNumber, SmsId, Timestamp, Word,
};
use smswatch_plugin::provider::{Poll, PollError, Provider, Sighting};
use tokio::time::Instant;

use super::letter::{Ending, Letter};
use super::traffic::Traffic;

/// How long a message is queued, in milliseconds.
const QUEUED: u32 = 500;

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
        let id = format!("{PREFIX}{}", letters.len() - 1);
        MessageId::new(id).expect("letters and digits")
    }

    /// The message of an id that [`send`](Self::send) returned.
    pub(crate) fn find(&self, id: &MessageId) -> Option<(usize, Letter)> {
        let number: usize = id.as_str().strip_prefix(PREFIX)?.parse().ok()?;
        self.letters().get(number).map(|letter| (number, *letter))
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
        let now = u32::try_from(self.began.elapsed().as_millis()).unwrap_or(u32::MAX);
        let (word, detail, description, since) = status(&letter, now);
        let since = std::time::Duration::from_millis(u64::from(since));
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
        Ok(Poll::Seen(Box::new(Sighting {
            facts: self.facts(number, &letter),
            parts: (1..=letter.parts).map(part).collect(),
            ..Sighting::default()
        })))
    }
}
