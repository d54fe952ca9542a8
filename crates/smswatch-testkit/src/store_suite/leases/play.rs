//! Plays an interleaving on a store and on the model, and compares the two at every step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::sample::Index;
use smswatch_model::{MessageId, Timestamp};
use smswatch_plugin::record::Record;
use smswatch_plugin::store::{
    CommitItem, CommitOutcome, CommitStep, LeaseId, Shard, Store, StoreError, WatchPriority,
};

use super::model::Model;
use super::{Extent, Step};
use crate::store_suite::{LONG, id_in, put, record};

/// A lease that ends between two steps, or during one.
const SHORT: Duration = Duration::from_millis(8);

struct Claim {
    lease: LeaseId,
    watches: Vec<(MessageId, Record)>,
}

struct Player {
    store: Arc<dyn Store>,
    shard: Shard,
    /// What due times are counted from.
    start: Timestamp,
    model: Model,
    /// Every claim ever made.
    claims: Vec<Claim>,
    names: BTreeMap<u32, MessageId>,
    n_records: u64,
}

/// Plays `steps`; `case` keeps the names apart from those of other cases on the same store.
///
/// # Errors
///
/// Says what the store did that the model does not allow.
pub(super) async fn play(store: Arc<dyn Store>, case: u32, steps: &[Step]) -> Result<(), String> {
    let shard = Shard(u16::try_from(case % u32::from(store.shard_count())).unwrap_or(0));
    let names = (0..super::WATCHES).map(|n| (n, id_in(&*store, shard, case * 100 + n)));
    let mut player = Player {
        start: store.now(shard).await.map_err(unavailable)? - LONG / 60,
        names: names.collect(),
        store,
        shard,
        model: Model::default(),
        claims: Vec::new(),
        n_records: 0,
    };
    let played = player.all(steps).await;
    player.leave().await?;
    played
}

fn unavailable(error: StoreError) -> String {
    format!("the store failed: {error}")
}

