//! What Routee's tracking says of a message, read leniently and kept within bounds.
//!
//! Field names and their variants: Routee's pages on tracking and on callbacks, and the clients that
//! are known to work; where they differ, every form is taken.

use serde::de::{IgnoredAny, MapAccess};
use smswatch_core::model::{
    MessageFacts, MessageId, MessageText, PartReport, PhoneNumber, SmsId, Word,
};
use smswatch_core::provider::{Look, Sighting};

use crate::loose::{Fields, Numeric, Object, Objects, Text, Texts};

/// How many characters of a word, a name or a label are kept.
const MAX_WORD: usize = 100;

/// How many characters of a free text or a label are kept; a label may have 350.
const MAX_TEXT: usize = 500;

/// How many characters of a message's text are kept; a single SMS has 160, the longest chains some 1,500.
const MAX_BODY: usize = 2000;

/// How many parts and groups are taken: far more than a message can have.
const MAX_ITEMS: usize = 1000;

/// One part as Routee writes it.
#[derive(Debug, Default, Clone, PartialEq)]
struct Item {
    sms_id: Text,
    message_id: Text,
    to: Text,
    from: Text,
    country: Text,
    operator: Text,
    groups: Texts,
    application: Text,
    originating_service: Text,
    body: Text,
    direction: Text,
    part: Numeric,
    parts: Numeric,
    price: Numeric,
    latency: Numeric,
    label: Text,
    campaign: Text,
    status: Object<Status>,
    /// The items of a page, where the answer is one.
    content: Option<Objects<Item>>,
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Status {
    status: Text,
    date: Text,
    reason: Object<Reason>,
}

#[derive(Debug, Default, Clone, PartialEq)]
struct Reason {
    detailed_status: Text,
    description: Text,
}

impl Fields for Item {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "smsId" => self.sms_id = map.next_value()?,
            "messageId" => self.message_id = map.next_value()?,
            "to" => self.to = map.next_value()?,
            "from" => self.from = map.next_value()?,
            "country" => self.country = map.next_value()?,
            "operator" => self.operator = map.next_value()?,
            "groups" => self.groups = map.next_value()?,
            "applicationName" => self.application = map.next_value()?,
            "originatingService" => self.originating_service = map.next_value()?,
            // Callbacks call it `message`.
            "body" | "message" => self.body = map.next_value()?,
            "direction" => self.direction = map.next_value()?,
            "part" => self.part = map.next_value()?,
            "parts" => self.parts = map.next_value()?,
            "price" => self.price = map.next_value()?,
            "latency" => self.latency = map.next_value()?,
            "label" => self.label = map.next_value()?,
            "campaign" | "campaignName" => self.campaign = map.next_value()?,
            "status" => self.status = map.next_value()?,
            "content" => self.content = Some(map.next_value()?),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl Fields for Status {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            // Callbacks and failover flows say `name` and `updatedDate`.
            "status" | "name" => self.status = map.next_value()?,
            "date" | "updatedDate" => self.date = map.next_value()?,
            "reason" => self.reason = map.next_value()?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.status = Text(Some(text.trim().to_owned()).filter(|text| !text.is_empty()));
    }
}

impl Fields for Reason {
    fn field<'de, M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "detailedStatus" => self.detailed_status = map.next_value()?,
            "description" => self.description = map.next_value()?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.detailed_status = Text(Some(text.trim().to_owned()).filter(|text| !text.is_empty()));
    }
}

/// Why an answer is no tracking; shows nothing of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTracking {
    /// It is no JSON, or nested too deeply.
    #[error("it is no JSON that can be read")]
    Json,
    /// It is JSON and tells no part of this message.
    #[error("it tells no part of the message")]
    Strange,
}

