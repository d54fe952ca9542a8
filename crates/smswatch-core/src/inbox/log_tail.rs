//! Log entries that this process has just written: it routes them without reading them again.

use std::sync::atomic::{AtomicUsize, Ordering};

use smswatch_model::Event;
use tokio::sync::mpsc;

use super::due_times::DueTimes;
use crate::store::{LogPosition, Shard};

/// How many entries are kept in memory at most; what is beyond is read from the log.
const MOST_HELD: usize = 2048;

/// Entries of one shard that follow one another.
#[derive(Debug)]
pub(crate) struct NewEntries {
    pub(crate) shard: Shard,
    /// The place before the first of them.
    pub(crate) after: LogPosition,
    pub(crate) entries: Vec<(LogPosition, Vec<Event>)>,
}

impl NewEntries {
    /// The place of the last of them.
    pub(crate) fn last(&self) -> &LogPosition {
        self.entries
            .last()
            .map_or(&self.after, |(position, _)| position)
    }

    /// Takes the entries of `next` if they follow; gives it back if others stand in between.
    pub(crate) fn join(&mut self, next: Self) -> Result<(), Self> {
        if next.after != *self.last() {
            return Err(next);
        }
        self.entries.extend(next.entries);
        Ok(())
    }
}

/// The way of fresh entries from the second stage to the third.
#[derive(Debug)]
pub(crate) struct LogTail {
    sender: mpsc::UnboundedSender<NewEntries>,
    held: AtomicUsize,
}

impl LogTail {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<NewEntries>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let held = AtomicUsize::new(0);
        (Self { sender, held }, receiver)
    }

    /// Hands entries on, or says that there is something to read where there is no room for them.
    pub(crate) fn push(&self, fresh: NewEntries, routes: &DueTimes) {
        let count = fresh.entries.len();
        let shard = usize::from(fresh.shard.0);
        let has_room = self.held.fetch_add(count, Ordering::AcqRel) + count <= MOST_HELD;
        if !has_room || self.sender.send(fresh).is_err() {
            self.held.fetch_sub(count, Ordering::AcqRel);
            routes.hint_now(shard);
        }
    }

    /// So many entries are no longer held.
    pub(crate) fn taken(&self, count: usize) {
        self.held.fetch_sub(count, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(after: u32, positions: std::ops::Range<u32>) -> NewEntries {
        let position = |n: u32| LogPosition(n.to_string());
        NewEntries {
            shard: Shard(0),
            after: position(after),
            entries: positions.map(|n| (position(n), Vec::new())).collect(),
        }
    }

    #[test]
    fn only_entries_that_follow_are_joined() {
        let mut first = fresh(4, 5..7);
        assert!(first.join(fresh(6, 7..8)).is_ok());
        assert_eq!(first.last(), &LogPosition("7".to_owned()));
        assert!(first.join(fresh(8, 9..10)).is_err());
        assert_eq!(first.entries.len(), 3);
    }

    #[test]
    fn what_does_not_fit_into_memory_is_read_from_the_log() {
        let (log, mut receiver) = LogTail::new();
        let routes = DueTimes::new(1);
        let now = smswatch_model::Timestamp::from_seconds(1);
        assert!(routes.take(0, now));
        let most = u32::try_from(MOST_HELD).expect("it fits");
        log.push(fresh(0, 1..most + 1), &routes);
        assert!(!routes.take(0, now));
        log.push(fresh(most, most + 1..most + 2), &routes);
        assert!(routes.take(0, now));
        let taken = receiver.try_recv().expect("the first");
        log.taken(taken.entries.len());
        assert!(receiver.try_recv().is_err());
        log.push(fresh(most + 1, most + 2..most + 3), &routes);
        assert!(receiver.try_recv().is_ok());
    }
}
