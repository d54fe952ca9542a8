//! A watch as the stores keep it: a few bytes that only core can read.
//!
//! A store knows of them what [`Record`] tells: the state, for its counters, and the due time, for
//! its queue. All the rest is opaque to it, so both stores hold the same bytes.

use std::fmt;

use smswatch_model::Timestamp;

/// What state a watch is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WatchState {
    /// It is polled.
    Watching,
    /// Every part is final.
    Final,
    /// It was not final when its time was over.
    GaveUp,
    /// The provider does not know the message, or no longer does.
    NotFound,
    /// It was removed; what is left keeps sweeps and callbacks from starting it again.
    Removed,
}

impl WatchState {
    /// Every state there is, in the order of their bytes.
    pub const ALL: [Self; 5] = [
        Self::Watching,
        Self::Final,
        Self::GaveUp,
        Self::NotFound,
        Self::Removed,
    ];

    /// The word that stands for this in the API and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watching => "watching",
            Self::Final => "final",
            Self::GaveUp => "gave_up",
            Self::NotFound => "not_found",
            Self::Removed => "removed",
        }
    }

    /// The byte that stands for this in a record.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Watching => 0,
            Self::Final => 1,
            Self::GaveUp => 2,
            Self::NotFound => 3,
            Self::Removed => 4,
        }
    }

    /// The state that `byte` stands for.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte)).copied()
    }
}

/// The bytes of a watch.
///
/// | bytes | meaning |
/// |---|---|
/// | 0 | format, [`Record::FORMAT`] or [`Record::EXTENDED`] |
/// | 1 | state, [`WatchState::byte`] |
/// | 2 to 7 | due time: milliseconds since 1970, big-endian, so that bytes order as times do |
/// | 8 … | known to core alone |
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Record(Box<[u8]>);

impl Record {
    /// The format that nearly all records have.
    pub const FORMAT: u8 = 1;

    /// The format of the few that hold more than versions before it can read, so that those leave them
    /// alone.
    pub const EXTENDED: u8 = 2;

    /// How many bytes stand before those that core alone knows.
    pub const HEAD: usize = 8;

    /// Takes bytes as a store kept them; `None` if they cannot be a record.
    #[must_use]
    pub fn from_bytes(bytes: impl Into<Box<[u8]>>) -> Option<Self> {
        let bytes = bytes.into();
        let is_one = bytes.len() >= Self::HEAD
            && matches!(bytes[0], Self::FORMAT | Self::EXTENDED)
            && WatchState::from_byte(bytes[1]).is_some();
        is_one.then_some(Self(bytes))
    }

    /// Puts a head before `body`.
    #[must_use]
    pub fn new(state: WatchState, due: Timestamp, body: &[u8]) -> Self {
        let due = u64::try_from(due.as_millis()).unwrap_or(0).to_be_bytes();
        let mut bytes = Vec::with_capacity(Self::HEAD + body.len());
        bytes.push(Self::FORMAT);
        bytes.push(state.byte());
        bytes.extend_from_slice(&due[2..]);
        bytes.extend_from_slice(body);
        Self(bytes.into_boxed_slice())
    }

    /// The same record, marked as one that earlier versions cannot read.
    #[must_use]
    pub fn extended(mut self) -> Self {
        self.0[0] = Self::EXTENDED;
        self
    }

    /// All the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes behind the head.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.0[Self::HEAD..]
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> WatchState {
        WatchState::from_byte(self.0[1]).expect("the constructors refuse unknown states")
    }

    /// When there is something to do for the watch.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        let mut due = [0; 8];
        due[2..].copy_from_slice(&self.0[2..8]);
        let due = i64::try_from(u64::from_be_bytes(due)).expect("six bytes fit");
        Timestamp::from_millis(due)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Record")
            .field("state", &self.state())
            .field("due", &self.due())
            .field("bytes", &self.0.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_says_state_and_due_time() {
        let due = Timestamp::from_millis(1_777_636_800_123);
        let record = Record::new(WatchState::GaveUp, due, b"body");
        assert_eq!(
            (record.state(), record.due(), record.body()),
            (WatchState::GaveUp, due, &b"body"[..])
        );
        assert_eq!(Record::from_bytes(record.as_bytes()), Some(record));
    }

    #[test]
    fn other_bytes_are_no_record() {
        for bytes in [
            &b""[..],
            b"\x01\x00",
            b"\x03\x00\0\0\0\0\0\0",
            b"\x01\x09\0\0\0\0\0\0",
        ] {
            assert_eq!(Record::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
