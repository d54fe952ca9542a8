//! The store in Redis: one script call per step.

mod claims;
mod events;
mod gauges;
mod kept;
mod log;
mod lookup;
mod memo;
mod offers;
mod queues;
mod records;
mod redrive;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{FromRedisValue, RedisError, Script};
use smswatch_plugin::async_trait;
use smswatch_plugin::model::{EventKind, Timestamp};
use smswatch_plugin::store::{Gauges, LeaseId, NewEntry, Shard, Store, StoreError, WatchPriority};

use self::claims::Claim;
use self::offers::Offers;
use self::queues::FirstClaims;
use crate::call::Call;
use crate::clock::{Expectation, MOST_AHEAD};
use crate::connection::Link;
use crate::error::store_error;
use crate::field;
use crate::open::{OpenError, RedisOptions, open};
use crate::scripts::Scripts;

/// An entry of a stream as Redis answers it: its id and its fields.
type StreamEntry = (String, Vec<(String, Vec<u8>)>);

/// A store in one Redis, shared by any number of processes. Cheap to clone.
#[derive(Clone)]
pub struct RedisStore {
    connection: Link,
    scripts: Arc<Scripts>,
    prefix: Arc<str>,
    shards: u16,
    /// Tells this process's leases from all others, and each from the next.
    process: Arc<str>,
    leases: Arc<AtomicU64>,
    /// When this process claimed from each queue of deliveries first, by the store's clock.
    first_claims: Arc<Mutex<FirstClaims>>,
    /// What each shard held when it was counted last.
    counted: Arc<Mutex<HashMap<Shard, gauges::Counted>>>,
    /// Claims of watches whose answer was lost. A shard has few: it releases them before it claims.
    unanswered: Arc<Mutex<HashSet<(Shard, LeaseId)>>>,
    /// The same for claims of deliveries and other records.
    unanswered_claims: Arc<Mutex<HashSet<Claim>>>,
    clock: Arc<Expectation>,
    offers: Arc<Offers>,
}

impl RedisStore {
    /// Connects to Redis and makes sure that it keeps what it is given; the texts are warnings for
    /// the operator.
    ///
    /// # Errors
    ///
    /// Redis cannot be reached, evicts, is too old, or was split into another number of shards.
    pub async fn open(options: RedisOptions) -> Result<(Self, Vec<String>), OpenError> {
        let (connection, warnings) = open(&options).await?;
        let store = Self {
            connection,
            scripts: Arc::new(Scripts::new()),
            prefix: options.key_prefix.into(),
            shards: options.shards,
            process: format!("{:016x}", fastrand::u64(..)).into(),
            leases: Arc::default(),
            first_claims: Arc::default(),
            counted: Arc::default(),
            unanswered: Arc::default(),
            unanswered_claims: Arc::default(),
            clock: Arc::default(),
            offers: Arc::default(),
        };
        let noted = store.note_deliveries().await;
        noted.map_err(OpenError::Upgrade)?;
        Ok((store, warnings))
    }

    /// What all keys of a shard begin with.
    fn base(&self, shard: Shard) -> String {
        format!("{}:{{{}}}:", self.prefix, shard.0)
    }

    fn call<'a>(&self, script: &'a Script, shard: Shard) -> Call<'a> {
        Call::new(script, &self.base(shard))
    }

    async fn invoke<T: FromRedisValue>(&self, call: &Call<'_>) -> Result<T, StoreError> {
        let mut connection = self.connection.clone();
        call.invoke(&mut connection)
            .await
            .map_err(|error| self.error(&error))
    }

    /// What a call came to that failed.
    fn error(&self, error: &RedisError) -> StoreError {
        store_error(error, self.connection.address())
    }

    fn unanswered(&self) -> MutexGuard<'_, HashSet<(Shard, LeaseId)>> {
        self.unanswered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A name for a lease of `priority`, which the scripts read out of it.
    fn next_lease(&self, priority: WatchPriority) -> LeaseId {
        let number = self.leases.fetch_add(1, Ordering::Relaxed);
        LeaseId(format!("{}.{}.{number}", priority.index(), self.process))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisStore")
            .field("prefix", &self.prefix)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .min(1 << 50)
}

/// The place of the message that an entry is about; nothing if it is about none.
fn about(entry: &NewEntry) -> Vec<u8> {
    entry.about.as_ref().map(field::place).unwrap_or_default()
}

/// The kinds under which an entry is noted, as the scripts read them.
fn kinds(entry: &NewEntry) -> String {
    let kinds: Vec<_> = entry.indexed_kinds().map(EventKind::as_str).collect();
    kinds.join(",")
}

#[async_trait]
impl Store for RedisStore {
    fn shard_count(&self) -> u16 {
        self.shards
    }

    async fn now(&self, shard: Shard) -> Result<Timestamp, StoreError> {
        // What it should be at least: so the shard notices a clock that was set back or stands still.
        let expected = self.clock.least().map_or(0, Timestamp::as_millis);
        let mut call = self.call(&self.scripts.tick, shard);
        call.arg(expected).arg(millis(MOST_AHEAD));
        let answer = self.invoke(&call).await.map(Timestamp::from_millis);
        self.clock.shown(shard, answer.as_ref().ok().copied());
        answer
    }

    async fn gauges(&self) -> Result<Gauges, StoreError> {
        self.count_all().await
    }
}
