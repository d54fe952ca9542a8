//! One message, put together from the rows that tell of it and kept within bounds.

use smswatch_plugin::model::{
    MessageFacts, MessageId, MessageText, PartReport, PhoneNumber, SmsId, Snapshot, Word,
};
use smswatch_plugin::provider::{MessageReport, Oddities};

use crate::date;
use crate::item::Item;
use crate::loose::{Fields as _, Numeric, Object, Text, clean};

/// How many characters of a word, a name or a label are kept.
pub(crate) const MAX_WORD: usize = 100;

/// How many characters of a free text or a label are kept; a label may have 350.
const MAX_TEXT: usize = 500;

/// How many characters of a message's text are kept; a single SMS has 160, the longest chains some 1,500.
const MAX_BODY: usize = 2000;

/// The largest number of parts, and of a part, that is believed.
const MAX_NUMBER: u32 = 1000;

/// What the rows of one message told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    facts: MessageFacts,
    parts: Vec<PartReport>,
    /// The recipients' numbers, each once.
    numbers: Vec<PhoneNumber>,
    oddities: Oddities,
}

/// Stands for the place of a part of which neither name nor number is told, until all rows are read.
const NO_PLACE: u32 = 0;

impl Told {
    /// Takes a row of this message. One that is cut, or tells no status, is only counted, and its
    /// recipient noted.
    pub(crate) fn take(&mut self, message_id: &MessageId, mut item: Item) {
        self.number(&item);
        if item.is_cut || !item.tells() {
            self.leave_out();
            return;
        }
        if self.parts.len() >= Snapshot::MAX_PARTS {
            self.oddities.parts = self.oddities.parts.saturating_add(1);
        } else {
            self.part(message_id, &mut item);
        }
        self.facts(item);
    }

    /// Counts a row that tells nothing of this message.
    pub(crate) fn leave_out(&mut self) {
        self.oddities.rows = self.oddities.rows.saturating_add(1);
    }

    /// Whether no row told a part.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How many rows told nothing of the message.
    pub(crate) fn odd_rows(&self) -> u32 {
        self.oddities.rows
    }

    /// How many parts the message has, if a row told it.
    pub(crate) fn part_count(&self) -> Option<u32> {
        self.facts.part_count
    }

    /// All that was told; `is_mended` says that it was not quite JSON.
    pub(crate) fn into_report(self, message_id: &MessageId, is_mended: bool) -> MessageReport {
        let (mut facts, mut parts, mut oddities) = (self.facts, self.parts, self.oddities);
        oddities.answers = u32::from(is_mended);
        // The order of the rows is documented nowhere.
        parts.sort_by_key(|part| part.number.unwrap_or(u32::MAX));
        name_by_place(message_id, &mut parts);
        let mut numbers = self.numbers;
        if parts.is_empty() {
            numbers.clear();
        }
        numbers.sort_by(|one, other| one.reveal().cmp(other.reveal()));
        numbers.retain(|number| facts.to.as_ref() != Some(number));
        facts.other_numbers = numbers;
        MessageReport {
            facts,
            parts,
            oddities,
        }
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
        let campaign = long(item.campaign).or_else(|| short(item.campaign_tracking_id));
        first(&mut facts.campaign, campaign);
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
