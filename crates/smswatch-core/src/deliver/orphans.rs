//! Deliveries for sinks that are not configured any more: no process would attempt them, so they become dead
//! letters, which can be looked up, dropped, and sent again once there is such a sink.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::Timestamp;
use tokio::time::MissedTickBehavior;

use super::Deliver;
use super::dead;
use crate::budget::DELIVERY_LEASE_MARGIN;
use crate::codec;
use crate::health::REPLICAS;
use crate::metrics::{DeliveryLabels, SinkName};
use crate::store::{
    Attempt, ClaimedDelivery, Completion, Outcome, Pick, Priority, QueueGauge, Shard, StoreError,
};

/// How often queues of unknown sinks are looked for.
const LOOK: Duration = Duration::from_secs(10);

/// How long a sink must have been unknown to all replicas: while they are replaced by ones with another
/// configuration, one of them may know what this one does not.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many deliveries of a shard are given up together.
const MOST_AT_ONCE: u32 = 512;

/// Why they are dead.
const REASON: &str = "sink_gone";

/// Dead-letters what waits for sinks that are not configured; runs until cancelled.
pub(crate) async fn run(stage: Arc<Deliver>) {
    let mut beat = tokio::time::interval(LOOK);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unknown = Unknown::default();
    loop {
        beat.tick().await;
        let Ok(gauges) = stage
            .context
            .call("gauges", stage.context.store.gauges())
            .await
        else {
            continue;
        };
        let is_agreed = !stage.context.health.is_in_trouble(REPLICAS);
        let known = |sink: &str| stage.queues.has(sink);
        let now = stage.context.clock.now();
        for sink in unknown.lasting(&gauges.queues, known, is_agreed, now) {
            let count = give_up(&stage, &sink).await;
            if count > 0 {
                tracing::warn!(
                    sink.name = sink,
                    count,
                    "the sink is not configured: what waited for it is given up"
                );
            }
        }
    }
}

/// Since when deliveries wait for sinks that are not configured.
#[derive(Debug, Default)]
struct Unknown(BTreeMap<String, Timestamp>);

impl Unknown {
    /// The sinks for which deliveries wait, and which have been unknown for long enough; the replicas
    /// must have agreed on the configuration meanwhile.
    fn lasting(
        &mut self,
        queues: &[QueueGauge],
        known: impl Fn(&str) -> bool,
        is_agreed: bool,
        now: Timestamp,
    ) -> Vec<String> {
        if !is_agreed {
            self.0.clear();
            return Vec::new();
        }
        let waiting = queues.iter().filter(|queue| queue.pending > 0);
        let unknown = waiting.filter(|queue| !known(&queue.sink));
        let seen: BTreeMap<String, Timestamp> = unknown
            .map(|queue| {
                let since = self.0.get(&queue.sink).copied().unwrap_or(now);
                (queue.sink.clone(), since)
            })
            .collect();
        self.0 = seen;
        let lasting = self.0.iter();
        let lasting = lasting.filter(|(_, since)| now.since(**since) >= PATIENCE);
        lasting.map(|(sink, _)| sink.clone()).collect()
    }
}

/// Dead-letters all that waits for `sink`, except what is being attempted and what a later
/// version wrote. Returns how many they were.
async fn give_up(stage: &Deliver, sink: &str) -> u64 {
    let shards = stage.context.shards().map(|shard| async move {
        stage
            .context
            .call("make_due", stage.context.store.make_due(shard, sink))
            .await?;
        let mut count = 0;
        for priority in Priority::ALL {
            count += give_up_queue(stage, sink, shard, priority).await?;
        }
        Ok::<u64, StoreError>(count)
    });
    let mut count = 0;
    for given_up in join_all(shards).await {
        match given_up {
            Ok(given_up) => count += given_up,
            Err(error) => tracing::debug!(%error, "deliveries are given up later"),
        }
    }
    count
}

async fn give_up_queue(
    stage: &Deliver,
    sink: &str,
    shard: Shard,
    priority: Priority,
) -> Result<u64, StoreError> {
    let labels = DeliveryLabels {
        sink: SinkName(sink.into()),
        result: Outcome::Dead.word(),
    };
    let mut count = 0;
    loop {
        let store = &stage.context.store;
        let claim = store.claim_deliveries(
            shard,
            sink,
            priority,
            Pick::Due(MOST_AT_ONCE),
            DELIVERY_LEASE_MARGIN,
        );
        let claimed = stage.context.call("claim_deliveries", claim).await?;
        if claimed.deliveries.is_empty() {
            return Ok(count);
        }
        let completions: Vec<_> = claimed
            .deliveries
            .iter()
            .map(|delivery| completion(delivery, claimed.now))
            .collect();
        let complete = stage.context.store.complete(shard, sink, &completions);
        let ended = stage.context.call("complete", complete).await?;
        let dead = completions.iter().zip(&ended.done);
        let dead = dead.filter(|(completion, done)| **done && completion.outcome == Outcome::Dead);
        let given_up = u64::try_from(dead.count()).unwrap_or(u64::MAX);
        let mut bodies = claimed.deliveries.iter().map(|claimed| &claimed.body);
        let is_news = !bodies.all(|body| dead::is_about_dead_letters(body));
        stage
            .dead
            .given_up(sink, given_up, REASON, is_news, claimed.now);
        stage
            .context
            .metrics
            .deliveries
            .get_or_create(&labels)
            .inc_by(given_up);
        count += given_up;
    }
}

/// What becomes of a delivery: the version that wrote what this one cannot read may know its sink, too.
fn completion(delivery: &ClaimedDelivery, now: Timestamp) -> Completion {
    let read = codec::decode_notification(&delivery.body);
    let outcome = match read.is_err_and(|error| error.is_newer()) {
        true => Outcome::Left,
        false => Outcome::Dead,
    };
    Completion {
        id: delivery.id.clone(),
        token: delivery.token,
        outcome,
        attempt: Attempt {
            at: now,
            result: Outcome::Dead.word().to_owned(),
            detail: REASON.to_owned(),
        },
        fallback: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    fn queue(sink: &str, pending: u64) -> QueueGauge {
        QueueGauge {
            sink: sink.to_owned(),
            pending,
            ..QueueGauge::default()
        }
    }

    #[test]
    fn only_what_waits_for_a_sink_that_stays_unknown_is_given_up() {
        let queues = [queue("crm", 1), queue("old", 2), queue("older", 0)];
        let known = |sink: &str| sink == "crm";
        let mut unknown = Unknown::default();
        let mut look = |is_agreed, second| unknown.lasting(&queues, known, is_agreed, at(second));
        assert!(look(true, 0).is_empty());
        assert!(look(true, 29).is_empty());
        assert!(look(false, 30).is_empty(), "another replica may know it");
        assert!(look(true, 40).is_empty());
        assert_eq!(look(true, 70), ["old"]);
    }
}
