//! What Routee's tracking says of a message, read leniently and kept within bounds.

use smswatch_plugin::model::{
    MessageFacts, MessageId, MessageText, PartReport, PhoneNumber, SmsId, Snapshot, Word,
};
use smswatch_plugin::provider::{Oddities, Poll, Sighting};

use crate::item::Item;
use crate::loose::{Fields as _, Numeric, Object, Text, clean};
use crate::{date, guid, rows};

/// How many characters of a word, a name or a label are kept.
const MAX_WORD: usize = 100;

/// How many characters of a free text or a label are kept; a label may have 350.
const MAX_TEXT: usize = 500;

/// How many characters of a message's text are kept; a single SMS has 160, the longest chains some 1,500.
const MAX_BODY: usize = 2000;

/// The largest number of parts, and of a part, that is believed.
const MAX_NUMBER: u32 = 1000;

/// Why an answer is no tracking; shows nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTracking {
    /// No row of it can be read, not even leniently.
    #[error("it is not JSON")]
    Json,
    /// It is JSON and tells no part of this message.
    #[error("it tells no part of the message")]
    Strange,
    /// It ends before it is complete, and does not say how many parts there are.
    #[error("it ends before it is complete")]
    Cut,
    /// It is a page for a browser.
    #[error("it is a web page")]
    Page,
    /// It says that something went wrong.
    #[error("it reports an error")]
    Error,
}

/// Reads the answer to a poll of `message_id`; an empty list is an answer without information.
///
/// Rows are read one by one, and bytes that are no JSON are replaced: what is odd in one place hides
/// nothing in another.
///
/// # Errors
///
/// The answer is no tracking of this message.
pub fn parse(message_id: &MessageId, body: &[u8]) -> Result<Poll, InvalidTracking> {
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if text.trim_ascii_start().starts_with(b"<") {
        return Err(InvalidTracking::Page);
    }
    let take = |told: &mut Told, item: Item| told.take(message_id, item);
    let (mut told, shape) = rows::read(body, take).map_err(|rows::NoRows| InvalidTracking::Json)?;
    if shape.is_empty_list && !shape.is_cut {
        return Ok(Poll::Empty);
    }
    if told.parts.is_empty() {
        return Err(if told.is_error {
            InvalidTracking::Error
        } else {
            InvalidTracking::Strange
        });
    }
    // Other parts may have stood where it was cut.
    if shape.is_cut && told.facts.part_count.is_none() {
        return Err(InvalidTracking::Cut);
    }
    told.oddities.answers = u32::from(shape.is_mended);
    let mut parts = told.parts;
    // The order of the answer is documented nowhere.
    parts.sort_by_key(|part| part.number.unwrap_or(u32::MAX));
    name_by_place(message_id, &mut parts);
    let mut facts = told.facts;
    let mut numbers = told.numbers;
    numbers.sort_by(|one, other| one.reveal().cmp(other.reveal()));
    numbers.retain(|number| facts.to.as_ref() != Some(number));
    facts.other_numbers = numbers;
    Ok(Poll::Seen(Box::new(Sighting {
        facts,
        parts,
        oddities: told.oddities,
    })))
}

/// What the rows told so far.
#[derive(Debug, Default)]
struct Told {
    facts: MessageFacts,
    parts: Vec<PartReport>,
    /// The recipients' numbers, each once.
    numbers: Vec<PhoneNumber>,
    oddities: Oddities,
    is_error: bool,
}

/// Stands for the place of a part of which neither name nor number is told, until all rows are read.
const NO_PLACE: u32 = 0;

impl Told {
    fn take(&mut self, message_id: &MessageId, mut item: Item) {
        let is_other = item
            .message_id
            .0
            .as_deref()
            .is_some_and(|id| !guid::is_same(&clean(id), message_id.as_str()));
        if !is_other {
            self.number(&item);
        }
        if is_other || item.is_cut || !item.tells() {
            self.is_error |= item.is_error;
            self.oddities.rows = self.oddities.rows.saturating_add(1);
            return;
        }
        if self.parts.len() >= Snapshot::MAX_PARTS {
            self.oddities.parts = self.oddities.parts.saturating_add(1);
        } else {
            self.part(message_id, &mut item);
        }
        self.facts(item);
    }