impl Player {
    async fn all(&mut self, steps: &[Step]) -> Result<(), String> {
        for step in steps {
            self.step(step).await?;
        }
        self.pass().await?;
        self.claim(1_000, SHORT).await?;
        self.compare().await
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Add { n } => {
                let record = self.fresh(Duration::ZERO);
                self.put(n, |current| current.is_none().then_some(Some(record)))
                    .await
            }
            Step::Tag { n } => {
                let body = self.next_body();
                let tagged = |current: &Record| Some(Some(record(current.due(), &body)));
                self.put(n, |current| current.and_then(tagged)).await
            }
            Step::Remove { n } => self.put(n, |current| current.map(|_| None)).await,
            Step::Claim { limit, is_short } => {
                let lease = if is_short { SHORT } else { LONG };
                self.claim(limit, lease).await
            }
            Step::Commit { .. } | Step::Release { .. } if self.claims.is_empty() => Ok(()),
            Step::Commit {
                which,
                extent,
                is_due_at_once,
            } => {
                let delay = if is_due_at_once { Duration::ZERO } else { LONG };
                let which = self.late(which);
                self.commit(which, extent, delay).await
            }
            Step::Release { which } => {
                let lease = self.claims[self.late(which)].lease.clone();
                let released = self.store.release(self.shard, lease.clone()).await;
                released.map_err(unavailable)?;
                self.model.release(&lease);
                Ok(())
            }
            Step::Pass => self.pass().await,
        }
    }

    /// The place of one of the latest claims: those before them are seldom worth anything.
    fn late(&self, which: Index) -> usize {
        let back = which.index(self.claims.len().min(4));
        self.claims.len() - 1 - back
    }

    fn next_body(&mut self) -> Vec<u8> {
        self.n_records += 1;
        self.n_records.to_be_bytes().to_vec()
    }

    /// A record unlike all others; due times never come back, as those of real watches do not.
    fn fresh(&mut self, delay: Duration) -> Record {
        let body = self.next_body();
        let due = self.start + delay + Duration::from_millis(self.n_records);
        record(due, &body)
    }

    /// Writes a watch over what is there, if `change` of it wants that.
    async fn put(
        &mut self,
        n: u32,
        change: impl FnOnce(Option<&Record>) -> Option<Option<Record>>,
    ) -> Result<(), String> {
        let id = &self.names[&n];
        let current = self.model.record(id);
        let Some(record) = change(current) else {
            return Ok(());
        };
        let item = put(id, current, record.as_ref());
        self.write(vec![item], Vec::new()).await.map(drop)
    }

    async fn claim(&mut self, limit: u32, lease: Duration) -> Result<(), String> {
        let claimed = self
            .store
            .claim(self.shard, WatchPriority::New, limit, lease);
        let claimed = claimed.await.map_err(unavailable)?;
        self.model.claim(limit, lease, &claimed)?;
        self.claims.extend(claimed.lease.map(|lease| Claim {
            lease,
            watches: claimed.watches,
        }));
        Ok(())
    }

    async fn commit(
        &mut self,
        which: usize,
        extent: Extent,
        delay: Duration,
    ) -> Result<(), String> {
        let count = match extent {
            Extent::First => 1,
            Extent::All => usize::MAX,
        };
        let watches: Vec<_> = self.claims[which]
            .watches
            .iter()
            .take(count)
            .cloned()
            .collect();
        let items = watches.into_iter().map(|(id, seen)| {
            let next = self.fresh(delay);
            put(&id, Some(&seen), Some(&next))
        });
        let items = items.collect();
        let finished = match extent {
            Extent::First => Vec::new(),
            Extent::All => vec![self.claims[which].lease.clone()],
        };
        self.write(items, finished).await
    }

    async fn write(
        &mut self,
        items: Vec<CommitItem>,
        finished: Vec<LeaseId>,
    ) -> Result<(), String> {
        let step = CommitStep { items, finished };
        let committed = self.store.commit(self.shard, &step).await;
        let outcomes: Vec<CommitOutcome> = committed.map_err(unavailable)?.outcomes;
        if outcomes.len() != step.items.len() {
            return Err(format!("{} outcomes for {step:?}", outcomes.len()));
        }
        for (item, outcome) in step.items.iter().zip(&outcomes) {
            self.model.commit(item, outcome)?;
        }
        Ok(())
    }

    /// Waits until every short lease has ended by the store's clock.
    async fn pass(&self) -> Result<(), String> {
        let now = async || self.store.now(self.shard).await.map_err(unavailable);
        let Some(end) = self.model.last_end_before(now().await? + LONG / 2) else {
            return Ok(());
        };
        while now().await? < end {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// The watches as they are in the store.
    async fn found(&self) -> Result<Vec<(MessageId, Option<Record>)>, String> {
        let ids: Vec<_> = self.names.values().cloned().collect();
        let loaded = self.store.load(self.shard, &ids).await;
        let found = ids.into_iter().zip(loaded.map_err(unavailable)?);
        found
            .map(|(id, record)| Ok((id, record.map_err(|error| error.to_string())?)))
            .collect()
    }

    /// Nothing is lost: every watch is found as it was written last, and no other.
    async fn compare(&self) -> Result<(), String> {
        for (id, found) in self.found().await? {
            if found.as_ref() != self.model.record(&id) {
                return Err(format!("{id} is {found:?}"));
            }
        }
        Ok(())
    }

    /// Leaves nothing to claim for the interleavings that follow.
    async fn leave(&self) -> Result<(), String> {
        let found = self.found().await?.into_iter();
        let left = found.filter(|(_, found)| found.is_some());
        let items = left.map(|(id, found)| put(&id, found.as_ref(), None));
        let step = CommitStep {
            items: items.collect(),
            finished: Vec::new(),
        };
        let committed = self.store.commit(self.shard, &step).await;
        committed.map(drop).map_err(unavailable)
    }
}
