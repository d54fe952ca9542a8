//! Plays an interleaving on a store and on the model, and compares the two at every step.

use std::sync::Arc;
use std::time::Duration;

use smswatch_model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, CommitItem, Completion, DeliveryFilter, DeliveryState, DeliveryToken, NewDelivery,
    Outcome, PageRequest, Pick, Priority, RouteOutcome, RouteStep, Shard, Store, StoreError,
};

use super::model::{Between, Expected, Model};
use super::{End, Step};
use crate::store_suite::{LONG, delivery, id_in, put, record, step};

pub(super) const SHARD: Shard = Shard(0);

/// A lease that ends between two steps, or during one.
const SHORT: Duration = Duration::from_millis(8);

pub(super) struct Player {
    pub(super) store: Arc<dyn Store>,
    case: u32,
    pub(super) sink: String,
    pub(super) model: Model,
    /// Every claim ever made, with its token.
    claims: Vec<(DeliveryId, DeliveryToken)>,
    n_entries: u32,
}

/// Plays `steps`; `case` keeps the names apart from those of other cases on the same store.
///
/// # Errors
///
/// Says what the store did that the model does not allow.
pub(super) async fn play(store: Arc<dyn Store>, case: u32, steps: &[Step]) -> Result<(), String> {
    let mut player = Player {
        store,
        case,
        sink: format!("sink-{case}"),
        model: Model::default(),
        claims: Vec::new(),
        n_entries: 0,
    };
    for step in steps {
        player.step(step).await?;
    }
    player.pass().await?;
    for priority in Priority::ALL {
        player.claim(priority, 1_000, SHORT).await?;
    }
    player.compare().await?;
    player.recount().await
}

fn priority(is_critical: bool) -> Priority {
    if is_critical {
        Priority::Critical
    } else {
        Priority::Normal
    }
}

pub(super) fn unavailable(error: StoreError) -> String {
    format!("the store failed: {error}")
}