/// Reads the answer to a look at `message_id`; an empty list is an answer without information.
///
/// # Errors
///
/// The answer is no tracking of this message.
pub fn parse(message_id: &MessageId, body: &[u8]) -> Result<Look, InvalidTracking> {
    let answer = serde_json::from_slice(body).map_err(|_| InvalidTracking::Json)?;
    let Objects::<Item>(mut items) = answer;
    if let [only] = items.as_mut_slice()
        && let Some(Objects(content)) = only.content.take()
    {
        items = content;
    }
    if items.is_empty() {
        return if is_list(body) {
            Ok(Look::Empty)
        } else {
            Err(InvalidTracking::Strange)
        };
    }
    items.retain(|item| {
        item.message_id
            .0
            .as_deref()
            .is_none_or(|id| id == message_id.as_str())
    });
    items.truncate(MAX_ITEMS);
    let mut parts: Vec<PartReport> = items
        .iter()
        .filter_map(|item| part(message_id, item))
        .collect();
    // The order of the answer is documented nowhere.
    parts.sort_by_key(|part| part.number.unwrap_or(u32::MAX));
    let mut numbers: Vec<PhoneNumber> = items.iter().filter_map(recipient).collect();
    numbers.sort_by(|one, other| one.reveal().cmp(other.reveal()));
    numbers.dedup();
    match items.into_iter().next() {
        Some(first) if !parts.is_empty() => {
            let mut facts = facts(first);
            numbers.retain(|number| facts.to.as_ref() != Some(number));
            facts.other_numbers = numbers;
            Ok(Look::Seen(Box::new(Sighting { facts, parts })))
        }
        _ => Err(InvalidTracking::Strange),
    }
}

/// Whether an answer without items is a list or a page, and not a number or nothing at all.
fn is_list(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start().first(), Some(b'[' | b'{'))
}

/// What an item says of its part; nothing where it has no status.
fn part(message_id: &MessageId, item: &Item) -> Option<PartReport> {
    let status = &item.status.0;
    let word = status.status.0.as_deref()?;
    let number = small(&item.part);
    let sms_id = match item.sms_id.0.as_deref().map(SmsId::new) {
        Some(Ok(sms_id)) => sms_id,
        // Lists may leave the id out: the part's place then names it.
        _ => SmsId::new(format!(
            "{}:{}",
            cut(message_id.as_str(), 180),
            number.unwrap_or(1)
        ))
        .ok()?,
    };
    let reason = &status.reason.0;
    Some(PartReport {
        sms_id,
        number,
        status: Word::new(cut(word, MAX_WORD)),
        detailed_status: reason
            .detailed_status
            .0
            .as_deref()
            .map(|word| Word::new(cut(word, MAX_WORD))),
        description: reason
            .description
            .0
            .as_deref()
            .map(|text| cut(text, MAX_TEXT).to_owned()),
        date: status.date.0.as_deref().and_then(|date| date.parse().ok()),
        price: item.price.0.clone(),
        latency: item.latency.0.clone(),
    })
}

fn facts(item: Item) -> MessageFacts {
    let short = |text: Text| text.0.map(|text| cut(&text, MAX_WORD).to_owned());
    let long = |text: Text| text.0.map(|text| cut(&text, MAX_TEXT).to_owned());
    let to = recipient(&item);
    let groups = item.groups.0.iter().take(MAX_ITEMS);
    MessageFacts {
        part_count: small(&item.parts),
        from: short(item.from),
        to,
        other_numbers: Vec::new(),
        country: short(item.country),
        operator: short(item.operator),
        label: long(item.label),
        campaign: long(item.campaign),
        application: short(item.application),
        originating_service: short(item.originating_service),
        body: item
            .body
            .0
            .map(|body| MessageText::new(cut(&body, MAX_BODY))),
        groups: groups
            .map(|group| cut(group, MAX_WORD).to_owned())
            .collect(),
        direction: short(item.direction),
    }
}

fn recipient(item: &Item) -> Option<PhoneNumber> {
    let to = item.to.0.as_deref()?;
    Some(PhoneNumber::new(cut(to, MAX_WORD)))
}

/// A count of parts; a strange one is none.
fn small(number: &Numeric) -> Option<u32> {
    let number = number.0.as_ref()?;
    let whole = number.as_u64().or_else(|| {
        let float = number
            .as_f64()
            .filter(|float| float.fract() == 0.0 && (1.0..1000.0).contains(float));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 1000"
        )]
        float.map(|float| float as u64)
    });
    whole
        .and_then(|whole| u32::try_from(whole).ok())
        .filter(|whole| (1..=1000).contains(whole))
}

fn cut(text: &str, most: usize) -> &str {
    text.char_indices()
        .nth(most)
        .map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests;
