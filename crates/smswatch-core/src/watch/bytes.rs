//! Small numbers, words, ids and snapshots as few bytes.

use std::collections::{BTreeMap, BTreeSet};

use smswatch_model::{Candidate, DetailWord, Part, SmsId, Snapshot, Tags, Timestamp, Word};
use uuid::Uuid;

use super::{Announced, InvalidRecord, Spelling, Trouble, TroubleKind, Untold};

/// 2020-01-01, from which registrations are counted.
pub(super) const EPOCH: i64 = 1_577_836_800;

/// Stands before a word that has no code of its own.
const SPELLED: u8 = 0xff;

mod flag {
    pub(super) const UUID: u8 = 1;
    pub(super) const NUMBER: u8 = 2;
    pub(super) const CANDIDATE: u8 = 4;
    pub(super) const DETAILS: u8 = 8;
    pub(super) const REGRESSIONS: u8 = 16;
}

#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0
                .push(u8::try_from(number & 0x7f).expect("seven bits") | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).expect("less than 0x80"));
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn word(&mut self, word: &Word) {
        match word.code() {
            Some(code) => self.byte(code),
            None => {
                self.byte(SPELLED);
                self.text(word.as_str());
            }
        }
    }

    pub(super) fn tags(&mut self, tags: &Tags) {
        self.number(tags.len() as u64);
        for (name, value) in tags {
            self.text(name);
            self.text(value);
        }
    }

    pub(super) fn trouble(&mut self, trouble: &Trouble, registered: i64) {
        self.byte(trouble.kind.byte());
        let registered = registered.saturating_mul(1000);
        self.signed(trouble.since.as_millis().saturating_sub(registered));
        self.number(u64::from(trouble.polls));
    }

    pub(super) fn spelling(&mut self, spelling: &Spelling) {
        self.number(spelling.as_bytes().len() as u64);
        self.0.extend_from_slice(spelling.as_bytes());
    }

    pub(super) fn stuck(&mut self, stuck: &BTreeSet<u64>) {
        self.number(stuck.len() as u64);
        for after in stuck {
            self.number(*after);
        }
    }

    pub(super) fn stuck_repeats(&mut self, repeats: &BTreeMap<(u64, u64), u64>) {
        self.number(repeats.len() as u64);
        for ((after, every), times) in repeats {
            for number in [after, every, times] {
                self.number(*number);
            }
        }
    }

    pub(super) fn snapshot(&mut self, snapshot: &Snapshot, registered: i64) {
        self.number(u64::from(snapshot.part_count));
        self.number(snapshot.parts.len() as u64);
        for part in &snapshot.parts {
            self.part(part, registered);
        }
    }

    fn part(&mut self, part: &Part, registered: i64) {
        let uuid = uuid_bytes(part.sms_id.as_str());
        let bit = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
        self.byte(
            bit(flag::UUID, uuid.is_some())
                | bit(flag::NUMBER, part.number.is_some())
                | bit(flag::CANDIDATE, part.candidate.is_some())
                | bit(flag::DETAILS, !part.details.is_empty())
                | bit(flag::REGRESSIONS, part.regressions > 0),
        );
        match uuid {
            Some(uuid) => self.0.extend_from_slice(&uuid),
            None => self.text(part.sms_id.as_str()),
        }
        if let Some(number) = part.number {
            self.number(u64::from(number));
        }
        self.word(&part.status);
        self.signed(part.date.saturating_sub(registered));
        if let Some(candidate) = &part.candidate {
            self.word(&candidate.status);
            self.signed(candidate.date.saturating_sub(registered));
            self.signed(candidate.since.as_millis());
        }
        if !part.details.is_empty() {
            self.number(part.details.len() as u64);
            for detail in &part.details {
                self.word(&detail.status);
                self.word(&detail.word);
                self.signed(detail.date.saturating_sub(registered));
            }
        }
        if part.regressions > 0 {
            self.number(u64::from(part.regressions));
        }
    }

    /// The dates of announcements, each as the place of its part and how far the part has moved on.
    pub(super) fn announced(&mut self, announced: &Announced, snapshot: &Snapshot) {
        let parts = snapshot.parts.iter().enumerate();
        let place = |sms_id: &SmsId| parts.clone().find(|(_, part)| part.sms_id == *sms_id);
        let dates: Vec<_> = announced
            .iter()
            .filter_map(|(sms_id, date)| Some((place(sms_id)?, date)))
            .collect();
        self.number(dates.len() as u64);
        for ((place, part), date) in dates {
            self.number(place as u64);
            self.signed(part.date.saturating_sub(date));
        }
    }

    /// The places of these parts, behind their number; 0 stands for all parts, which is the most frequent case.
    pub(super) fn untold(&mut self, untold: &Untold, snapshot: &Snapshot) {
        let parts = snapshot.parts.iter().enumerate();
        let places: Vec<usize> = parts
            .filter(|(_, part)| untold.has(part))
            .map(|(place, _)| place)
            .collect();
        if places.len() == snapshot.parts.len() {
            return self.number(0);
        }
        self.number(places.len() as u64);
        for place in places {
            self.number(place as u64);
        }
    }
}

