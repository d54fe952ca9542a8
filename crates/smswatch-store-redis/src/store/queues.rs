//! Queues: add, claim and complete deliveries; permits of rates.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use smswatch_plugin::async_trait;
use smswatch_plugin::model::{DeliveryId, Timestamp};
use smswatch_plugin::store::{
    Attempt, ClaimedDeliveries, ClaimedDelivery, Completion, DeadLetter, DeliveryFilter,
    DeliveryState, DeliveryToken, NewDelivery, Outcome, Outcomes, Page, PageRequest, Pick,
    Priority, QueuePlace, QueueRequest, QueueSlice, Queues, Rate, Rates, Redrive, RedriveOutcome,
    RedriveStep, Redriven, Reserved, Shard, StoreError, StoredDelivery, WaitingDelivery, shard_of,
};

use super::claims::Claimed;
use super::{RedisStore, millis};
use crate::call::Call;
use crate::delivery::{delivery_id, instant, text};
use crate::error::strange;

/// How many deliveries one recall makes due at most.
const RECALLED_AT_ONCE: u32 = 512;

/// How many deliveries one call of the script makes due at most: Redis does nothing else meanwhile.
const MADE_DUE_AT_ONCE: u64 = 512;

/// When this process claimed from each queue first.
pub(super) type FirstClaims = HashMap<(Shard, String, Priority), i64>;

/// Adds a delivery to the arguments of the script that queues it.
///
/// # Errors
///
/// The note about what holds it back cannot be written.
pub(super) fn add(call: &mut Call<'_>, delivery: &NewDelivery) -> Result<(), StoreError> {
    let note = delivery.suppressed.as_ref().map(written).transpose()?;
    let ids: Vec<&str> = delivery.message_ids.iter().map(|id| id.as_str()).collect();
    call.arg(delivery.id.as_str())
        .arg(&delivery.sink)
        .arg(&delivery.rule)
        .arg(delivery.priority.index())
        .arg(ids.join("\n"))
        .arg(&delivery.body[..])
        .arg(note.unwrap_or_default());
    Ok(())
}

/// An attempt as it is kept.
fn written(attempt: &Attempt) -> Result<String, StoreError> {
    serde_json::to_string(attempt).map_err(|_| strange("an attempt"))
}

/// Adds what is queued in another one's place, if anything, to the arguments of a script.
fn add_other(call: &mut Call<'_>, other: Option<&NewDelivery>) -> Result<(), StoreError> {
    call.arg(u8::from(other.is_some()));
    other.map_or(Ok(()), |delivery| add(call, delivery))
}

/// What a script says that ended deliveries and queued others.
pub(super) fn outcomes((queued, done): (u64, Vec<u8>)) -> Outcomes {
    Outcomes {
        done: done.into_iter().map(|done| done == 1).collect(),
        queued,
    }
}

fn place(id: &[u8], queued_at: &[u8]) -> Result<QueuePlace, StoreError> {
    Ok(QueuePlace {
        queued_at: instant(queued_at)?,
        id: delivery_id(id)?,
    })
}

fn waiting(row: &[Vec<u8>]) -> Result<WaitingDelivery, StoreError> {
    Ok(WaitingDelivery {
        place: place(&row[0], &row[1])?,
        is_claimed: row[2] == b"1",
        body: row[3].clone(),
    })
}

impl RedisStore {
    fn first_claims(&self) -> MutexGuard<'_, FirstClaims> {
        self.first_claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    async fn make_due_in(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
    ) -> Result<u64, StoreError> {
        let (mut moved_in_all, mut kept_in_all) = (0, 0);
        loop {
            let mut call = self.call(&self.scripts.make_due, shard);
            call.arg(sink)
                .arg(priority.index())
                .arg(kept_in_all)
                .arg(MADE_DUE_AT_ONCE);
            let (moved, kept): (u64, u64) = self.invoke(&call).await?;
            moved_in_all += moved;
            kept_in_all += kept;
            if moved + kept < MADE_DUE_AT_ONCE {
                return Ok(moved_in_all);
            }
        }
    }
}

#[async_trait]
impl Queues for RedisStore {
    async fn enqueue_all(
        &self,
        shard: Shard,
        deliveries: &[NewDelivery],
    ) -> Result<u64, StoreError> {
        let mut call = self.call(&self.scripts.route, shard);
        call.arg("").arg("").arg(0).arg(0).arg(0).arg(0);
        for delivery in deliveries {
            add(&mut call, delivery)?;
        }
        self.invoke(&call).await
    }