    fn part(&mut self, message_id: &MessageId, item: &mut Item) {
        let Object(status) = &mut item.status;
        let number = small(&item.part);
        let sms_id = item.sms_id.0.as_deref().map(|id| SmsId::new(clean(id)));
        let sms_id = sms_id.and_then(Result::ok).unwrap_or_else(|| {
            // Lists may leave the id out: the part's place then names it.
            SmsId::unnamed(message_id, number.unwrap_or(NO_PLACE))
        });
        let date = status.date.0.as_deref();
        let read = date.and_then(date::read);
        self.oddities.dates += u32::from(date.is_some() && read.is_none());
        self.parts.push(PartReport {
            sms_id,
            number,
            status: word(&status.status).unwrap_or_else(|| Word::new("")),
            detailed_status: word(&status.reason.0.detailed_status),
            description: long(std::mem::take(&mut status.reason.0.description)),
            date: read,
            price: item.price.0.take(),
            latency: item.latency.0.take(),
        });
    }

    fn number(&mut self, item: &Item) {
        for to in &item.to.0 {
            let number = PhoneNumber::new(cut(to, MAX_WORD));
            if self.numbers.len() <= Snapshot::MAX_PARTS && !self.numbers.contains(&number) {
                self.numbers.push(number);
            }
        }
    }

    /// Each fact is taken from the first row that tells it.
    fn facts(&mut self, item: Item) {
        let facts = &mut self.facts;
        let first = |fact: &mut Option<String>, told: Option<String>| {
            if fact.is_none() {
                *fact = told;
            }
        };
        facts.part_count = facts.part_count.max(small(&item.parts));
        first(&mut facts.from, short(item.from));
        first(&mut facts.country, short(item.country));
        first(&mut facts.operator, short(item.operator));
        first(&mut facts.label, long(item.label));
        first(&mut facts.campaign, long(item.campaign));
        first(&mut facts.application, short(item.application));
        first(
            &mut facts.originating_service,
            short(item.originating_service),
        );
        first(&mut facts.direction, short(item.direction));
        if facts.body.is_none() {
            let body = item.body.0;
            facts.body = body.map(|body| MessageText::new(shortened(body, MAX_BODY)));
        }
        if facts.to.is_none() {
            let to = item.to.0.first();
            facts.to = to.map(|to| PhoneNumber::new(cut(to, MAX_WORD)));
        }
        if facts.groups.is_empty() {
            let groups = item.groups.0.iter();
            facts.groups = groups
                .map(|group| cut(group, MAX_WORD).to_owned())
                .collect();
        }
    }
}

/// Names parts of which neither name nor number is told by the places that are left.
fn name_by_place(message_id: &MessageId, parts: &mut [PartReport]) {
    let mut place = 0;
    for at in 0..parts.len() {
        if parts[at].sms_id.unnamed_place() == Some(NO_PLACE) && parts[at].number.is_none() {
            place += 1;
            while parts.iter().any(|part| part.number == Some(place)) {
                place += 1;
            }
            parts[at].sms_id = SmsId::unnamed(message_id, place);
        }
    }
}

/// A word without characters that nobody sees.
fn word(text: &Text) -> Option<Word> {
    let word = clean(text.0.as_deref()?);
    (!word.is_empty()).then(|| Word::new(cut(&word, MAX_WORD)))
}

fn short(text: Text) -> Option<String> {
    text.0.map(|text| shortened(text, MAX_WORD))
}

fn long(text: Text) -> Option<String> {
    text.0.map(|text| shortened(text, MAX_TEXT))
}

/// A count of parts, or the place of one; `None` if it is not believable.
fn small(number: &Numeric) -> Option<u32> {
    let number = number.0.as_ref()?;
    let most = f64::from(MAX_NUMBER);
    let whole = number.as_u64().or_else(|| {
        let float = number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && (1.0..=most).contains(float));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 1000"
        )]
        float.map(|float| float as u64)
    });
    whole
        .and_then(|whole| u32::try_from(whole).ok())
        .filter(|whole| (1..=MAX_NUMBER).contains(whole))
}

/// The first `most` characters of a text.
fn cut(text: &str, most: usize) -> &str {
    // A character has at least one byte.
    if text.len() <= most {
        return text;
    }
    text.char_indices()
        .nth(most)
        .map_or(text, |(end, _)| &text[..end])
}

/// The same of a text that nobody else needs.
fn shortened(mut text: String, most: usize) -> String {
    text.truncate(cut(&text, most).len());
    text
}

#[cfg(test)]
mod tests;
