//! The store in SQLite: hands each step to the thread that owns the file.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use smswatch_plugin::async_trait;
use smswatch_plugin::model::Timestamp;
use smswatch_plugin::store::{Gauges, Rate, Rates, Reserved, Shard, Store, StoreError};

use crate::clock::Clock;
use crate::lock::FileLock;
use crate::open::{open, open_to_read};
use crate::open_error::OpenError;
use crate::reader::Reader;
use crate::worker::Worker;
use crate::{counts, log, numbers, rates, watches};

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
    /// that another process has locked, and blocks the thread meanwhile.
    ///
    /// # Errors
    ///
    /// Another process has the file, a later version wrote it, or it cannot be opened.
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

    /// Lets the thread that writes take a step.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let clock = Arc::clone(&self.clock);
        self.worker
            .run(move |connection| step(connection, clock.now()))
            .await
    }

    /// Reads beside the thread that writes.
    pub(crate) async fn read<T: Send + 'static>(
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

    async fn now(&self, _shard: Shard) -> Result<Timestamp, StoreError> {
        self.run(|connection, now| {
            numbers::note_time(connection, now)?;
            Ok(now)
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

    /// Puts all that was written into the file itself: nothing of it is left in another beside it.
    async fn close(&self) {
        if let Some(reader) = &self.reader {
            reader.end().await;
        }
        self.worker.end().await;
    }
}

#[async_trait]
impl Rates for SqliteStore {
    async fn reserve(&self, name: &str, rate: Rate, want: u32) -> Result<Reserved, StoreError> {
        let name = name.to_owned();
        self.run(move |connection, now| rates::reserve(connection, &name, rate, want, now))
            .await
    }
}
