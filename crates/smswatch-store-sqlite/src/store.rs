//! The seam: hands each step to the thread that owns the file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use smswatch_plugin::async_trait;
use smswatch_plugin::model::{DeliveryId, MessageId, Timestamp};
use smswatch_plugin::record::Record;
use smswatch_plugin::store::{
    Attempt, ClaimedDeliveries, ClaimedWatches, CommitStep, Committed, Completion, DeadLetter,
    DeliveryFilter, DeliveryState, EventFilter, Gauges, HistoryBounds, KeptAside, LeaseId,
    LeftStep, Loaded, LogEntry, LogPosition, LogSlice, Memo, NewDelivery, NewEntry, Outcomes, Page,
    PageRequest, Priority, QueueRequest, QueueSlice, Rate, Redrive, RedriveOutcome, RedriveStep,
    Redriven, Reserved, RouteOutcome, RouteStep, Shard, Store, StoreError, StoredDelivery, Trimmed,
    WatchPriority,
};

use crate::clock::Clock;
use crate::lock::FileLock;
use crate::open::{OpenError, open, open_to_read};
use crate::reader::Reader;
use crate::worker::Worker;
use crate::{
    aside, counts, deliveries, left, log, lookup, memos, numbers, rates, redrive, waiting, watches,
};

/// A store in one SQLite file, for one process; it has one shard.
#[derive(Clone)]
pub struct SqliteStore {
    worker: Worker,
    /// None where all connections but one would see another store: in memory.
    reader: Option<Reader>,
    clock: Arc<Clock>,
}

