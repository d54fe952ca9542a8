//! The seam: one script call per step.

mod events;
mod history;
mod left;
mod lookup;
mod memo;
mod queue;
mod redrive;
mod waiting;
mod watch;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use redis::{FromRedisValue, RedisError, Script};
use smswatch_plugin::async_trait;
use smswatch_plugin::model::{DeliveryId, EventKind, MessageId, Timestamp};
use smswatch_plugin::record::Record;
use smswatch_plugin::store::{
    Attempt, ClaimedDeliveries, ClaimedWatches, CommitStep, Committed, Completion, DeadLetter,
    DeliveryFilter, DeliveryState, EventFilter, Gauges, HistoryBounds, KeptAside, LeaseId,
    LeftStep, Loaded, LogEntry, LogPosition, LogSlice, Memo, NewDelivery, NewEntry, Outcomes, Page,
    PageRequest, Priority, QueueRequest, QueueSlice, Rate, Redrive, RedriveOutcome, RedriveStep,
    Redriven, Reserved, RouteOutcome, RouteStep, Shard, Store, StoreError, StoredDelivery, Trimmed,
    WatchPriority,
};

use self::left::Offers;
use self::queue::{DeliveryClaim, FirstClaims, Pick};
use crate::call::Call;
use crate::clock::{Expectation, MOST_AHEAD};
use crate::connection::Link;
use crate::error::store_error;
use crate::open::{OpenError, RedisOptions, open};
use crate::scripts::Scripts;

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
    counted: Arc<Mutex<HashMap<Shard, history::Counted>>>,
    /// Claims whose answer was lost. A shard has few: it releases them before it claims.
    unanswered: Arc<Mutex<HashSet<(Shard, LeaseId)>>>,
    /// The same for claims of deliveries; a queue's are given back before it is claimed from.
    unanswered_deliveries: Arc<Mutex<HashSet<DeliveryClaim>>>,
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
            unanswered_deliveries: Arc::default(),
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

    /// Asks all shards together for the time, and tells them what it should be at least: so each of them
    /// notices a clock that was set back or stands still, and a shard that cannot be used is noticed.
    async fn tick(&self) -> Result<Timestamp, StoreError> {
        let expected = self.clock.least().map_or(0, Timestamp::as_millis);
        let ticks = (0..self.shards).map(|shard| async move {
            let mut call = self.call(&self.scripts.tick, Shard(shard));
            call.arg(expected).arg(millis(MOST_AHEAD));
            self.invoke::<i64>(&call).await
        });
        let mut now = Err(StoreError::Unexpected("no shard tells the time".to_owned()));
        for tick in join_all(ticks).await {
            match tick {
                Ok(tick) => {
                    let tick = Timestamp::from_millis(tick);
                    now = Ok(now.map_or(tick, |now: Timestamp| now.max(tick)));
                }
                Err(error @ StoreError::Unavailable(_)) => return Err(error),
                // What it holds does not belong there; the others know what time it is.
                Err(error) => now = now.or(Err(error)),
            }
        }
        now.inspect(|now| self.clock.shown(*now))
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

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.tick().await
    }

    async fn load(
        &self,
        shard: Shard,
        message_ids: &[MessageId],
    ) -> Result<Vec<Loaded>, StoreError> {
        self.load_records(shard, message_ids).await
    }

    async fn claim(
        &self,
        shard: Shard,
        priority: WatchPriority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedWatches, StoreError> {
        self.claim_watches(shard, priority, limit, lease).await
    }

    async fn release(&self, shard: Shard, lease: LeaseId) -> Result<(), StoreError> {
        let mut call = self.call(&self.scripts.release, shard);
        call.arg(lease.0);
        self.invoke(&call).await
    }

    async fn commit(&self, shard: Shard, step: &CommitStep) -> Result<Committed, StoreError> {
        self.commit_watches(shard, step).await
    }

    async fn watches(&self, page: &PageRequest) -> Result<Page<(MessageId, Record)>, StoreError> {
        self.watch_page(page).await
    }

    async fn read_log(&self, shard: Shard, limit: u32) -> Result<LogSlice, StoreError> {
        self.log_slice(shard, limit).await
    }

    async fn route(&self, shard: Shard, step: &RouteStep) -> Result<RouteOutcome, StoreError> {
        self.route_step(shard, step).await
    }

    async fn recall(
        &self,
        shard: Shard,
        priority: WatchPriority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        let mut call = self.call(&self.scripts.recall, shard);
        call.arg(priority.index()).arg(millis(furthest));
        self.invoke(&call).await
    }

    async fn put_aside(
        &self,
        shard: Shard,
        priority: WatchPriority,
        message_ids: &[MessageId],
    ) -> Result<(), StoreError> {
        self.put_watches_aside(shard, priority, message_ids).await
    }

    async fn left_entries(
        &self,
        shard: Shard,
        after: Option<&LogPosition>,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        self.entries_left(shard, after, limit).await
    }

    async fn route_left(&self, shard: Shard, step: &LeftStep) -> Result<u64, StoreError> {
        self.route_entries_left(shard, step).await
    }

    async fn set_aside(&self) -> Result<Vec<KeptAside>, StoreError> {
        self.all_set_aside().await
    }

    async fn enqueue_all(
        &self,
        shard: Shard,
        deliveries: &[NewDelivery],
    ) -> Result<u64, StoreError> {
        self.queue(shard, deliveries).await
    }

    async fn events(
        &self,
        filter: &EventFilter,
        page: &PageRequest,
    ) -> Result<Page<Vec<u8>>, StoreError> {
        self.event_page(filter, page).await
    }

    async fn claim_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        limit: u32,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError> {
        self.claim_queue(shard, sink, priority, limit, lease, Pick::Due)
            .await
    }

    async fn claim_early(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError> {
        self.claim_queue(shard, sink, priority, 1, lease, Pick::First)
            .await
    }

    async fn make_due(&self, shard: Shard, sink: &str) -> Result<u64, StoreError> {
        let [critical, normal] = Priority::ALL;
        let critical = self.make_due_in(shard, sink, critical).await?;
        Ok(critical + self.make_due_in(shard, sink, normal).await?)
    }

    async fn complete(
        &self,
        shard: Shard,
        sink: &str,
        completions: &[Completion],
    ) -> Result<Outcomes, StoreError> {
        self.complete_deliveries(shard, sink, completions).await
    }

    async fn waiting(
        &self,
        shard: Shard,
        sink: &str,
        request: QueueRequest,
    ) -> Result<QueueSlice, StoreError> {
        self.queue_slice(shard, sink, &request).await
    }

    async fn dead_letter(
        &self,
        shard: Shard,
        sink: &str,
        dead_letters: &[DeadLetter],
        attempt: &Attempt,
    ) -> Result<Outcomes, StoreError> {
        self.dead_letter_waiting(shard, sink, dead_letters, attempt)
            .await
    }

    async fn leave_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        ids: &[DeliveryId],
    ) -> Result<u64, StoreError> {
        self.leave_waiting(shard, sink, priority, ids).await
    }

    async fn recall_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        self.recall_queue(shard, sink, priority, furthest).await
    }

    async fn delivery(&self, id: &DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
        self.find_delivery(id).await
    }

    async fn deliveries(
        &self,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredDelivery>, StoreError> {
        self.delivery_page(filter, page).await
    }

    async fn redrive(&self, shard: Shard, step: RedriveStep) -> Result<Redriven, StoreError> {
        self.redrive_list(shard, &step).await
    }

    async fn redrive_one(
        &self,
        id: &DeliveryId,
        action: Redrive,
        states: &[DeliveryState],
    ) -> Result<RedriveOutcome, StoreError> {
        self.redrive_found(id, action, states).await
    }

    async fn reserve(&self, name: &str, rate: Rate, want: u32) -> Result<Reserved, StoreError> {
        self.reserve_permits(name, rate, want).await
    }

    async fn memo(&self, shard: Shard, name: &str) -> Result<Option<Memo>, StoreError> {
        self.read_memo(shard, name).await
    }

    async fn put_memo(
        &self,
        shard: Shard,
        name: &str,
        expected: Option<u64>,
        value: Vec<u8>,
        entries: Vec<NewEntry>,
    ) -> Result<bool, StoreError> {
        self.write_memo(shard, name, expected, &value, &entries)
            .await
    }

    async fn gauges(&self) -> Result<Gauges, StoreError> {
        self.count_all().await
    }

    async fn trim(&self, shard: Shard, bounds: &HistoryBounds) -> Result<Trimmed, StoreError> {
        self.trim_history(shard, bounds).await
    }
}
