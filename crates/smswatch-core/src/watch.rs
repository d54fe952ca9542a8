//! One watch in memory, and the bytes behind a record's head.
//!
//! The bytes are made to be few: a one-part message with UUIDs takes about forty, which keeps the
//! stores' buckets small. Numbers are LEB128 varints; dates count seconds from the registration.

mod announced;
mod bytes;
pub(crate) mod horizon;
pub(crate) mod lifecycle;
pub(crate) mod registration;
mod spelling;
mod trouble;
mod untold;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use smswatch_model::{Snapshot, Tags, Timestamp};

pub(crate) use self::announced::Announced;
use self::bytes::{Reader, Writer};
pub(crate) use self::spelling::Spelling;
pub use self::trouble::{Trouble, TroubleKind};
pub(crate) use self::untold::Untold;
use crate::record::{Record, WatchState};

/// All that is known of one watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) state: WatchState,
    /// When there is something to do.
    pub(crate) due: Timestamp,
    /// In whole seconds.
    pub(crate) registered_at: Timestamp,
    /// How many successful polls there were: the place in the schedule.
    pub(crate) step: u32,
    /// How many events there were.
    pub(crate) sequence: u64,
    /// The look after the end has taken place, or is not wanted.
    pub(crate) is_confirmed: bool,
    /// When it left [`WatchState::Watching`], in whole seconds.
    pub(crate) ended_at: Option<Timestamp>,
    /// When a part was last seen for the first time, in whole seconds.
    pub(crate) last_part_at: Option<Timestamp>,
    pub(crate) snapshot: Snapshot,
    pub(crate) tags: Tags,
    /// The dates of events that parts have moved on from.
    pub(crate) announced: Announced,
    /// How the id was spelled when the message was registered.
    pub(crate) spelling: Spelling,
    /// Why the latest polls brought nothing; `None` if they did.
    pub(crate) trouble: Option<Trouble>,
    /// After how many seconds it was reported that the message is stuck, or need not be.
    pub(crate) stuck: BTreeSet<u64>,
    /// How often it was reported again, by `after` and `every` in seconds; or need not be.
    pub(crate) stuck_repeats: BTreeMap<(u64, u64), u64>,
    /// The provider has told of the message by itself: its callbacks reach us.
    pub(crate) is_pushed: bool,
    /// The parts whose statuses were recorded and told to nobody.
    pub(crate) untold: Untold,
    /// Somebody has registered the message since, and is to be told of them.
    pub(crate) is_wanted: bool,
}

/// A record whose body this version cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record of a watch is damaged")]
pub(crate) struct InvalidRecord;

mod flag {
    pub(super) const CONFIRMED: u8 = 1;
    pub(super) const ENDED: u8 = 2;
    pub(super) const LAST_PART: u8 = 4;
    pub(super) const TAGS: u8 = 8;
    pub(super) const ANNOUNCED: u8 = 16;
    pub(super) const TROUBLE: u8 = 32;
    pub(super) const SPELLING: u8 = 64;
    /// A second byte of flags follows.
    pub(super) const MORE: u8 = 128;
}

mod more {
    pub(super) const STUCK: u8 = 1;
    pub(super) const STUCK_REPEATS: u8 = 2;
    pub(super) const PUSHED: u8 = 4;
    pub(super) const UNTOLD: u8 = 8;
    pub(super) const WANTED: u8 = 16;
    pub(super) const ALL: u8 = STUCK | STUCK_REPEATS | PUSHED | UNTOLD | WANTED;
}

impl Watch {
    /// A watch that begins now and is due at once, of an id in lower case.
    pub(crate) fn new(now: Timestamp, tags: Tags) -> Self {
        Self {
            state: WatchState::Watching,
            due: now,
            registered_at: Timestamp::from_seconds(now.as_seconds()),
            step: 0,
            sequence: 0,
            is_confirmed: false,
            ended_at: None,
            last_part_at: None,
            snapshot: Snapshot::default(),
            tags,
            spelling: Spelling::default(),
            trouble: None,
            announced: Announced::default(),
            stuck: BTreeSet::new(),
            stuck_repeats: BTreeMap::new(),
            is_pushed: false,
            untold: Untold::default(),
            is_wanted: false,
        }
    }

    /// The watch of a message that is registered again after it was given up: it begins now, and what
    /// is known of the message stays known, so that nothing is told twice.
    pub(crate) fn begun_anew(self, now: Timestamp) -> Self {
        Self {
            sequence: self.sequence,
            snapshot: self.snapshot,
            announced: self.announced,
            spelling: self.spelling,
            is_pushed: self.is_pushed,
            untold: self.untold,
            is_wanted: self.is_wanted,
            ..Self::new(now, self.tags)
        }
    }

    /// The same watch, of a message that a user has registered: what was recorded of it and told to nobody is told at its
    /// next observation.
    pub(crate) fn wanted(self) -> Self {
        Self {
            is_wanted: !self.untold.is_empty(),
            ..self
        }
    }

    /// The same watch, with its message to be polled now: something has become of it. A poll of a watch that is due may be
    /// under way, and know nothing of that yet: the due time differs, so that this poll no longer has the say, and another
    /// one follows at once.
    pub(crate) fn polled_at(self, now: Timestamp) -> Self {
        let due = if self.due <= now {
            self.due + Duration::from_millis(1)
        } else {
            now
        };
        match self.state {
            WatchState::NotFound | WatchState::GaveUp => self.begun_anew(now),
            _ => Self {
                due,
                is_confirmed: false,
                ..self
            },
        }
    }