    async fn claim_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        pick: Pick,
        lease: Duration,
    ) -> Result<ClaimedDeliveries, StoreError> {
        let of = Claimed::Deliveries(sink.to_owned(), priority);
        let claim = self.begin_claim(shard, of, lease).await?;
        let limit = match pick {
            Pick::Due(limit) => limit,
            Pick::First => 1,
        };
        let queue = (shard, sink.to_owned(), priority);
        let began = self.first_claims().get(&queue).copied();
        let mut call = self.call(&self.scripts.claim_deliveries, shard);
        call.arg(sink)
            .arg(priority.index())
            .arg(limit)
            .arg(claim.lease)
            .arg(u8::from(pick == Pick::First))
            .arg(&*self.process)
            .arg(claim.number)
            .arg(began.map_or_else(String::new, |began| began.to_string()));
        let answer = self.invoke(&call).await;
        if answer.is_err() {
            self.lost(claim);
        }
        let (now, next_due, token, found, left): (i64, i64, i64, Vec<Vec<u8>>, u64) = answer?;
        if began.is_none() {
            self.first_claims().insert(queue, now);
        }
        // One without a name, which this version cannot have written, keeps no other from being claimed.
        let rows = found.chunks_exact(5);
        let deliveries = rows.filter_map(|row| delivery_id(&row[0]).ok().zip(Some(row)));
        let deliveries = deliveries.map(|(id, row)| {
            Ok(ClaimedDelivery {
                id,
                token: DeliveryToken(token),
                attempts_made: text(&row[3])?.parse().map_err(|_| strange("a count"))?,
                queued_at: instant(&row[2])?,
                is_queued_again: row[4] == b"1",
                body: row[1].clone(),
            })
        });
        Ok(ClaimedDeliveries {
            deliveries: deliveries.collect::<Result<_, StoreError>>()?,
            next_due: (next_due >= 0).then(|| Timestamp::from_millis(next_due)),
            left,
            now: Timestamp::from_millis(now),
        })
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
        let mut call = self.call(&self.scripts.complete, shard);
        call.arg(sink).arg(Attempt::MAX_KEPT);
        for completion in completions {
            let (outcome, delay) = match completion.outcome {
                Outcome::Delivered => (DeliveryState::Delivered.as_str(), Duration::ZERO),
                Outcome::Dead => (DeliveryState::Dead.as_str(), Duration::ZERO),
                Outcome::Suppressed => (DeliveryState::Suppressed.as_str(), Duration::ZERO),
                Outcome::Retry(delay) => (DeliveryState::Pending.as_str(), delay),
                Outcome::Returned => ("returned", Duration::ZERO),
                Outcome::Postponed(delay) => ("postponed", delay),
                Outcome::Left => ("left", Duration::ZERO),
            };
            call.arg(completion.id.as_str())
                .arg(completion.token.0)
                .arg(outcome)
                .arg(millis(delay))
                .arg(written(&completion.attempt)?);
            add_other(&mut call, completion.fallback.as_ref())?;
        }
        Ok(outcomes(self.invoke(&call).await?))
    }

    async fn peek(
        &self,
        shard: Shard,
        sink: &str,
        request: QueueRequest,
    ) -> Result<QueueSlice, StoreError> {
        let mut call = self.call(&self.scripts.waiting, shard);
        call.arg(sink).arg(request.priority.index());
        match &request.after {
            Some(place) => call
                .arg(place.queued_at.as_millis().to_string())
                .arg(place.id.as_str()),
            None => call.arg("").arg(""),
        };
        call.arg(request.limit.max(1));
        let (pending, last_at, last_id, found): (u64, Vec<u8>, Vec<u8>, Vec<Vec<u8>>) =
            self.invoke(&call).await?;
        let deliveries = found.chunks_exact(4).map(waiting);
        Ok(QueueSlice {
            pending,
            deliveries: deliveries.collect::<Result<_, _>>()?,
            next: if last_id.is_empty() {
                None
            } else {
                Some(place(&last_id, &last_at)?)
            },
        })
    }

    async fn dead_letter(
        &self,
        shard: Shard,
        sink: &str,
        dead_letters: &[DeadLetter],
        attempt: &Attempt,
    ) -> Result<Outcomes, StoreError> {
        let mut call = self.call(&self.scripts.dead_letter, shard);
        call.arg(sink).arg(Attempt::MAX_KEPT).arg(written(attempt)?);
        for dead_letter in dead_letters {
            call.arg(dead_letter.id.as_str());
            add_other(&mut call, dead_letter.fallback.as_ref())?;
        }
        Ok(outcomes(self.invoke(&call).await?))
    }

    async fn leave_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        ids: &[DeliveryId],
    ) -> Result<u64, StoreError> {
        let mut call = self.call(&self.scripts.leave_deliveries, shard);
        call.arg(sink).arg(priority.index());
        for id in ids {
            call.arg(id.as_str());
        }
        self.invoke(&call).await
    }

    async fn recall_deliveries(
        &self,
        shard: Shard,
        sink: &str,
        priority: Priority,
        furthest: Duration,
    ) -> Result<u64, StoreError> {
        let mut call = self.call(&self.scripts.recall_deliveries, shard);
        call.arg(sink)
            .arg(priority.index())
            .arg(millis(furthest))
            .arg(RECALLED_AT_ONCE);
        self.invoke(&call).await
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
}

#[async_trait]
impl Rates for RedisStore {
    async fn reserve(&self, name: &str, rate: Rate, want: u32) -> Result<Reserved, StoreError> {
        let burst = rate.per.as_micros().max(1);
        let interval = (burst / u128::from(rate.permits.max(1))).max(1);
        let shard = shard_of(name, self.shards);
        let mut call = self.call(&self.scripts.reserve, shard);
        call.arg(name)
            .arg(interval.to_string())
            .arg(burst.to_string())
            .arg(want);
        let (granted, wait): (u32, u64) = self.invoke(&call).await?;
        Ok(Reserved {
            granted,
            next_in: Duration::from_micros(wait),
        })
    }
}
