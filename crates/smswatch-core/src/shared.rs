//! What all stages of one process share.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use smswatch_model::{MessageId, Timestamp};
use tokio::sync::Notify;

use crate::alarm::Alarms;
use crate::clock::StoreClock;
use crate::deliver::breaker::Breaker;
use crate::deliver::dead::DeadLetters;
use crate::deliver::fill_level::FillLevel;
use crate::deliver::host::SinkHost;
use crate::due_times::DueTimes;
use crate::health::{CONTENTS, Health, STORE};
use crate::intake::Intake;
use crate::limiter::Limiter;
use crate::metrics::{Metrics, OperationLabel, SinkName};
use crate::privacy::Privacy;
use crate::provider::Provider;
use crate::route::fresh::LogTail;
use crate::rules::Rules;
use crate::service::counts::Counts;
use crate::settings::{Settings, SinkSettings};
use crate::store::{LeaseId, Priority, Shard, Store, StoreError, WatchPriority, shard_of};
use crate::watch::lifecycle::Lifecycle;

/// A sink with all that belongs to it.
#[derive(Debug)]
pub(crate) struct SinkUnit {
    pub(crate) name: SinkName,
    /// The sink itself, on its own threads.
    pub(crate) host: SinkHost,
    pub(crate) settings: SinkSettings,
    /// Keeps to the sink's `rate`, if it has one.
    pub(crate) limiter: Option<Limiter>,
    /// When each shard has a delivery due, by priority.
    pub(crate) due_times: [DueTimes; 2],
    /// How much was queued since somebody looked whether it is too much.
    pub(crate) fill_level: FillLevel,
    /// Whether it takes deliveries.
    pub(crate) breaker: Breaker,
    /// What waits to be written about its deliveries, by shard.
    pub(crate) outcomes: Intake,
    /// How many of its deliveries are left to a later version.
    pub(crate) left: PutAside,
}

impl SinkUnit {
    pub(crate) fn due_times(&self, priority: Priority) -> &DueTimes {
        &self.due_times[priority.index()]
    }

    /// So many deliveries of this priority were queued in `shard`, due at once.
    pub(crate) fn queued(&self, shard: Shard, priority: Priority, count: u64) {
        self.due_times(priority).hint_now(usize::from(shard.0));
        self.fill_level.queued(count);
    }

    /// So many deliveries, of whichever priority, were queued again in `shard`.
    pub(crate) fn requeued(&self, shard: Shard, count: u64) {
        for due_times in &self.due_times {
            due_times.hint_now(usize::from(shard.0));
        }
        self.fill_level.queued(count);
    }

    pub(crate) fn name(&self) -> &str {
        &self.name.0
    }

    /// The sink's name among the parts of the health report, and among the store's rates.
    pub(crate) fn part(&self) -> String {
        format!("sink:{}", self.name())
    }
}

#[derive(Debug)]
pub(crate) struct Shared {
    /// Tells this process from all others on the store.
    pub(crate) process: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) provider: Arc<dyn Provider>,
    pub(crate) rules: Arc<dyn Rules>,
    pub(crate) privacy: Privacy,
    pub(crate) settings: Settings,
    pub(crate) clock: StoreClock,
    pub(crate) metrics: Metrics,
    pub(crate) health: Health,
    pub(crate) alarms: Alarms,
    /// When each shard has a watch due, by priority.
    pub(crate) polls: [DueTimes; 2],
    /// Which shards have something to route.
    pub(crate) routes: DueTimes,
    /// What this process has just appended to the log.
    pub(crate) fresh: LogTail,
    pub(crate) sinks: BTreeMap<String, Arc<SinkUnit>>,
    /// What waits to be written about watches, by shard.
    pub(crate) commits: Intake,
    /// How many watches are left to a later version.
    pub(crate) put_aside: PutAside,
    pub(crate) backlog: Backlog,
    pub(crate) leases: OpenLeases,
    pub(crate) contents: Contents,
    /// What was given up and is not told yet.
    pub(crate) dead: DeadLetters,
    pub(crate) counts: Counts,
}

