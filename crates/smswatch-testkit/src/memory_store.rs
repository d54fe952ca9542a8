//! A store in memory whose clock is Tokio's: a test that pauses that clock has hours pass in milliseconds.
//!
//! It keeps every promise of [`store_suite!`](crate::store_suite!), and is written to be read: maps behind one lock,
//! each step a function on one shard. What is due it finds without reading the rest, so that it can hold the watches
//! and records of a day; lists, counts and queues of deliveries read all that there is.

mod deliveries;
mod history;
mod kept;
mod log;
mod queue;
mod rates;
mod schedule;
mod watches;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{Gauges, KeptAside, Memo, Shard, Store, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;

use self::deliveries::Delivery;
use self::kept::Kept;
use self::log::ShardLog;
use self::watches::Watches;

/// How often what is left to a later version is offered to a claim.
const OFFERED_EVERY: Duration = Duration::from_secs(60);

/// A store in memory. Clones share what it holds, as several processes share one server.
#[derive(Debug, Clone)]
pub struct MemoryStore {
    contents: Arc<Mutex<Contents>>,
    start: Timestamp,
    started: Instant,
    /// This handle's way to the contents is cut.
    is_cut: Arc<AtomicBool>,
    /// Which answers are held back.
    hangs: Arc<watch::Sender<Hanging>>,
    /// How many more answers are lost of the steps that end deliveries, by the name of the step.
    lost_endings: Arc<Mutex<BTreeMap<&'static str, u32>>>,
    /// How many more route steps do not take place.
    lost_routes: Arc<AtomicU32>,
    /// How many more times watches cannot be read.
    failing_loads: Arc<AtomicU32>,
    /// How many more times records cannot be changed.
    failing_records: Arc<AtomicU32>,
    /// How many more times it is not told that records are changed.
    lost_answers: Arc<AtomicU32>,
    /// How many steps of watches do not take place yet, and after what time each fails.
    failing_commits: Arc<Mutex<(u32, Duration)>>,
}

/// Which answers of a store are held back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Hanging {
    /// None.
    #[default]
    Nothing,
    /// All but those that tell the time.
    Work,
    /// All of them.
    Everything,
}

/// All that a store holds.
#[derive(Debug)]
struct Contents {
    shards: Vec<Contained>,
    rates: BTreeMap<String, i64>,
    /// What was set aside and is kept, oldest first.
    aside: VecDeque<KeptAside>,
    n_set_aside: u64,
    /// The number of the last log entry, delivery or lease: what comes later has a greater one.
    last: i64,
}

/// What a store holds of one shard.
#[derive(Debug, Default)]
struct Contained {
    watches: Watches,
    log: ShardLog,
    deliveries: BTreeMap<DeliveryId, Delivery>,
    memos: BTreeMap<String, Memo>,
    kept: Kept,
}

impl MemoryStore {
    /// An empty store of `shards` shards, at least one, whose clock shows `start`.
    #[must_use]
    pub fn new(start: Timestamp, shards: u16) -> Self {
        let contents = Contents {
            shards: (0..shards.max(1)).map(|_| Contained::default()).collect(),
            rates: BTreeMap::new(),
            aside: VecDeque::new(),
            n_set_aside: 0,
            last: 0,
        };
        Self {
            contents: Arc::new(Mutex::new(contents)),
            start,
            started: Instant::now(),
            is_cut: Arc::default(),
            hangs: Arc::default(),
            lost_endings: Arc::default(),
            lost_routes: Arc::default(),
            failing_loads: Arc::default(),
            failing_records: Arc::default(),
            lost_answers: Arc::default(),
            failing_commits: Arc::default(),
        }
    }

    /// The next route steps, `count` of them, do not take place, as if the process had died just before.
    pub fn lose_routes(&self, count: u32) {
        self.lost_routes.store(count, Ordering::Release);
    }

    /// The next `count` steps of this name that end deliveries, `complete` or `dead_letter`, take place, and their answers are lost.
    pub fn lose_endings(&self, step: &'static str, count: u32) {
        self.lost().insert(step, count);
    }

    /// The next `count` times watches cannot be read, as if the network were gone for a moment.
    pub fn fail_loads(&self, count: u32) {
        self.failing_loads.store(count, Ordering::Release);
    }

    /// The next `count` times records cannot be changed, as if the network were gone for a moment.
    pub fn fail_records(&self, count: u32) {
        self.failing_records.store(count, Ordering::Release);
    }

    /// The next `count` times records are changed and it is not told, as if the network had gone meanwhile.
    pub fn lose_answers(&self, count: u32) {
        self.lost_answers.store(count, Ordering::Release);
    }

