//! Fills a store with history through its seam: much faster than living through it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use futures::future::try_join_all;
use smswatch_model::{DeliveryId, Event, EventKind, MessageId, Timestamp};
use smswatch_plugin::codec;
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Attempt, CommitItem, CommitStep, Completion, NewDelivery, NewEntry, Outcome, Pick, Priority,
    RouteStep, Shard, Store, WatchPriority, shard_of,
};
use smswatch_testkit::sample;

/// How much history there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Amounts {
    /// Log entries, one in twenty of a rare kind.
    pub(super) entries: u64,
    /// Deliveries that have come to an end, one in twenty of them dead.
    pub(super) deliveries: u64,
    /// Watches that are final.
    pub(super) watches: u64,
}

/// How many items one step writes.
const STEP: usize = 500;

/// In how long the watches of the history are due: later than the benchmark ends, and no later than an engine would have
/// planned. Watches that are due further ahead than that are recalled and polled beside what is measured.
const LONG: Duration = Duration::from_secs(6 * 24 * 3600);

/// Writes it all, and routes the log. The names of things are numbered from `first` on, so that a
/// store can be filled twice.
pub(super) async fn fill(store: &dyn Store, amounts: Amounts, first: u64) -> anyhow::Result<()> {
    let now = store.now(Shard(0)).await?;
    watches(store, amounts, first, now).await?;
    route(store).await?;
    deliveries(store, first..first + amounts.deliveries).await
}

fn id(n: u64) -> anyhow::Result<MessageId> {
    // No two of them alike, and spread as UUIDs are.
    let odd = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (first, last) = (odd >> 32, odd & 0xffff_ffff);
    let text = format!("{first:08x}-91d4-4d4e-8f6f-0000{last:08x}");
    Ok(MessageId::new(text)?)
}

/// Items by shard, written whenever there are enough of them.
struct Batches<'a, T> {
    store: &'a dyn Store,
    by_shard: BTreeMap<Shard, Vec<T>>,
}

impl<'a, T> Batches<'a, T> {
    fn new(store: &'a dyn Store) -> Self {
        Self {
            store,
            by_shard: BTreeMap::new(),
        }
    }

    /// Adds an item, and returns those of its shard when it is time to write them.
    fn add(&mut self, id: &MessageId, item: T) -> Option<(Shard, Vec<T>)> {
        let shard = shard_of(id.as_str(), self.store.shard_count());
        let items = self.by_shard.entry(shard).or_default();
        items.push(item);
        (items.len() >= STEP).then(|| (shard, std::mem::take(items)))
    }
}

/// Registers watches, and appends entries about them again and again.
async fn watches(
    store: &dyn Store,
    amounts: Amounts,
    first: u64,
    now: Timestamp,
) -> anyhow::Result<()> {
    let entries = Entries::new();
    let record = Record::new(WatchState::Final, now + LONG, &[7; 36]);
    let mut batches = Batches::new(store);
    for n in 0..amounts.watches.max(amounts.entries) {
        let is_new = n < amounts.watches;
        let id = id(first + n % amounts.watches.max(1))?;
        let item = CommitItem {
            expected: (!is_new).then(|| record.clone()),
            record: Some(record.clone()),
            priority: WatchPriority::Rest,
            entry: (n < amounts.entries).then(|| entries.about(&id, n)),
            message_id: id.clone(),
        };
        if let Some((shard, items)) = batches.add(&id, item) {
            commit(store, shard, items).await?;
        }
    }
    let rest = batches.by_shard.into_iter();
    try_join_all(rest.map(|(shard, items)| commit(store, shard, items))).await?;
    Ok(())
}

async fn commit(store: &dyn Store, shard: Shard, items: Vec<CommitItem>) -> anyhow::Result<()> {
    let step = CommitStep {
        items,
        finished: Vec::new(),
    };
    store.commit(shard, &step).await?;
    Ok(())
}

/// Entries of the usual size.
struct Entries {
    common: Event,
}

impl Entries {
    fn new() -> Self {
        Self {
            common: sample::notification().events.remove(0),
        }
    }