impl Shared {
    pub(crate) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..self.store.shard_count()).map(Shard)
    }

    /// The shard of a message, whatever the case of its id.
    pub(crate) fn shard_of(&self, message_id: &MessageId) -> Shard {
        self.shard_of_key(&message_id.to_lowercase())
    }

    /// The shard of a watch that the store knows under exactly this id.
    pub(crate) fn shard_of_key(&self, key: &MessageId) -> Shard {
        shard_of(key.as_str(), self.store.shard_count())
    }

    pub(crate) fn lifecycle(&self) -> Lifecycle<'_> {
        Lifecycle {
            settings: &self.settings.watch,
            privacy: &self.privacy,
            provider: self.provider.name(),
            shards: self.store.shard_count(),
        }
    }

    pub(crate) fn polls(&self, priority: WatchPriority) -> &DueTimes {
        &self.polls[priority.index()]
    }

    /// Measures a call to the store and notes whether the store is well.
    pub(crate) async fn call<T>(
        &self,
        operation: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let result = call.await;
        let label = OperationLabel { op: operation };
        let seconds = started.elapsed().as_secs_f64();
        self.metrics
            .store_seconds
            .get_or_create(&label)
            .observe(seconds);
        if let Err(error) = &result {
            self.note(operation, error);
        }
        result
    }

    /// Notes that a call of the store failed, as trouble of the part that it says something about.
    pub(crate) fn note(&self, operation: &'static str, error: &StoreError) {
        match error {
            StoreError::Unavailable(_) => self.health.trouble(STORE, &error.to_string()),
            StoreError::Unexpected(what) => {
                tracing::debug!(operation, what, "the store holds something unexpected");
                self.contents
                    .unexpected(&self.health, self.clock.now(), what);
            }
            StoreError::Cursor(_) => {}
        }
    }
}

/// When something unexpected was last found in the store. Whatever it is in the way of is tried again
/// and again, so a while without it means that it is gone.
#[derive(Debug, Default)]
pub(crate) struct Contents(AtomicI64);

impl Contents {
    /// How long after it was found last it counts as gone.
    const QUIET: Duration = Duration::from_secs(60);

    fn unexpected(&self, health: &Health, now: Timestamp, what: &str) {
        self.0.fetch_max(now.as_millis(), Ordering::Relaxed);
        health.trouble(CONTENTS, what);
    }

    /// Says that all is well once that is so, or what is left to a later version.
    pub(crate) fn pulse(&self, health: &Health, now: Timestamp, left: &Left) {
        let found_at = Timestamp::from_millis(self.0.load(Ordering::Relaxed));
        if now.since(found_at) <= Self::QUIET {
            return;
        }
        if let Some(words) = left.words() {
            health.trouble(CONTENTS, &words);
        } else if health.is_in_trouble(CONTENTS) {
            health.well(CONTENTS);
        }
    }
}

/// How much is left to a later version, as far as this process knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Left {
    pub(crate) watches: u64,
    pub(crate) deliveries: u64,
}

impl Left {
    /// What there is of it, for people; `None` if there is nothing.
    fn words(&self) -> Option<String> {
        let kinds = [
            (self.watches, "watch", "watches"),
            (self.deliveries, "delivery", "deliveries"),
        ];
        let named = kinds.into_iter().filter(|(count, ..)| *count > 0);
        let named = named.map(|(count, one, more)| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {more}"),
        });
        let named: Vec<_> = named.collect();
        let verb = if self.watches + self.deliveries == 1 {
            "is"
        } else {
            "are"
        };
        (!named.is_empty()).then(|| {
            format!(
                "{} {verb} left to a later version of smswatch, which wrote what this one cannot read",
                named.join(" and ")
            )
        })
    }
}

/// How much of each queue is left to a later version, as far as claims have told.
#[derive(Debug)]
pub(crate) struct PutAside([Box<[AtomicU64]>; 2]);

impl PutAside {
    pub(crate) fn new(shards: u16) -> Self {
        let zeros = || (0..shards).map(|_| AtomicU64::new(0)).collect();
        Self([zeros(), zeros()])
    }

