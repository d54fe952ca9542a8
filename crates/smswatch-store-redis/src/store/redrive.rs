//! Ended deliveries that are taken up again, or forgotten.

use futures::future::join_all;
use smswatch_plugin::model::DeliveryId;
use smswatch_plugin::store::{
    DeliveryState, Redrive, RedriveOutcome, RedrivePlace, RedriveStep, Redriven, Shard, StoreError,
};

use super::RedisStore;
use crate::error::strange;

/// Stands between the two halves of a place; no end of a delivery has it.
const BETWEEN: char = ' ';

fn word(action: Redrive) -> &'static str {
    match action {
        Redrive::Requeue => "requeue",
        Redrive::Forget => "forget",
    }
}

impl RedisStore {
    pub(super) async fn redrive_list(
        &self,
        shard: Shard,
        step: &RedriveStep,
    ) -> Result<Redriven, StoreError> {
        if step.state == DeliveryState::Pending {
            return Ok(Redriven {
                count: 0,
                next: None,
            });
        }
        let after = step.after.as_ref().map(|place| place.0.as_str());
        let (seen_end, seen_id) = after
            .and_then(|place| place.split_once(BETWEEN))
            .unwrap_or_default();
        let since = step.since.map(|since| since.as_millis().to_string());
        let mut call = self.call(&self.scripts.redrive, shard);
        call.arg(word(step.action))
            .arg(&step.sink)
            .arg(step.state.as_str())
            .arg(step.rule.as_deref().unwrap_or_default())
            .arg(since.as_deref().unwrap_or("-inf"))
            .arg(step.until.as_millis())
            .arg(seen_end)
            .arg(seen_id)
            .arg(step.limit.max(1));
        let (count, end, id): (u64, String, String) = self.invoke(&call).await?;
        let next = (!end.is_empty()).then(|| RedrivePlace(format!("{end}{BETWEEN}{id}")));
        Ok(Redriven { count, next })
    }

    /// A delivery's name does not say where it is: all shards are asked at once.
    pub(super) async fn redrive_found(
        &self,
        id: &DeliveryId,
        action: Redrive,
        states: &[DeliveryState],
    ) -> Result<RedriveOutcome, StoreError> {
        let asked = (0..self.shards).map(|shard| async move {
            let mut call = self.call(&self.scripts.redrive_one, Shard(shard));
            call.arg(word(action)).arg(id.as_str());
            for state in states {
                call.arg(state.as_str());
            }
            let (outcome, state, sink): (String, String, String) = self.invoke(&call).await?;
            match outcome.as_str() {
                "" => Ok(RedriveOutcome::Unknown),
                "done" => Ok(RedriveOutcome::Done {
                    shard: Shard(shard),
                    sink,
                }),
                _ => DeliveryState::from_word(&state)
                    .map(RedriveOutcome::Refused)
                    .ok_or_else(|| strange("a state")),
            }
        });
        let mut failed = None;
        for answer in join_all(asked).await {
            match answer {
                Ok(RedriveOutcome::Unknown) => {}
                Ok(outcome) => return Ok(outcome),
                Err(error) => failed = Some(error),
            }
        }
        // It may be in a shard that does not answer.
        failed.map_or(Ok(RedriveOutcome::Unknown), Err)
    }
}
