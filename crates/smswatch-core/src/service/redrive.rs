//! Sends ended deliveries again, or drops them: one by its id, or all that a filter names.

use futures::future::join_all;
use smswatch_model::{DeliveryId, Timestamp};

use super::Service;
use super::error::ServiceError;
use crate::metrics::{RedriveLabels, SinkName};
use crate::store::{DeliveryState, Redrive, RedriveOutcome, RedriveStep, Shard, StoreError};

/// How many deliveries of a shard are looked at in one step.
const STEP: u32 = 200;

/// The states of deliveries that can be sent again: all but those that are under way.
const SENT_AGAIN: [DeliveryState; 3] = [
    DeliveryState::Dead,
    DeliveryState::Delivered,
    DeliveryState::Suppressed,
];

/// The states of deliveries that can be dropped: the others are history, which its bounds remove.
const DROPPED: [DeliveryState; 1] = [DeliveryState::Dead];

/// Which ended deliveries are meant; every field that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedFilter {
    /// How far they have come; pending ones have not ended, so none of them is ever meant.
    pub state: DeliveryState,
    /// Where they go.
    pub sink: Option<String>,
    /// The rule that made them.
    pub rule: Option<String>,
    /// They ended at this instant or later.
    pub since: Option<Timestamp>,
}

/// The result of sending one delivery again, or dropping it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redriven {
    /// It was sent on its way again, or dropped.
    Done,
    /// It is in a state that does not allow it.
    Refused(DeliveryState),
    /// Its sink is not configured any more, so it would not be sent.
    SinkGone,
    /// There is no such delivery.
    Unknown,
}