    /// So much is left of the queue of a priority, which stands at `index` among them.
    pub(crate) fn set(&self, index: usize, shard: Shard, count: u64) {
        self.0[index][usize::from(shard.0)].store(count, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        let counts = self.0.iter().flatten();
        counts.map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

/// How much of the log is not routed, so that watching can wait for the rest.
#[derive(Debug)]
pub(crate) struct Backlog {
    unrouted: Box<[AtomicU64]>,
    routed: Notify,
}

impl Backlog {
    /// How many unrouted entries make watching wait.
    const FULL: u64 = 20_000;

    pub(crate) fn new(shards: u16) -> Self {
        let unrouted = (0..shards).map(|_| AtomicU64::new(0)).collect();
        Self {
            unrouted,
            routed: Notify::new(),
        }
    }

    pub(crate) fn set(&self, shard: Shard, unrouted: u64) {
        let before = self.unrouted[usize::from(shard.0)].swap(unrouted, Ordering::Relaxed);
        if unrouted < before {
            self.routed.notify_waiters();
        }
    }

    /// Fewer entries were read than were asked for: these are all. Others may have routed what this
    /// process had counted.
    pub(crate) fn read_all(&self, shard: Shard, entries: usize) {
        self.set(shard, u64::try_from(entries).unwrap_or(u64::MAX));
    }

    pub(crate) fn routed(&self, shard: Shard, entries: u64) {
        let unrouted = &self.unrouted[usize::from(shard.0)];
        let subtract = |count: u64| Some(count.saturating_sub(entries));
        // The closure always answers, so the update always takes place.
        let _before = unrouted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
        self.routed.notify_waiters();
    }

    /// Whether all shards together have too much. One that is not routed at all counts as its share:
    /// the others go on.
    pub(crate) fn is_full(&self) -> bool {
        let counts = self.unrouted.iter();
        let counts = counts.map(|count| count.load(Ordering::Relaxed).min(self.share()));
        counts.sum::<u64>() >= Self::FULL
    }

    /// Whether `shard` has so much that its own watches wait.
    pub(crate) fn is_shard_full(&self, shard: Shard) -> bool {
        self.unrouted[usize::from(shard.0)].load(Ordering::Relaxed) >= self.share()
    }

    /// How many entries one shard may contribute to what makes all of them wait.
    fn share(&self) -> u64 {
        if self.unrouted.len() == 1 {
            Self::FULL
        } else {
            Self::FULL / 4
        }
    }

    /// Waits until there is room again; checks at least once a second, should a notice be missed.
    pub(crate) async fn room(&self) {
        while self.is_full() {
            let routed = self.routed.notified();
            tokio::select! {
                () = routed => {}
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}

/// The leases of watches that this process holds, to be given back when it ends early.
#[derive(Debug, Default)]
pub(crate) struct OpenLeases(Mutex<HashSet<(Shard, LeaseId)>>);

impl OpenLeases {
    pub(crate) fn add(&self, shard: Shard, lease: &LeaseId) {
        self.lock().insert((shard, lease.clone()));
    }

    pub(crate) fn remove(&self, shard: Shard, leases: &[LeaseId]) {
        let mut open = self.lock();
        for lease in leases {
            open.remove(&(shard, lease.clone()));
        }
    }

    pub(crate) fn take_all(&self) -> HashSet<(Shard, LeaseId)> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<(Shard, LeaseId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unexpected_in_the_store_is_told_until_it_is_gone() {
        let (contents, health) = (Contents::default(), Health::new([]));
        let now = Timestamp::from_seconds(1_777_636_800);
        contents.pulse(&health, now, &Left::default());
        assert!(!health.is_in_trouble(CONTENTS));
        contents.unexpected(&health, now, "a record of another version");
        contents.pulse(&health, now + Contents::QUIET, &Left::default());
        assert!(health.is_in_trouble(CONTENTS));
        let later = now + Contents::QUIET + Duration::from_secs(1);
        contents.pulse(&health, later, &Left::default());
        assert!(!health.is_in_trouble(CONTENTS));
        let left = Left {
            watches: 0,
            deliveries: 3,
        };
        contents.pulse(&health, later, &left);
        assert!(
            health.is_in_trouble(CONTENTS),
            "three deliveries are left to others"
        );
        contents.pulse(&health, later, &Left::default());
        assert!(!health.is_in_trouble(CONTENTS));
    }

    #[test]
    fn what_is_left_to_a_later_version_is_said_by_its_kind() {
        let said = |watches, deliveries| {
            let left = Left {
                watches,
                deliveries,
            };
            left.words()
        };
        assert_eq!(said(0, 0), None);
        let behind = "left to a later version of smswatch, which wrote what this one cannot read";
        assert_eq!(said(1, 0), Some(format!("1 watch is {behind}")));
        assert_eq!(said(0, 2), Some(format!("2 deliveries are {behind}")));
        assert_eq!(
            said(3, 1),
            Some(format!("3 watches and 1 delivery are {behind}"))
        );
    }

    #[test]
    fn a_shard_that_is_not_routed_does_not_make_the_others_wait() {
        let backlog = Backlog::new(16);
        backlog.set(Shard(3), 10 * Backlog::FULL);
        assert!(!backlog.is_full());
        assert!(backlog.is_shard_full(Shard(3)) && !backlog.is_shard_full(Shard(4)));
        for shard in 4..7 {
            backlog.set(Shard(shard), Backlog::FULL / 4);
        }
        assert!(backlog.is_full());
    }

    #[test]
    fn what_others_have_routed_makes_room_too() {
        let backlog = Backlog::new(1);
        backlog.set(Shard(0), Backlog::FULL + 5);
        backlog.routed(Shard(0), 5);
        assert!(backlog.is_full());
        backlog.read_all(Shard(0), 3);
        assert!(!backlog.is_full());
    }
}
