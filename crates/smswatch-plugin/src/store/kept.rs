//! What goes in and out of a store about records of other kinds than watches, such as the state of rules.

use std::fmt;

use smswatch_model::{InvalidId, Timestamp};

use super::{NewDelivery, NewEntry};

/// A kind of record, such as `group`. Each kind has ids and due times of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKind(&'static str);

impl RecordKind {
    /// Names a kind. The name is part of the stored data.
    ///
    /// # Panics
    ///
    /// The name is empty, longer than 32 characters, or has others than lower-case letters.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= 32, "1 to 32 letters");
        let mut at = 0;
        while at < bytes.len() {
            assert!(bytes[at].is_ascii_lowercase(), "lower-case letters only");
            at += 1;
        }
        Self(name)
    }

    /// The kind's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// The name of a record among those of its kind in its shard: 1 to 200 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Box<str>);

impl RecordId {
    /// Takes `text` as an id.
    ///
    /// # Errors
    ///
    /// The text is empty, longer than 200 characters, or holds anything but visible ASCII.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, InvalidId> {
        let text = text.into();
        let fits = (1..=200).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text))
        } else {
            Err(InvalidId)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, formatter)
    }
}

/// A record as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRecord {
    /// Its name.
    pub id: RecordId,
    /// Which version it is. The store gives each write of a shard a higher one, so that no other record of
    /// this id ever has it.
    pub version: u64,
    /// When there is something to do about it; `None` if there is nothing.
    pub due: Option<Timestamp>,
    /// What it says, as core wrote it. It begins with a format byte.
    pub body: Vec<u8>,
}

/// What is written of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// When there is something to do about it; `None` if there is nothing.
    pub due: Option<Timestamp>,
    /// What it says, at least a format byte.
    pub body: Vec<u8>,
}

/// A change to one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// The record's kind.
    pub kind: RecordKind,
    /// Its name; no two changes of one step have the same kind and name.
    pub id: RecordId,
    /// The version that it must be of for the change to take place; `None` if there must be no such record.
    pub expected: Option<u64>,
    /// What the store holds of it afterwards; `None` removes it.
    pub record: Option<NewRecord>,
}

impl RecordChange {
    /// How many bytes of a step it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let record = self.record.as_ref();
        self.kind.as_str().len()
            + self.id.as_str().len()
            + record.map_or(0, |record| record.body.len())
    }
}

/// A change to one record, and what is written with it: all of this or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordCommit {
    /// The change.
    pub change: RecordChange,
    /// What is appended to the shard's log.
    pub entries: Vec<NewEntry>,
    /// What is put into queues, due at once. A delivery that exists already stays as it is.
    pub deliveries: Vec<NewDelivery>,
}

impl RecordCommit {
    /// How many bytes of a step it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let entries = self.entries.iter().map(|entry| entry.body.len());
        let deliveries = self.deliveries.iter().map(NewDelivery::bytes);
        self.change.bytes() + entries.sum::<usize>() + deliveries.sum::<usize>()
    }
}

/// A change with which nothing else is written.
impl From<RecordChange> for RecordCommit {
    fn from(change: RecordChange) -> Self {
        Self {
            change,
            entries: Vec::new(),
            deliveries: Vec::new(),
        }
    }
}

/// What became of changes to records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordsCommitted {
    /// For each of them in their order, whether it took place. One that did not met a record of another
    /// version than it expected, or one that this version of the store cannot read.
    pub done: Vec<bool>,
    /// How many deliveries they queued that did not exist before.
    pub queued: u64,
}

/// What a claim of records brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedRecords {
    /// Those that are due, the earliest first.
    pub records: Vec<KeptRecord>,
    /// When something of this kind is due next in the shard, or a lease of it ends; not after `now` when more
    /// is due already. `None` when there is nothing.
    pub next_due: Option<Timestamp>,
    /// The store's clock during the step.
    pub now: Timestamp,
}