impl Service {
    /// Sends an ended delivery again, under its own id; one that is pending is on its way already,
    /// and left alone.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn retry(&self, id: &DeliveryId) -> Result<Redriven, ServiceError> {
        let found = self
            .context
            .call("delivery", self.context.store.delivery(id))
            .await?;
        match found {
            None => Ok(Redriven::Unknown),
            Some(delivery) if !self.sinks.has(&delivery.sink) => Ok(Redriven::SinkGone),
            Some(_) => self.redrive_one(id, Redrive::Requeue, &SENT_AGAIN).await,
        }
    }

    /// Drops a dead delivery; one in any other state is left alone.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn drop_dead(&self, id: &DeliveryId) -> Result<Redriven, ServiceError> {
        self.redrive_one(id, Redrive::Forget, &DROPPED).await
    }

    async fn redrive_one(
        &self,
        id: &DeliveryId,
        action: Redrive,
        states: &[DeliveryState],
    ) -> Result<Redriven, ServiceError> {
        let redrive = self.context.store.redrive_one(id, action, states);
        Ok(match self.context.call("redrive", redrive).await? {
            RedriveOutcome::Done { shard, sink } => {
                self.redriven(shard, &sink, action, 1);
                self.probe(&sink, action).await;
                log(action, &[(sink, 1)]);
                Redriven::Done
            }
            RedriveOutcome::Refused(state) => Redriven::Refused(state),
            RedriveOutcome::Unknown => Redriven::Unknown,
        })
    }

    /// Sends ended deliveries again, each under its own id, and returns how many; `None` when the
    /// filter's sink is not configured. Those of sinks that have gone stay as they are.
    ///
    /// # Errors
    ///
    /// The store did not do it, or not for all of them; asking again takes up the rest.
    pub async fn retry_all(&self, filter: &EndedFilter) -> Result<Option<u64>, ServiceError> {
        let sinks = match &filter.sink {
            Some(sink) if !self.sinks.has(sink) => return Ok(None),
            Some(sink) => vec![sink.clone()],
            None => self.sinks.all().keys().cloned().collect(),
        };
        self.redrive_all(filter, Redrive::Requeue, sinks)
            .await
            .map(Some)
    }

    /// Drops dead deliveries, those of sinks that have gone included, and returns how many.
    ///
    /// # Errors
    ///
    /// The store did not do it, or not for all of them; asking again takes up the rest.
    pub async fn drop_all(&self, filter: &EndedFilter) -> Result<u64, ServiceError> {
        if !DROPPED.contains(&filter.state) {
            return Ok(0);
        }
        let sinks = match &filter.sink {
            Some(sink) => vec![sink.clone()],
            None => {
                let gauges = self
                    .context
                    .call("gauges", self.context.store.gauges())
                    .await?;
                gauges.queues.into_iter().map(|queue| queue.sink).collect()
            }
        };
        self.redrive_all(filter, Redrive::Forget, sinks).await
    }

    async fn redrive_all(
        &self,
        filter: &EndedFilter,
        action: Redrive,
        sinks: Vec<String>,
    ) -> Result<u64, ServiceError> {
        // What ends while this goes on is left alone: it would be found again and again.
        let clocks = self.context.shards().map(|shard| async move {
            let now = self.context.call("now", self.context.store.now(shard));
            (shard, now.await)
        });
        let until = join_all(clocks).await;
        let mut counts = Vec::new();
        let done = self.redrive_sinks(filter, action, sinks, &until, &mut counts);
        let done = done.await;
        // What was done is noted, too, where an error came in between.
        log(action, &counts);
        done?;
        Ok(counts.iter().map(|(_, count)| count).sum())
    }

    /// Does it sink by sink; `counts` holds what was done, whatever comes in between.
    async fn redrive_sinks(
        &self,
        filter: &EndedFilter,
        action: Redrive,
        sinks: Vec<String>,
        until: &[(Shard, Result<Timestamp, StoreError>)],
        counts: &mut Vec<(String, u64)>,
    ) -> Result<(), ServiceError> {
        for sink in sinks {
            let sink = sink.as_str();
            let shards = until.iter().map(|(shard, until)| async move {
                let step = RedriveStep {
                    action,
                    sink: sink.to_owned(),
                    state: filter.state,
                    rule: filter.rule.clone(),
                    since: filter.since,
                    until: until.clone()?,
                    after: None,
                    limit: STEP,
                };
                self.redrive_shard(*shard, step).await
            });
            let (mut of_sink, mut failed) = (0, None);
            for redriven in join_all(shards).await {
                match redriven {
                    Ok(redriven) => of_sink += redriven,
                    Err(error) => failed = Some(error),
                }
            }
            if of_sink > 0 {
                self.probe(sink, action).await;
                counts.push((sink.to_owned(), of_sink));
            }
            if let Some(error) = failed {
                return Err(error.into());
            }
        }
        Ok(())
    }

    async fn redrive_shard(&self, shard: Shard, mut step: RedriveStep) -> Result<u64, StoreError> {
        let mut count = 0;
        loop {
            let redrive = self.context.store.redrive(shard, step.clone());
            let done = self.context.call("redrive", redrive).await?;
            if done.count > 0 {
                self.redriven(shard, &step.sink, step.action, done.count);
            }
            count += done.count;
            step.after = done.next;
            if step.after.is_none() {
                return Ok(count);
            }
        }
    }

    /// Has a sink that is down probed at once: deliveries are sent again when the sink is expected to work.
    async fn probe(&self, sink: &str, action: Redrive) {
        let Some(unit) = self.sinks.get(sink).filter(|_| action == Redrive::Requeue) else {
            return;
        };
        if let Err(error) = unit.breaker.probe_now(&self.context).await {
            tracing::debug!(%error, "a sink is probed when it is time for it");
        }
    }

    /// Counts what was redriven, and has it sent at once.
    fn redriven(&self, shard: Shard, sink: &str, action: Redrive, count: u64) {
        if action == Redrive::Requeue
            && let Some(unit) = self.sinks.get(sink)
        {
            unit.inbox.requeued(shard, count);
        }
        let labels = RedriveLabels {
            sink: SinkName(sink.into()),
            action: word(action),
        };
        self.context
            .metrics
            .redriven
            .get_or_create(&labels)
            .inc_by(count);
    }
}

fn word(action: Redrive) -> &'static str {
    match action {
        Redrive::Requeue => "retried",
        Redrive::Forget => "dropped",
    }
}

/// Notes in one line what was done, however many sinks and shards it was about; nothing if nothing was.
fn log(action: Redrive, counts: &[(String, u64)]) {
    if !counts.is_empty() {
        tracing::info!("{}", sentence(action, counts));
    }
}

fn sentence(action: Redrive, counts: &[(String, u64)]) -> String {
    let done = match action {
        Redrive::Requeue => "sent again",
        Redrive::Forget => "dropped",
    };
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let were = match total {
        1 => "delivery was",
        _ => "deliveries were",
    };
    let each = counts
        .iter()
        .map(|(sink, count)| format!("{sink}: {count}"));
    let each = each.collect::<Vec<_>>().join(", ");
    format!("{total} ended {were} {done} ({each})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_one_sentence_with_its_numbers() {
        let counts = [("crm".to_owned(), 10), ("ops".to_owned(), 2)];
        assert_eq!(
            sentence(Redrive::Requeue, &counts),
            "12 ended deliveries were sent again (crm: 10, ops: 2)"
        );
        assert_eq!(
            sentence(Redrive::Forget, &counts[..1]),
            "10 ended deliveries were dropped (crm: 10)"
        );
        let one = [("crm".to_owned(), 1)];
        assert_eq!(
            sentence(Redrive::Requeue, &one),
            "1 ended delivery was sent again (crm: 1)"
        );
    }
}
