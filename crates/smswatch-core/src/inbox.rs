//! What each stage takes in. Stages know one another by these alone, and hand work on through them.

pub(crate) mod appended;
pub(crate) mod backlog;
pub(crate) mod changes;
pub(crate) mod due_times;
pub(crate) mod ended_poll;
pub(crate) mod fill_level;
pub(crate) mod leases;
pub(crate) mod log_tail;
pub(crate) mod put_aside;
pub(crate) mod requests;
pub(crate) mod unknown_words;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc;

use self::appended::AppendedTo;
use self::backlog::Backlog;
use self::due_times::DueTimes;
use self::fill_level::FillLevel;
use self::leases::OpenLeases;
use self::log_tail::{LogTail, NewEntries};
use self::put_aside::PutAside;
use crate::live::Live;
use crate::metrics::{Metrics, SinkName};
use crate::store::{NewDelivery, Priority, Shard, WatchPriority};

/// Watches that become due, for the first stage.
#[derive(Debug)]
pub(crate) struct PollInbox {
    /// When each shard has a watch due, by priority.
    pub(crate) due: [DueTimes; 2],
    /// How many watches are left to a later version.
    pub(crate) put_aside: PutAside,
    /// The leases of the watches that are claimed just now.
    pub(crate) leases: OpenLeases,
}

impl PollInbox {
    pub(crate) fn new(shards: u16) -> Self {
        Self {
            due: [(); 2].map(|()| DueTimes::new(usize::from(shards))),
            put_aside: PutAside::new(shards),
            leases: OpenLeases::default(),
        }
    }

    pub(crate) fn due(&self, priority: WatchPriority) -> &DueTimes {
        &self.due[priority.index()]
    }

    /// Anything in `shard` may be due now.
    pub(crate) fn hint_now(&self, shard: Shard) {
        for due in &self.due {
            due.hint_now(usize::from(shard.0));
        }
    }
}

/// Entries of the log, for the third stage.
#[derive(Debug)]
pub(crate) struct LogInbox {
    /// Which shards have something to route.
    pub(crate) due: DueTimes,
    /// What this process has just appended.
    pub(crate) tail: LogTail,
    pub(crate) backlog: Backlog,
    /// Notified when this process appends, for streams that follow the log.
    pub(crate) appended: AppendedTo,
}

impl LogInbox {
    /// An inbox, and what comes out of its tail.
    pub(crate) fn new(shards: u16) -> (Self, mpsc::UnboundedReceiver<NewEntries>) {
        let (tail, appended) = LogTail::new();
        let inbox = Self {
            due: DueTimes::new(usize::from(shards)),
            tail,
            backlog: Backlog::new(shards),
            appended: AppendedTo::new(shards),
        };
        (inbox, appended)
    }

    /// Something was appended to the log of `shard`, and is to be read from there.
    pub(crate) fn hint_now(&self, shard: Shard) {
        self.due.hint_now(usize::from(shard.0));
    }

    /// These entries were appended.
    pub(crate) fn appended(&self, entries: NewEntries) {
        self.appended.note(entries.shard);
        self.tail.push(entries, &self.due);
    }
}

/// Groups of events that are to be told some time.
#[derive(Debug)]
pub(crate) struct GroupInbox {
    /// When each shard has a group due.
    pub(crate) due: DueTimes,
}

impl GroupInbox {
    pub(crate) fn new(shards: u16) -> Self {
        Self {
            due: DueTimes::new(usize::from(shards)),
        }
    }
}

/// The deliveries of one sink, for the fourth stage.
#[derive(Debug)]
pub(crate) struct QueueInbox {
    /// When each shard has a delivery due, by priority.
    pub(crate) due: [DueTimes; 2],
    /// How much was queued since the length of the queue was last checked.
    pub(crate) fill_level: FillLevel,
    /// How many deliveries are left to a later version.
    pub(crate) left: PutAside,
}

impl QueueInbox {
    pub(crate) fn new(shards: u16) -> Self {
        Self {
            due: [(); 2].map(|()| DueTimes::new(usize::from(shards))),
            fill_level: FillLevel::default(),
            left: PutAside::new(shards),
        }
    }

    pub(crate) fn due(&self, priority: Priority) -> &DueTimes {
        &self.due[priority.index()]
    }

    /// Anything in `shard` may be due now.
    pub(crate) fn hint_now(&self, shard: Shard) {
        for due in &self.due {
            due.hint_now(usize::from(shard.0));
        }
    }

    /// `count` deliveries of this priority were queued in `shard`, due at once.
    pub(crate) fn queued(&self, shard: Shard, priority: Priority, count: u64) {
        self.due(priority).hint_now(usize::from(shard.0));
        self.fill_level.queued(count);
    }

    /// `count` deliveries of any priority were queued again in `shard`.
    pub(crate) fn requeued(&self, shard: Shard, count: u64) {
        self.hint_now(shard);
        self.fill_level.queued(count);
    }
}

/// Inboxes of sinks, by name.
pub(crate) type QueueInboxes = BTreeMap<String, Arc<QueueInbox>>;

/// The inboxes of all sinks that are configured. Cheap to clone; a reload changes all clones.
#[derive(Debug, Clone)]
pub(crate) struct Queues(Arc<Live<QueueInboxes>>);

impl Queues {
    /// Those of no sink.
    pub(crate) fn none() -> Self {
        Self(Arc::new(Live::new(Arc::default())))
    }

    /// From now on these are the inboxes.
    pub(crate) fn replace(&self, inboxes: QueueInboxes) {
        self.0.replace(Arc::new(inboxes));
    }

    /// Whether a sink of this name is configured.
    pub(crate) fn has(&self, sink: &str) -> bool {
        self.0.get().contains_key(sink)
    }

    /// These deliveries were queued in `shard`: their sinks attempt them now. Those that are held back are
    /// counted.
    pub(crate) fn queued<'d>(
        &self,
        shard: Shard,
        deliveries: impl IntoIterator<Item = &'d NewDelivery>,
        metrics: &Metrics,
    ) {
        let mut counts: BTreeMap<(&str, Priority), u64> = BTreeMap::new();
        for delivery in deliveries {
            if delivery.suppressed.is_some() {
                metrics.suppressed(&SinkName(delivery.sink.as_str().into()));
                continue;
            }
            let queue = (delivery.sink.as_str(), delivery.priority);
            *counts.entry(queue).or_default() += 1;
        }
        let inboxes = self.0.get();
        for ((sink, priority), count) in counts {
            if let Some(inbox) = inboxes.get(sink) {
                inbox.queued(shard, priority, count);
            }
        }
    }
}