    fn about(&self, id: &MessageId, n: u64) -> NewEntry {
        let mut event = self.common.clone();
        event.message.message_id = Some(id.clone());
        if n.is_multiple_of(20) {
            event.kind = EventKind::SinkDown;
        }
        NewEntry::of(&[event])
    }
}

/// Moves every cursor to the end of its log.
async fn route(store: &dyn Store) -> anyhow::Result<()> {
    for shard in (0..store.shard_count()).map(Shard) {
        loop {
            let slice = store.read_log(shard, 10_000).await?;
            let Some(last) = slice.entries.last() else {
                break;
            };
            let step = RouteStep {
                from: slice.cursor,
                to: last.position.clone(),
                entries: u64::try_from(slice.entries.len())?,
                deliveries: Vec::new(),
                records: Vec::new(),
                set_aside: Vec::new(),
            };
            store.route(shard, &step).await?;
        }
    }
    Ok(())
}

/// Queues deliveries of a sink that is not configured, and brings them to their end.
async fn deliveries(store: &dyn Store, numbers: Range<u64>) -> anyhow::Result<()> {
    let notification = codec::encode_notification(&sample::notification());
    let mut batches = Batches::new(store);
    for n in numbers {
        let message_id = id(n)?;
        let new = NewDelivery {
            id: DeliveryId::new(format!("dlv_{n:032x}"))?,
            sink: "archive".to_owned(),
            rule: format!("rule-{}", n % 10),
            priority: Priority::Normal,
            message_ids: vec![message_id.clone()],
            body: notification.clone(),
            suppressed: None,
        };
        if let Some((shard, new)) = batches.add(&message_id, new) {
            end(store, shard, new).await?;
        }
    }
    let rest = batches.by_shard.into_iter();
    try_join_all(rest.map(|(shard, new)| end(store, shard, new))).await?;
    Ok(())
}

async fn end(store: &dyn Store, shard: Shard, new: Vec<NewDelivery>) -> anyhow::Result<()> {
    store.enqueue_all(shard, &new).await?;
    let (sink, normal, lease) = ("archive", Priority::Normal, Duration::from_secs(60));
    let limit = u32::try_from(new.len())?;
    let claimed = store.claim_deliveries(shard, sink, normal, Pick::Due(limit), lease);
    let claimed = claimed.await?;
    let completion = |(n, one): (usize, smswatch_plugin::store::ClaimedDelivery)| {
        let outcome = match n % 20 {
            0 => Outcome::Dead,
            _ => Outcome::Delivered,
        };
        Completion {
            id: one.id,
            token: one.token,
            outcome,
            attempt: Attempt {
                at: claimed.now,
                result: "delivered".to_owned(),
                detail: "200 OK".to_owned(),
            },
            fallback: None,
        }
    };
    let completions = claimed.deliveries.into_iter().enumerate().map(completion);
    let completions: Vec<_> = completions.collect();
    store.complete(shard, sink, &completions).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use smswatch_plugin::store::{EventFilter, Log as _, PageRequest, Records as _};

    use super::*;

    #[tokio::test]
    async fn a_filled_store_holds_what_was_asked_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store.db");
        let store = smswatch_store_sqlite::SqliteStore::open(&path).expect("a store");
        let amounts = Amounts {
            entries: 2_100,
            deliveries: 700,
            watches: 1_200,
        };
        fill(&store, amounts, 5).await.expect("it is filled");
        let gauges = store.gauges().await.expect("counts");
        assert_eq!(gauges.watches, [(WatchState::Final, 1_200)]);
        assert_eq!((gauges.unrouted, gauges.queues[0].pending), (0, 0));
        assert_eq!(gauges.queues[0].dead, 35);
        let retention = Duration::from_secs(7 * 24 * 3600);
        let recalled = store.recall(Shard(0), WatchPriority::Rest, retention).await;
        assert_eq!(recalled.expect("an answer"), 0);
        let filter = EventFilter {
            message_id: Some(id(7).expect("an id")),
            kind: None,
        };
        let page = PageRequest {
            cursor: None,
            limit: 10,
        };
        let found = store.events(&filter, &page).await.expect("a page");
        assert_eq!(found.items.len(), 2);
    }
}