    /// The next `count` times watches cannot be written, each of which is known after `after`.
    pub fn fail_commits(&self, count: u32, after: Duration) {
        let failing = self.failing_commits.lock();
        *failing.unwrap_or_else(PoisonError::into_inner) = (count, after);
    }

    /// The same contents by a way of its own, which can be [cut](Self::cut) without the others.
    #[must_use]
    pub fn another_way(&self) -> Self {
        Self {
            is_cut: Arc::default(),
            ..self.clone()
        }
    }

    /// From now on this handle and its clones reach nothing, as if the network were gone.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::Release);
    }

    /// Which answers are held back from now on, as if the disk, the machine or the network stood still. One that was
    /// held back comes, as it was, once it is not any more.
    pub fn hang(&self, hanging: Hanging) {
        self.hangs.send_replace(hanging);
    }

    /// Whether a route step is one of those that do not take place.
    fn loses_route(&self) -> bool {
        takes_one(&self.lost_routes)
    }

    /// Whether watches cannot be read this time.
    fn fails_load(&self) -> bool {
        takes_one(&self.failing_loads)
    }

    /// After what time a step of watches fails, if it does.
    fn fails_commit(&self) -> Option<Duration> {
        let failing = self.failing_commits.lock();
        let mut failing = failing.unwrap_or_else(PoisonError::into_inner);
        failing.0 = failing.0.checked_sub(1)?;
        Some(failing.1)
    }

    /// What is answered to a step of this name that took place.
    fn answer<T>(&self, step: &str, done: T) -> Result<T, StoreError> {
        match self.lost().get_mut(step) {
            Some(left @ 1..) => {
                *left -= 1;
                let lost = "the answer was lost".to_owned();
                Err(StoreError::Unavailable(lost))
            }
            _ => Ok(done),
        }
    }

    fn lost(&self) -> MutexGuard<'_, BTreeMap<&'static str, u32>> {
        let lost = self.lost_endings.lock();
        lost.unwrap_or_else(PoisonError::into_inner)
    }

    fn time(&self) -> Timestamp {
        self.start + self.started.elapsed()
    }

    /// One step: nobody else changes anything meanwhile.
    async fn step<T>(
        &self,
        step: impl FnOnce(&mut Contents, Timestamp) -> T,
    ) -> Result<T, StoreError> {
        if self.is_cut.load(Ordering::Acquire) {
            return Err(away());
        }
        let done = {
            let contents = self.contents.lock();
            let mut contents = contents.unwrap_or_else(PoisonError::into_inner);
            step(&mut contents, self.time())
        };
        self.answers(|hanging| hanging == Hanging::Nothing).await;
        Ok(done)
    }

    /// Waits until what is held back is such that an answer comes.
    async fn answers(&self, comes: impl Fn(Hanging) -> bool) {
        // Most tests have days pass, and none of it hang.
        if comes(*self.hangs.borrow()) {
            return;
        }
        let mut hangs = self.hangs.subscribe();
        // It fails only once the sender is gone, which this handle has.
        let _comes = hangs.wait_for(|hanging| comes(*hanging)).await;
    }
}

/// What a call says whose way is cut.
fn away() -> StoreError {
    StoreError::Unavailable("the way to it is cut".to_owned())
}

/// Takes one of those that are left; returns whether there was one.
fn takes_one(left: &AtomicU32) -> bool {
    let one_less = |count: u32| count.checked_sub(1);
    let (release, acquire) = (Ordering::Release, Ordering::Acquire);
    left.fetch_update(release, acquire, one_less).is_ok()
}

impl Contents {
    fn shard(&mut self, shard: Shard) -> &mut Contained {
        &mut self.shards[usize::from(shard.0)]
    }

    /// A shard, and the next number.
    fn numbered(&mut self, shard: Shard) -> (&mut Contained, &mut i64) {
        (&mut self.shards[usize::from(shard.0)], &mut self.last)
    }
}

/// The number after the last one.
fn next(last: &mut i64) -> i64 {
    *last += 1;
    *last
}

/// A count as the seam tells it.
fn count(items: impl Iterator) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

/// A limit as collections take it.
fn most(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[async_trait]
impl Store for MemoryStore {
    fn shard_count(&self) -> u16 {
        let contents = self.contents.lock();
        let contents = contents.unwrap_or_else(PoisonError::into_inner);
        u16::try_from(contents.shards.len()).expect("it was made of that many")
    }

    async fn now(&self, _shard: Shard) -> Result<Timestamp, StoreError> {
        if self.is_cut.load(Ordering::Acquire) {
            return Err(away());
        }
        let now = self.time();
        self.answers(|hanging| hanging != Hanging::Everything).await;
        Ok(now)
    }

    async fn gauges(&self) -> Result<Gauges, StoreError> {
        self.step(|all, _| all.gauges()).await
    }
}