#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn end(&self) -> Result<(), InvalidRecord> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(InvalidRecord)
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], InvalidRecord> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(InvalidRecord)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, InvalidRecord> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn number(&mut self) -> Result<u64, InvalidRecord> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(InvalidRecord)
    }

    pub(super) fn signed(&mut self) -> Result<i64, InvalidRecord> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn small(&mut self) -> Result<u32, InvalidRecord> {
        u32::try_from(self.number()?).map_err(|_| InvalidRecord)
    }

    /// A count of things that take at least one byte each, so that damage cannot reserve memory.
    fn count(&mut self) -> Result<usize, InvalidRecord> {
        let count = usize::try_from(self.number()?).map_err(|_| InvalidRecord)?;
        if count <= self.0.len() {
            Ok(count)
        } else {
            Err(InvalidRecord)
        }
    }

    fn text(&mut self) -> Result<&'a str, InvalidRecord> {
        let length = self.count()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| InvalidRecord)
    }

    fn word(&mut self) -> Result<Word, InvalidRecord> {
        match self.byte()? {
            SPELLED => self.text().map(Word::new),
            code => Word::from_code(code).ok_or(InvalidRecord),
        }
    }

    pub(super) fn tags(&mut self) -> Result<Tags, InvalidRecord> {
        let count = self.count()?;
        (0..count)
            .map(|_| Ok((self.text()?.to_owned(), self.text()?.to_owned())))
            .collect()
    }

    pub(super) fn trouble(&mut self, registered: i64) -> Result<Trouble, InvalidRecord> {
        let kind = TroubleKind::from_byte(self.byte()?).ok_or(InvalidRecord)?;
        let registered = registered.saturating_mul(1000);
        let since = Timestamp::from_millis(registered.saturating_add(self.signed()?));
        let polls = self.small()?;
        Ok(Trouble { kind, since, polls })
    }

    pub(super) fn spelling(&mut self) -> Result<Spelling, InvalidRecord> {
        let length = self.count()?;
        if length > Spelling::MOST_BYTES {
            return Err(InvalidRecord);
        }
        self.take(length).map(Spelling::from_bytes)
    }

    pub(super) fn stuck(&mut self) -> Result<BTreeSet<u64>, InvalidRecord> {
        let count = self.count()?;
        (0..count).map(|_| self.number()).collect()
    }

    pub(super) fn stuck_repeats(&mut self) -> Result<BTreeMap<(u64, u64), u64>, InvalidRecord> {
        let count = self.count()?;
        let repeats = (0..count).map(|_| Ok(((self.number()?, self.number()?), self.number()?)));
        repeats.collect()
    }

    pub(super) fn snapshot(&mut self, registered: i64) -> Result<Snapshot, InvalidRecord> {
        let part_count = self.small()?;
        let count = self.count()?;
        let parts = (0..count)
            .map(|_| self.part(registered))
            .collect::<Result<_, _>>()?;
        Ok(Snapshot { part_count, parts })
    }

    fn part(&mut self, registered: i64) -> Result<Part, InvalidRecord> {
        let flags = self.byte()?;
        let sms_id = if flags & flag::UUID != 0 {
            let uuid = Uuid::from_slice(self.take(16)?).map_err(|_| InvalidRecord)?;
            SmsId::new(&*uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
        } else {
            SmsId::new(self.text()?)
        };
        let sms_id = sms_id.map_err(|_| InvalidRecord)?;
        let number = if flags & flag::NUMBER != 0 {
            Some(self.small()?)
        } else {
            None
        };
        let status = self.word()?;
        let date = registered.saturating_add(self.signed()?);
        let candidate = if flags & flag::CANDIDATE != 0 {
            Some(Candidate {
                status: self.word()?,
                date: registered.saturating_add(self.signed()?),
                since: Timestamp::from_millis(self.signed()?),
            })
        } else {
            None
        };
        let details = if flags & flag::DETAILS != 0 {
            let count = self.count()?;
            (0..count)
                .map(|_| {
                    Ok(DetailWord {
                        status: self.word()?,
                        word: self.word()?,
                        date: registered.saturating_add(self.signed()?),
                    })
                })
                .collect::<Result<_, InvalidRecord>>()?
        } else {
            Vec::new()
        };
        let regressions = if flags & flag::REGRESSIONS != 0 {
            self.small()?
        } else {
            0
        };
        Ok(Part {
            sms_id,
            number,
            status,
            date,
            details,
            candidate,
            regressions,
        })
    }

    pub(super) fn announced(&mut self, snapshot: &Snapshot) -> Result<Announced, InvalidRecord> {
        let count = self.count()?;
        (0..count)
            .map(|_| {
                let place = usize::try_from(self.number()?).map_err(|_| InvalidRecord)?;
                let part = snapshot.parts.get(place).ok_or(InvalidRecord)?;
                Ok((
                    part.sms_id.clone(),
                    part.date.saturating_sub(self.signed()?),
                ))
            })
            .collect()
    }

    pub(super) fn untold(&mut self, snapshot: &Snapshot) -> Result<Untold, InvalidRecord> {
        let count = self.count()?;
        if count == 0 {
            let parts = snapshot.parts.iter();
            return Ok(parts.map(|part| part.sms_id.clone()).collect());
        }
        (0..count)
            .map(|_| {
                let place = usize::try_from(self.number()?).map_err(|_| InvalidRecord)?;
                let part = snapshot.parts.get(place).ok_or(InvalidRecord)?;
                Ok(part.sms_id.clone())
            })
            .collect()
    }
}

/// The sixteen bytes of a UUID in its usual lower-case form; `None` for any other text, UUIDs in other
/// spellings included, because the text must come back as it was.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let uuid = Uuid::try_parse(text).ok()?;
    let is_usual = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
    is_usual.then(|| uuid.into_bytes())
}