    pub(crate) fn encode(&self) -> Record {
        let mut writer = Writer::default();
        let optional = |bit: u8, is_set: bool| if is_set { bit } else { 0 };
        let more = optional(more::STUCK, !self.stuck.is_empty())
            | optional(more::STUCK_REPEATS, !self.stuck_repeats.is_empty())
            | optional(more::PUSHED, self.is_pushed)
            | optional(more::UNTOLD, !self.untold.is_empty())
            | optional(more::WANTED, self.is_wanted);
        writer.byte(
            optional(flag::CONFIRMED, self.is_confirmed)
                | optional(flag::ENDED, self.ended_at.is_some())
                | optional(flag::LAST_PART, self.last_part_at.is_some())
                | optional(flag::TAGS, !self.tags.is_empty())
                | optional(flag::ANNOUNCED, self.announced.iter().len() > 0)
                | optional(flag::TROUBLE, self.trouble.is_some())
                | optional(flag::SPELLING, !self.spelling.as_bytes().is_empty())
                | optional(flag::MORE, more != 0),
        );
        if more != 0 {
            writer.byte(more);
        }
        let registered = self.registered_at.as_seconds();
        writer.signed(registered - bytes::EPOCH);
        writer.number(u64::from(self.step));
        writer.number(self.sequence);
        for instant in [self.ended_at, self.last_part_at].into_iter().flatten() {
            writer.signed(instant.as_seconds() - registered);
        }
        writer.snapshot(&self.snapshot, registered);
        if !self.tags.is_empty() {
            writer.tags(&self.tags);
        }
        if self.announced.iter().len() > 0 {
            writer.announced(&self.announced, &self.snapshot);
        }
        if let Some(trouble) = &self.trouble {
            writer.trouble(trouble, registered);
        }
        if !self.spelling.as_bytes().is_empty() {
            writer.spelling(&self.spelling);
        }
        if !self.stuck.is_empty() {
            writer.stuck(&self.stuck);
        }
        if !self.stuck_repeats.is_empty() {
            writer.stuck_repeats(&self.stuck_repeats);
        }
        if !self.untold.is_empty() {
            writer.untold(&self.untold, &self.snapshot);
        }
        let record = Record::new(self.state, self.due, writer.as_bytes());
        if self.says_more_than_before() {
            record.extended()
        } else {
            record
        }
    }

    /// Whether the record holds what earlier versions cannot read.
    fn says_more_than_before(&self) -> bool {
        let mut parts = self.snapshot.parts.iter();
        self.announced.iter().len() > 0
            || self.trouble.is_some()
            || !self.stuck.is_empty()
            || !self.stuck_repeats.is_empty()
            || self.is_pushed
            || !self.untold.is_empty()
            || self.is_wanted
            || self.spelling != Spelling::default()
            || parts.any(|part| part.regressions > 0)
    }

    pub(crate) fn decode(record: &Record) -> Result<Self, InvalidRecord> {
        let mut reader = Reader::new(record.body());
        let flags = reader.byte()?;
        let more = if flags & flag::MORE == 0 {
            0
        } else {
            reader.byte()?
        };
        if more & !more::ALL != 0 {
            return Err(InvalidRecord);
        }
        let registered = reader.signed()?.saturating_add(bytes::EPOCH);
        let step = u32::try_from(reader.number()?).map_err(|_| InvalidRecord)?;
        let sequence = reader.number()?;
        let mut instant = |bit: u8| -> Result<Option<Timestamp>, InvalidRecord> {
            if flags & bit == 0 {
                return Ok(None);
            }
            Ok(Some(Timestamp::from_seconds(
                registered.saturating_add(reader.signed()?),
            )))
        };
        let ended_at = instant(flag::ENDED)?;
        let last_part_at = instant(flag::LAST_PART)?;
        let snapshot = reader.snapshot(registered)?;
        let tags = if flags & flag::TAGS == 0 {
            Tags::new()
        } else {
            reader.tags()?
        };
        let announced = if flags & flag::ANNOUNCED == 0 {
            Announced::default()
        } else {
            reader.announced(&snapshot)?
        };
        let trouble = if flags & flag::TROUBLE == 0 {
            None
        } else {
            Some(reader.trouble(registered)?)
        };
        let spelling = if flags & flag::SPELLING == 0 {
            Spelling::default()
        } else {
            reader.spelling()?
        };
        let stuck = if more & more::STUCK == 0 {
            BTreeSet::new()
        } else {
            reader.stuck()?
        };
        let stuck_repeats = if more & more::STUCK_REPEATS == 0 {
            BTreeMap::new()
        } else {
            reader.stuck_repeats()?
        };
        let untold = if more & more::UNTOLD == 0 {
            Untold::default()
        } else {
            reader.untold(&snapshot)?
        };
        reader.end()?;
        Ok(Self {
            state: record.state(),
            due: record.due(),
            registered_at: Timestamp::from_seconds(registered),
            step,
            sequence,
            is_confirmed: flags & flag::CONFIRMED != 0,
            ended_at,
            last_part_at,
            snapshot,
            tags,
            announced,
            spelling,
            trouble,
            stuck,
            stuck_repeats,
            is_pushed: more & more::PUSHED != 0,
            untold,
            is_wanted: more & more::WANTED != 0,
        })
    }
}

#[cfg(test)]
mod tests;
