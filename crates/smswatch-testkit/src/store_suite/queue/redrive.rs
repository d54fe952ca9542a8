//! The steps of an interleaving that end deliveries early, or take ended ones up again.

use std::collections::BTreeSet;

use smswatch_model::DeliveryId;
use smswatch_plugin::store::{
    Attempt, DeadLetter, DeliveryState, Priority, QueueRequest, Redrive, RedriveStep,
};

use super::model::Between;
use super::play::{Player, SHARD, unavailable};

impl Player {
    /// Sends one delivery again that was given up, or that arrived.
    pub(super) async fn requeue(&mut self, n: u32, is_replay: bool) -> Result<(), String> {
        let id = self.delivery(n, true).id;
        let wanted = match is_replay {
            true => DeliveryState::Delivered,
            false => DeliveryState::Dead,
        };
        let from = self.now().await?;
        let states = [wanted];
        let redriven = self.store.redrive_one(&id, Redrive::Requeue, &states);
        let outcome = redriven.await.map_err(unavailable)?;
        let to = self.now().await?;
        let at = Between { from, to };
        self.model.requeue(&id, wanted, &outcome, at)
    }

    /// Sends everything again that was given up.
    pub(super) async fn requeue_dead(&mut self) -> Result<(), String> {
        let from = self.now().await?;
        let step = RedriveStep {
            action: Redrive::Requeue,
            sink: self.sink.clone(),
            state: DeliveryState::Dead,
            rule: None,
            since: None,
            until: from,
            after: None,
            limit: 1_000,
        };
        let redriven = self.store.redrive(SHARD, step).await.map_err(unavailable)?;
        let to = self.now().await?;
        let expected = self.model.requeue_dead(Between { from, to });
        if redriven.count == expected && redriven.next.is_none() {
            return Ok(());
        }
        Err(format!("{redriven:?}, and {expected} were given up"))
    }

    /// Gives up those that were queued longest ago, and one that may be anything.
    pub(super) async fn dead_letter(&mut self, limit: u32, n: u32) -> Result<(), String> {
        let request = QueueRequest {
            priority: Priority::Normal,
            after: None,
            limit,
        };
        let oldest = self.store.peek(SHARD, &self.sink, request).await;
        let oldest = oldest.map_err(unavailable)?.deliveries.into_iter();
        let mut ids: BTreeSet<DeliveryId> = oldest.map(|one| one.place.id).collect();
        ids.insert(self.delivery(n, true).id);
        let from = self.now().await?;
        let attempt = Attempt {
            at: from,
            result: "dead".to_owned(),
            detail: String::new(),
        };
        let dead_letters = ids.iter().map(|id| DeadLetter {
            id: id.clone(),
            fallback: None,
        });
        let dead_letters: Vec<_> = dead_letters.collect();
        let dead_lettered = self
            .store
            .dead_letter(SHARD, &self.sink, &dead_letters, &attempt)
            .await;
        let dead_lettered = dead_lettered.map_err(unavailable)?.done;
        let to = self.now().await?;
        if dead_lettered.len() != ids.len() {
            return Err(format!("{dead_lettered:?} for {ids:?}"));
        }
        for (id, is_dead_lettered) in ids.iter().zip(dead_lettered) {
            self.model
                .dead_letter(id, is_dead_lettered, Between { from, to })?;
        }
        Ok(())
    }
}