impl Player {
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Enqueue { n, is_critical } => self.enqueue(n, is_critical).await,
            Step::Route { n, is_critical } => self.route(n, is_critical).await,
            Step::Claim {
                limit,
                is_short,
                is_critical,
            } => {
                let lease = if is_short { SHORT } else { LONG };
                self.claim(priority(is_critical), limit, lease).await
            }
            Step::Complete { which, end } if !self.claims.is_empty() => {
                let (id, token) = self.claims[which.index(self.claims.len())].clone();
                self.complete(id, token, end).await
            }
            Step::Complete { .. } => Ok(()),
            Step::Requeue { n, is_replay } => self.requeue(n, is_replay).await,
            Step::RequeueDead => self.requeue_dead().await,
            Step::DeadLetter { limit, n } => self.dead_letter(limit, n).await,
            Step::Pass => self.pass().await,
        }
    }

    pub(super) async fn now(&self) -> Result<Timestamp, String> {
        self.store.now(SHARD).await.map_err(unavailable)
    }

    pub(super) fn delivery(&self, n: u32, is_critical: bool) -> NewDelivery {
        delivery(self.case * 1_000 + n, &self.sink, priority(is_critical))
    }

    async fn enqueue(&mut self, n: u32, is_critical: bool) -> Result<(), String> {
        let new = self.delivery(n, is_critical);
        let id = new.id.clone();
        let from = self.now().await?;
        let queued = self.store.enqueue(SHARD, new).await;
        queued.map_err(unavailable)?;
        let to = self.now().await?;
        self.model
            .enqueue(id, priority(is_critical), Between { from, to });
        Ok(())
    }

    async fn route(&mut self, n: u32, is_critical: bool) -> Result<(), String> {
        self.append().await?;
        let slice = self.store.read_log(SHARD, 100).await.map_err(unavailable)?;
        let last = slice.entries.last().ok_or("the entry is not in the log")?;
        let route = |delivery| RouteStep {
            from: slice.cursor.clone(),
            to: last.position.clone(),
            entries: slice.entries.len() as u64,
            deliveries: vec![delivery],
            records: Vec::new(),
            set_aside: Vec::new(),
        };
        let new = self.delivery(n, is_critical);
        let id = new.id.clone();
        let from = self.now().await?;
        let done = self.store.route(SHARD, &route(new)).await;
        let done = done.map_err(unavailable)?;
        let to = self.now().await?;
        let between = Between { from, to };
        let is_new = self.model.enqueue(id, priority(is_critical), between);
        let expected = RouteOutcome::Done {
            added: u64::from(is_new),
        };
        if done != expected {
            return Err(format!("a route step came to {done:?}, not {expected:?}"));
        }
        let late = self.delivery(999, true);
        match self.store.route(SHARD, &route(late)).await {
            Ok(RouteOutcome::Moved) => Ok(()),
            other => Err(format!("a route step behind the cursor came to {other:?}")),
        }
    }

    /// The counters say how many deliveries are found.
    async fn recount(&self) -> Result<(), String> {
        let gauges = self.store.gauges().await.map_err(unavailable)?;
        let mut queues = gauges.queues.into_iter();
        let queue = queues.find(|queue| queue.sink == self.sink);
        let counted = queue.map_or((0, 0), |queue| (queue.pending + queue.left, queue.dead));
        let found = async |state| {
            let filter = DeliveryFilter {
                state: Some(state),
                sink: Some(self.sink.clone()),
                ..DeliveryFilter::default()
            };
            let all = PageRequest {
                cursor: None,
                limit: 1_000,
            };
            let page = self.store.deliveries(&filter, &all).await;
            page.map(|page| page.items.len() as u64)
                .map_err(unavailable)
        };
        let found = (
            found(DeliveryState::Pending).await?,
            found(DeliveryState::Dead).await?,
        );
        match counted == found {
            true => Ok(()),
            false => Err(format!("{found:?} are pending and dead, not {counted:?}")),
        }
    }

    /// Appends an entry to the shard's log.
    async fn append(&mut self) -> Result<(), String> {
        let n = self.case * 1_000 + self.n_entries;
        self.n_entries += 1;
        let id = id_in(&*self.store, SHARD, n);
        let record = record(self.now().await? + LONG, b"");
        let item = CommitItem {
            entry: Some(b"events".to_vec().into()),
            ..put(&id, None, Some(&record))
        };
        let committed = self.store.commit(SHARD, &step(vec![item])).await;
        committed.map(drop).map_err(unavailable)
    }

    async fn claim(
        &mut self,
        priority: Priority,
        limit: u32,
        lease: Duration,
    ) -> Result<(), String> {
        let claimed = self
            .store
            .claim_deliveries(SHARD, &self.sink, priority, Pick::Due(limit), lease)
            .await
            .map_err(unavailable)?;
        self.model.claim(priority, limit, lease, &claimed)?;
        let claims = claimed.deliveries.into_iter();
        self.claims.extend(claims.map(|one| (one.id, one.token)));
        Ok(())
    }

    async fn complete(
        &mut self,
        id: DeliveryId,
        token: DeliveryToken,
        end: End,
    ) -> Result<(), String> {
        let outcome = match end {
            End::Delivered => Outcome::Delivered,
            End::Dead => Outcome::Dead,
            End::Suppressed => Outcome::Suppressed,
            End::RetryAtOnce => Outcome::Retry(Duration::ZERO),
            End::RetryMuchLater => Outcome::Retry(LONG),
            End::Returned => Outcome::Returned,
            End::Postponed => Outcome::Postponed(SHORT),
            End::Left => Outcome::Left,
        };
        let from = self.now().await?;
        let completion = Completion {
            id: id.clone(),
            token,
            outcome,
            attempt: Attempt {
                at: from,
                result: "x".to_owned(),
                detail: String::new(),
            },
            fallback: None,
        };
        let held = self
            .store
            .complete(SHARD, &self.sink, &[completion])
            .await
            .map_err(unavailable)?;
        let to = self.now().await?;
        let held = held
            .done
            .first()
            .copied()
            .ok_or("no answer for a completion")?;
        let at = Between { from, to };
        self.model.complete(&id, token, outcome, held, at)
    }

    /// Waits until every short lease has ended by the store's clock.
    async fn pass(&self) -> Result<(), String> {
        let horizon = self.now().await? + LONG / 2;
        let Some(end) = self.model.last_end_before(horizon) else {
            return Ok(());
        };
        while self.now().await? < end {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Nothing is lost: every delivery is found, and as far as it should be.
    async fn compare(&self) -> Result<(), String> {
        for (id, expected) in self.model.expected() {
            let found = self.store.delivery(id).await.map_err(unavailable)?;
            let found = found.ok_or_else(|| format!("{id} is lost"))?;
            let found = Expected {
                state: found.state,
                attempts_made: found.attempts_made,
            };
            if found != expected {
                return Err(format!("{id} is {found:?}, not {expected:?}"));
            }
        }
        let late = self.delivery(999, true).id;
        match self.store.delivery(&late).await {
            Ok(None) => Ok(()),
            other => Err(format!("{late} should not be there: {other:?}")),
        }
    }
}