impl SqliteStore {
    /// Opens the file at `path`, and makes it where there is none. Waits a few seconds for a file
    /// that somebody else has locked, and blocks the thread meanwhile.
    ///
    /// # Errors
    ///
    /// Somebody else has the file, a later version wrote it, or it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let (connection, lock, clock) = open(path)?;
        let reading = open_to_read(path)?;
        Self::on(connection, lock, reading, clock).map_err(|source| OpenError::Lock {
            path: path.to_owned(),
            source,
        })
    }

    /// A store on connections that are open: one that writes, and one that reads.
    pub(crate) fn on(
        connection: Connection,
        lock: FileLock,
        reading: Option<Connection>,
        clock: Clock,
    ) -> std::io::Result<Self> {
        Ok(Self {
            worker: Worker::start(connection, lock)?,
            reader: reading.map(Reader::start).transpose()?,
            clock: Arc::new(clock),
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let clock = Arc::clone(&self.clock);
        self.worker
            .run(move |connection| step(connection, clock.now()))
            .await
    }

    /// Reads beside the thread that writes.
    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.reader {
            Some(reader) => reader.run(question).await,
            None => self.worker.run(question).await,
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqliteStore")
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn shard_count(&self) -> u16 {
        1
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.run(|connection, now| {
            numbers::note_time(connection, now)?;
            Ok(now)
        })
        .await
    }

    async fn load(&self, _: Shard, ids: &[MessageId]) -> Result<Vec<Loaded>, StoreError> {
        let ids = ids.to_vec();
        self.run(move |connection, _| watches::load(connection, &ids))
            .await
    }

    async fn claim(
        &self,
        _: Shard,
        priority: WatchPriority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedWatches, StoreError> {
        self.run(move |connection, now| watches::claim(connection, priority, limit, lease, now))
            .await
    }

    async fn release(&self, _: Shard, lease: LeaseId) -> Result<(), StoreError> {
        self.run(move |connection, now| watches::release(connection, &lease, now))
            .await
    }

    async fn commit(&self, _: Shard, step: &CommitStep) -> Result<Committed, StoreError> {
        let step = step.clone();
        self.run(move |connection, now| watches::commit(connection, &step, now))
            .await
    }

    async fn watches(&self, page: &PageRequest) -> Result<Page<(MessageId, Record)>, StoreError> {
        let (after, limit) = (watches::parse_cursor(page)?, page.limit);
        self.read(move |connection| watches::page(connection, &after, limit))
            .await
    }

    async fn read_log(&self, _: Shard, limit: u32) -> Result<LogSlice, StoreError> {
        self.run(move |connection, now| log::read(connection, limit, now))
            .await
    }

    async fn route(&self, _: Shard, step: &RouteStep) -> Result<RouteOutcome, StoreError> {
        let step = step.clone();
        self.run(move |connection, now| log::route(connection, &step, now))
            .await
    }

    async fn recall(
        &self,
        _: Shard,
        priority: WatchPriority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        self.run(move |connection, now| watches::recall(connection, priority, furthest, now))
            .await
    }

    async fn put_aside(
        &self,
        _: Shard,
        _: WatchPriority,
        ids: &[MessageId],
    ) -> Result<(), StoreError> {
        let ids = ids.to_vec();
        self.run(move |connection, now| watches::put_aside(connection, &ids, now))
            .await
    }

    async fn left_entries(
        &self,
        _: Shard,
        after: Option<&LogPosition>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let after = after.cloned();
        self.run(move |connection, _| left::read(connection, after.as_ref(), limit))
            .await
    }

    async fn route_left(&self, _: Shard, step: &LeftStep) -> Result<u64, StoreError> {
        let step = step.clone();
        self.run(move |connection, now| left::route(connection, &step, now))
            .await
    }

    async fn set_aside(&self) -> Result<Vec<KeptAside>, StoreError> {
        self.read(log::set_aside).await
    }

    async fn enqueue_all(&self, _: Shard, deliveries: &[NewDelivery]) -> Result<u64, StoreError> {
        let deliveries = deliveries.to_vec();
        self.run(move |connection, now| {
            let mut added = 0;
            for delivery in &deliveries {
                added += u64::from(deliveries::add(connection, delivery, now)?);
            }
            Ok(added)
        })
        .await
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Vec<u8>>, StoreError> {
        let (before, limit, filter) = (log::parse_cursor(page)?, page.limit, filter.clone());
        self.read(move |connection| log::page(connection, &filter, before, limit))
            .await
    }

    async fn claim_deliveries(
        &self,
        _: Shard,
        sink: &str,
        priority: Priority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError> {
        let sink = sink.to_owned();
        self.run(move |connection, now| {
            let mut due = deliveries::due(connection, &sink, priority, limit, now)?;
            if due.len() < usize::try_from(limit).unwrap_or(usize::MAX) {
                for number in aside::offered(connection, &sink, priority, now)? {
                    aside::take_up(connection, number, now)?;
                    due.push(number);
                }
            }
            deliveries::claim(connection, &sink, priority, &due, lease, now)
        })
        .await
    }

    async fn claim_early(
        &self,
        _: Shard,
        sink: &str,
        priority: Priority,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError> {
        let sink = sink.to_owned();
        self.run(move |connection, now| {
            let first = deliveries::first(connection, &sink, priority, now)?;
            deliveries::claim(connection, &sink, priority, &first, lease, now)
        })
        .await
    }

    async fn make_due(&self, _: Shard, sink: &str) -> Result<u64, StoreError> {
        let mut count = 0;
        for priority in Priority::ALL {
            let mut after = None;
            loop {
                let sink = sink.to_owned();
                let step = self.run(move |connection, now| {
                    deliveries::make_due(connection, &sink, priority, after, now)
                });
                let (made_due, next) = step.await?;
                count += made_due;
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(count)
    }

    async fn complete(
        &self,
        _: Shard,
        sink: &str,
        completions: &[Completion],
    ) -> Result<Outcomes, StoreError> {
        let sink = sink.to_owned();
        let completions = completions.to_vec();
        self.run(move |connection, now| deliveries::complete(connection, &sink, &completions, now))
            .await
    }

    async fn waiting(
        &self,
        _: Shard,
        sink: &str,
        request: QueueRequest,
    ) -> Result<QueueSlice, StoreError> {
        let sink = sink.to_owned();
        self.run(move |connection, now| waiting::read(connection, &sink, &request, now))
            .await
    }

    async fn dead_letter(
        &self,
        _: Shard,
        sink: &str,
        dead_letters: &[DeadLetter],
        attempt: &Attempt,
    ) -> Result<Outcomes, StoreError> {
        let (sink, dead_letters, attempt) =
            (sink.to_owned(), dead_letters.to_vec(), attempt.clone());
        self.run(move |connection, now| {
            waiting::dead_letter(connection, &sink, &dead_letters, &attempt, now)
        })
        .await
    }

    async fn leave_deliveries(
        &self,
        _: Shard,
        sink: &str,
        priority: Priority,
        ids: &[DeliveryId],
    ) -> Result<u64, StoreError> {
        let (sink, ids) = (sink.to_owned(), ids.to_vec());
        self.run(move |connection, now| {
            aside::leave_waiting(connection, &sink, priority, &ids, now)
        })
        .await
    }

    async fn recall_deliveries(
        &self,
        _: Shard,
        sink: &str,
        priority: Priority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        let sink = sink.to_owned();
        self.run(move |connection, now| aside::recall(connection, &sink, priority, furthest, now))
            .await
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
        let id = id.clone();
        self.read(move |connection| lookup::find(connection, &id))
            .await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredDelivery>, StoreError> {
        let cursor = lookup::Cursor::parse(filter, page)?;
        let (limit, filter) = (page.limit, filter.clone());
        self.read(move |connection| lookup::page(connection, &filter, cursor, limit))
            .await
    }

    async fn redrive(&self, _: Shard, step: RedriveStep) -> Result<Redriven, StoreError> {
        self.run(move |connection, now| redrive::redrive(connection, &step, now))
            .await
    }

    async fn redrive_one(
        &self,
        id: &DeliveryId,
        action: Redrive,
        states: &[DeliveryState],
    ) -> Result<RedriveOutcome, StoreError> {
        let (id, states) = (id.clone(), states.to_vec());
        self.run(move |connection, now| redrive::redrive_one(connection, &id, action, &states, now))
            .await
    }

    async fn reserve(&self, name: &str, rate: Rate, want: u32) -> Result<Reserved, StoreError> {
        let name = name.to_owned();
        self.run(move |connection, now| rates::reserve(connection, &name, rate, want, now))
            .await
    }

    async fn memo(&self, _: Shard, name: &str) -> Result<Option<Memo>, StoreError> {
        let name = name.to_owned();
        self.run(move |connection, _| memos::read(connection, &name))
            .await
    }

    async fn put_memo(
        &self,
        _: Shard,
        name: &str,
        expected: Option<u64>,
        value: Vec<u8>,
        entries: Vec<NewEntry>,
    ) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.run(move |connection, now| {
            memos::write(connection, &name, expected, &value, &entries, now)
        })
        .await
    }

    async fn gauges(&self) -> Result<Gauges, StoreError> {
        self.read(|connection| {
            Ok(Gauges {
                watches: watches::by_state(connection)?,
                unrouted: log::unrouted(connection)?,
                set_aside: log::n_set_aside(connection)?,
                queues: counts::gauges(connection)?,
            })
        })
        .await
    }

    async fn trim(&self, _: Shard, bounds: &HistoryBounds) -> Result<Trimmed, StoreError> {
        let bounds = *bounds;
        self.run(move |connection, now| {
            let ended = |state, bound| counts::trim(connection, state, bound, now);
            counts::trim_counts(connection)?;
            Ok(Trimmed {
                events: log::trim(connection, &bounds.events, now)?
                    + left::trim(connection, &bounds.events, now)?,
                deliveries: ended(DeliveryState::Delivered, &bounds.deliveries)?
                    + ended(DeliveryState::Suppressed, &bounds.deliveries)?,
                dead: ended(DeliveryState::Dead, &bounds.dead)?,
            })
        })
        .await
    }
}
