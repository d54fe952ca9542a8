//! What waits for a sink that has been down for long, or whose receiver wants a long break, is told to its fallback while
//! it stays parked.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use smswatch_model::Timestamp;
use tokio::sync::watch;

use super::{hand_over, of_destination};
use crate::clock::StoreClock;
use crate::deliver::breaker::Absence;
use crate::deliver::{Deliver, SinkUnit};
use crate::settings::FallbackSettings;
use crate::store::{Priority, QueuePlace, QueueRequest, Shard, StoreError};

/// How often it is asked what was queued since, once a sink has been down for too long.
const ASK_EVERY: Duration = Duration::from_secs(1);

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

/// Hands over whatever is parked for too long; runs until it is dropped.
pub(crate) async fn run(stage: Arc<Deliver>, unit: Arc<SinkUnit>, fallback: FallbackSettings) {
    tokio::join!(
        of_sink(&stage, &unit, &fallback),
        of_destinations(&stage, &unit, &fallback),
    );
}

/// Hands over what waits for destinations that have been down for too long, while their sink is not.
async fn of_destinations(stage: &Deliver, unit: &SinkUnit, fallback: &FallbackSettings) {
    let mut progress: HashMap<(String, Timestamp), Vec<Progress>> = HashMap::new();
    loop {
        let now = stage.context.clock.now();
        let mut overdue = unit.breaker.absent_destinations(now);
        overdue.retain(|(_, since)| now.since(*since) >= fallback.after);
        progress.retain(|episode, _| overdue.contains(episode));
        for episode in overdue {
            let key = episode.0.clone();
            let progress = progress.entry(episode).or_insert_with(|| {
                vec![Progress::default(); usize::from(stage.context.store.shard_count())]
            });
            hand_over_all(stage, unit, Some(&key), progress).await;
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Hands over what waits for a sink that has been down for too long.
async fn of_sink(stage: &Deliver, unit: &SinkUnit, fallback: &FallbackSettings) {
    // What was handed over before a restart is handed over again, which changes nothing.
    let mut progress = vec![Progress::default(); usize::from(stage.context.store.shard_count())];
    let mut absence = unit.breaker.watch_absence();
    let mut episode = None;
    loop {
        let since = overdue(&mut absence, fallback.after, &stage.context.clock).await;
        if episode.replace(since) != Some(since) {
            progress.fill(Progress::default());
        }
        hand_over_all(stage, unit, None, &mut progress).await;
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Hands over what was queued since the last time for the whole sink, or for the destination `key`.
async fn hand_over_all(
    stage: &Deliver,
    unit: &SinkUnit,
    key: Option<&str>,
    progress: &mut [Progress],
) {
    let shards = stage.context.shards().zip(progress);
    let handing =
        shards.map(|(shard, progress)| hand_over_shard(stage, unit, shard, key, progress));
    for outcome in join_all(handing).await {
        if let Err(error) = outcome {
            tracing::debug!(%error, "parked deliveries are handed over later");
        }
    }
}

/// Waits until a sink has been down for longer than `after`, however far away that is; returns since
/// when it is down.
async fn overdue(
    absence: &mut watch::Receiver<Option<Absence>>,
    after: Duration,
    clock: &StoreClock,
) -> Timestamp {
    loop {
        let known = *absence.borrow_and_update();
        let changed = async {
            let changed = absence.changed().await;
            changed.expect("the breaker lives as long as its sink");
        };
        let now = clock.now();
        let lasts = |absence: &Absence| absence.until.is_none_or(|until| now < until);
        let Some(Absence { since, .. }) = known.filter(lasts) else {
            changed.await;
            continue;
        };
        let left = (since + after).since(now);
        if left.is_zero() {
            return since;
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep(left) => {}
        }
    }
}

/// Hands over what was queued in a shard since the last time, critical ones first.
async fn hand_over_shard(
    stage: &Deliver,
    unit: &SinkUnit,
    shard: Shard,
    key: Option<&str>,
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
            let waiting = stage.context.store.peek(shard, unit.name(), request);
            let slice = stage.context.call("waiting", waiting).await?;
            let bodies = slice.deliveries.iter().map(|waiting| &waiting.body[..]);
            let handed = bodies.filter_map(|body| of_destination(unit, body, key));
            let handed: Vec<_> = handed.collect();
            hand_over(stage, unit, shard, &handed).await?;
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
    use futures::FutureExt as _;

    use super::*;

    const AFTER: Duration = Duration::from_secs(3600);

    fn down(since: Timestamp) -> Option<Absence> {
        Some(Absence { since, until: None })
    }

    #[tokio::test]
    async fn a_sink_is_overdue_once_it_was_down_for_that_long() {
        let start = Timestamp::from_seconds(1_777_636_800);
        let clock = StoreClock::new(start);
        let (sink, mut absence) = watch::channel(None);
        let mut is_overdue = || overdue(&mut absence, AFTER, &clock).now_or_never();
        assert_eq!(is_overdue(), None, "it is not down");
        sink.send_replace(down(start));
        assert_eq!(is_overdue(), None, "it is down since a moment ago");
        let earlier = start - AFTER;
        sink.send_replace(down(earlier));
        assert_eq!(is_overdue(), Some(earlier));
        assert_eq!(is_overdue(), Some(earlier), "as long as it lasts");
        sink.send_replace(None);
        assert_eq!(is_overdue(), None, "it has recovered");
    }

    #[tokio::test]
    async fn a_break_that_the_receiver_wants_is_overdue_until_it_has_passed() {
        let start = Timestamp::from_seconds(1_777_636_800);
        let clock = StoreClock::new(start);
        let (sink, mut absence) = watch::channel(None);
        let mut is_overdue = || overdue(&mut absence, AFTER, &clock).now_or_never();
        let since = start - AFTER;
        let until = |until| {
            Some(Absence {
                since,
                until: Some(until),
            })
        };
        sink.send_replace(until(start + AFTER));
        assert_eq!(is_overdue(), Some(since));
        sink.send_replace(until(start));
        assert_eq!(is_overdue(), None, "it has passed");
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_the_sink_goes_down() {
        let start = Timestamp::from_seconds(1_777_636_800);
        let clock = StoreClock::new(start);
        let (sink, mut absence) = watch::channel(None);
        let (since, ()) = tokio::join!(overdue(&mut absence, AFTER, &clock), async {
            tokio::task::yield_now().await;
            sink.send_replace(down(start));
            tokio::task::yield_now().await;
            sink.send_replace(down(start - AFTER));
        });
        assert_eq!(since, start - AFTER);
    }
}
