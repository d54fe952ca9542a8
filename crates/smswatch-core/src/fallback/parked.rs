//! What waits for a sink that has been down for long is told to its fallback while it stays parked.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::Timestamp;

use super::{hand_over, of_bodies};
use crate::settings::FallbackSettings;
use crate::shared::{Shared, SinkUnit};
use crate::store::{Priority, QueuePlace, QueueRequest, Shard, StoreError};

/// How often it is asked whether the sink has been down for too long, and what came since.
const LOOK: Duration = Duration::from_secs(1);

/// How many deliveries of each shard are handed over in one step.
const SLICE: u32 = 64;

/// How far a shard's queue was handed over, by priority.
#[derive(Debug, Clone, Default)]
struct Progress {
    critical: Option<QueuePlace>,
    normal: Option<QueuePlace>,
}

impl Progress {
    fn of(&mut self, priority: Priority) -> &mut Option<QueuePlace> {
        match priority {
            Priority::Critical => &mut self.critical,
            Priority::Normal => &mut self.normal,
        }
    }
}

/// Hands over whatever is parked for too long; ends never by itself.
pub(crate) async fn run(shared: Arc<Shared>, unit: Arc<SinkUnit>, fallback: FallbackSettings) {
    // What was handed over before a restart is handed over again, which changes nothing.
    let mut progress = vec![Progress::default(); usize::from(shared.store.shard_count())];
    let mut episode = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let since = overdue(
            unit.breaker.open_since(),
            fallback.after,
            shared.clock.now(),
        );
        if since != episode {
            episode = since;
            progress.fill(Progress::default());
        }
        if since.is_none() {
            continue;
        }
        let shards = shared.shards().zip(&mut progress);
        let handing =
            shards.map(|(shard, progress)| hand_over_shard(&shared, &unit, shard, progress));
        for outcome in join_all(handing).await {
            if let Err(error) = outcome {
                tracing::debug!(%error, "parked deliveries are handed over later");
            }
        }
    }
}

/// Since when a sink has been down, if that is longer than `after`.
fn overdue(down: Option<Timestamp>, after: Duration, now: Timestamp) -> Option<Timestamp> {
    down.filter(|since| *since + after < now)
}

/// Hands over what was queued in a shard since the last time, critical ones first.
async fn hand_over_shard(
    shared: &Shared,
    unit: &SinkUnit,
    shard: Shard,
    progress: &mut Progress,
) -> Result<(), StoreError> {
    for priority in [Priority::Critical, Priority::Normal] {
        let place = progress.of(priority);
        let mut is_done = false;
        while !is_done {
            let request = QueueRequest {
                priority,
                after: place.clone(),
                limit: SLICE,
            };
            let waiting = shared.store.waiting(shard, unit.name(), request);
            let slice = shared.call("waiting", waiting).await?;
            let bodies = slice.deliveries.iter().map(|waiting| &waiting.body[..]);
            hand_over(shared, unit, shard, of_bodies(unit, bodies)).await?;
            is_done = slice.next.is_none();
            let last = slice.deliveries.into_iter().next_back();
            if let Some(seen) = slice.next.or(last.map(|last| last.place)) {
                *place = Some(seen);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sink_is_overdue_once_it_was_down_for_longer_than_that() {
        let start = Timestamp::from_seconds(1_777_636_800);
        let after = Duration::from_secs(60);
        assert_eq!(overdue(None, after, start), None);
        assert_eq!(overdue(Some(start), after, start + after), None);
        let later = start + after + Duration::from_millis(1);
        assert_eq!(overdue(Some(start), after, later), Some(start));
    }
}
