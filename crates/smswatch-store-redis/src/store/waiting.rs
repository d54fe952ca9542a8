//! Queues, looked through without claiming, and deliveries that are given up unattempted.

use smswatch_plugin::store::{
    Attempt, DeadLetter, Outcomes, QueuePlace, QueueRequest, QueueSlice, Shard, StoreError,
    WaitingDelivery,
};

use super::RedisStore;
use super::queue::{add_other, outcomes};
use crate::delivery::{delivery_id, instant};
use crate::error::strange;

impl RedisStore {
    pub(super) async fn queue_slice(
        &self,
        shard: Shard,
        sink: &str,
        request: &QueueRequest,
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
        let deliveries = found.chunks_exact(4).map(read);
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

    pub(super) async fn dead_letter_waiting(
        &self,
        shard: Shard,
        sink: &str,
        dead_letters: &[DeadLetter],
        attempt: &Attempt,
    ) -> Result<Outcomes, StoreError> {
        let attempt = serde_json::to_string(attempt).map_err(|_| strange("an attempt"))?;
        let mut call = self.call(&self.scripts.dead_letter, shard);
        call.arg(sink).arg(Attempt::MAX_KEPT).arg(attempt);
        for dead_letter in dead_letters {
            call.arg(dead_letter.id.as_str());
            add_other(&mut call, dead_letter.fallback.as_ref());
        }
        Ok(outcomes(self.invoke(&call).await?))
    }
}

fn place(id: &[u8], queued_at: &[u8]) -> Result<QueuePlace, StoreError> {
    Ok(QueuePlace {
        queued_at: instant(queued_at)?,
        id: delivery_id(id)?,
    })
}

fn read(row: &[Vec<u8>]) -> Result<WaitingDelivery, StoreError> {
    Ok(WaitingDelivery {
        place: place(&row[0], &row[1])?,
        is_claimed: row[2] == b"1",
        body: row[3].clone(),
    })
}
