//! Keeps a sink's queue within its bound: what waits longest and is not critical is given up.

mod unsure;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use self::unsure::Unsure;
use super::{Deliver, SinkUnit};
use super::{dead, fallback};
use crate::codec;
use crate::metrics::DeliveryLabels;
use crate::store::{
    Attempt, DeadLetter, MAX_STEP_BYTES, Outcome, Outcomes, Priority, QueueRequest, QueueSlice,
    Shard, StoreError, WaitingDelivery, split,
};

/// How long after one look the next one is taken at the earliest.
const PAUSE: Duration = Duration::from_secs(1);

/// How many deliveries of each shard are looked at together when there are too many.
const SLICE: u32 = 64;

/// Why a delivery is dead that was given up to make room.
const REASON: &str = "queue_full";

/// What a reading of the queue came to.
struct Reading {
    pending: u64,
    dead_lettered: u64,
    /// Whether some are to be given up that are under way just now.
    is_delayed: bool,
}

/// Checks whether the queue is too long whenever enough was queued; runs until it is cancelled.
pub(crate) async fn run(stage: Arc<Deliver>, unit: Arc<SinkUnit>) {
    let max = unit.settings.queue_max;
    let (mut is_full, unsure) = (false, Unsure::default());
    loop {
        unit.inbox.fill_level.due().await;
        unsure.settle(&stage, &unit).await;
        let patience = match relieve(&stage, &unit, &unsure).await {
            Ok(look) => {
                if look.dead_lettered > 0 && !is_full {
                    let (sink, dead_lettered) = (unit.name(), look.dead_lettered);
                    tracing::warn!(
                        sink.name = sink,
                        max,
                        dead_lettered,
                        "the queue is full: its oldest deliveries are given up"
                    );
                }
                is_full = look.dead_lettered > 0;
                if look.is_delayed {
                    0
                } else {
                    patience(max, look.pending)
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a queue is looked at again");
                0
            }
        };
        unit.inbox.fill_level.looked(patience);
        tokio::time::sleep(PAUSE).await;
    }
}

/// How many deliveries may be queued until the next look: an eighth of the room, so that a handful
/// of processes that queue at the same time do not pass the bound by much.
fn patience(max: u64, pending: u64) -> u64 {
    (max.saturating_sub(pending) / 8).max(1)
}

/// Gives up the oldest until the queue is within its bound, or none is left that may be given up.
async fn relieve(stage: &Deliver, unit: &SinkUnit, unsure: &Unsure) -> Result<Reading, StoreError> {
    let mut dead_lettered = 0;
    // Mostly there is not too much, and one delivery shows that as well as many.
    let mut limit = 1;
    loop {
        let polls = stage
            .context
            .shards()
            .map(|shard| look(stage, unit, shard, limit));
        let mut slices = each(join_all(polls).await)?;
        let pending: u64 = slices.iter().map(|slice| slice.pending).sum();
        let excess = pending.saturating_sub(unit.settings.queue_max);
        let look = Reading {
            pending,
            dead_lettered,
            is_delayed: false,
        };
        if excess == 0 {
            return Ok(look);
        }
        if limit < SLICE {
            limit = SLICE;
            continue;
        }
        let leaves = stage.context.shards().zip(&mut slices);
        let leaves = leaves.map(|(shard, slice)| leave(stage, unit, shard, slice));
        let left: u64 = each(join_all(leaves).await)?.into_iter().sum();
        if left > 0 {
            // They are no part of the queue any more: what is behind them may be.
            continue;
        }
        let counts = oldest(&slices, excess);
        let is_delayed = counts.iter().any(|count| *count > 0);
        let dead_letters = stage.context.shards().zip(slices).zip(counts);
        let dead_letters = dead_letters.filter(|(_, count)| *count > 0);
        let dead_letters = dead_letters.map(|((shard, mut slice), count)| {
            slice.deliveries.truncate(count);
            dead_letter(stage, unit, unsure, shard, slice.deliveries)
        });
        let count: u64 = each(join_all(dead_letters).await)?.into_iter().sum();
        if count == 0 {
            return Ok(Reading { is_delayed, ..look });
        }
        dead_lettered += count;
    }
}

/// What came of a step on each shard. One that fails holds up no other: it counts as empty meanwhile.
///
/// # Errors
///
/// All of them failed.
fn each<T: Default>(outcomes: Vec<Result<T, StoreError>>) -> Result<Vec<T>, StoreError> {
    let (mut all, mut n_failed, mut failed) = (Vec::with_capacity(outcomes.len()), 0, None);
    for outcome in outcomes {
        all.push(match outcome {
            Ok(one) => one,
            Err(error) => {
                tracing::debug!(%error, "a shard's queue is looked at again");
                n_failed += 1;
                failed = Some(error);
                T::default()
            }
        });
    }
    match failed {
        Some(error) if n_failed == all.len() => Err(error),
        _ => Ok(all),
    }
}

/// Leaves what a later version wrote to it: it is not to be given up. Takes it out of the slice, and returns
/// how many there were.
async fn leave(
    stage: &Deliver,
    unit: &SinkUnit,
    shard: Shard,
    slice: &mut QueueSlice,
) -> Result<u64, StoreError> {
    let is_newer = |waiting: &WaitingDelivery| {
        let read = codec::decode_notification(&waiting.body);
        read.is_err_and(|error| error.is_newer())
    };
    let (newer, known): (Vec<_>, Vec<_>) = std::mem::take(&mut slice.deliveries)
        .into_iter()
        .partition(is_newer);
    slice.deliveries = known;
    let free = newer.into_iter().filter(|waiting| !waiting.is_claimed);
    let ids: Vec<_> = free.map(|waiting| waiting.place.id).collect();
    if ids.is_empty() {
        return Ok(0);
    }
    let (store, sink) = (&stage.context.store, unit.name());
    let leave = store.leave_deliveries(shard, sink, Priority::Normal, &ids);
    stage.context.call("leave_deliveries", leave).await
}

async fn look(
    stage: &Deliver,
    unit: &SinkUnit,
    shard: Shard,
    limit: u32,
) -> Result<QueueSlice, StoreError> {
    let request = QueueRequest {
        priority: Priority::Normal,
        after: None,
        limit,
    };
    let waiting = stage.context.store.peek(shard, unit.name(), request);
    stage.context.call("waiting", waiting).await
}

/// How many of each slice, from its beginning, are among the `excess` oldest of all.
///
/// A slice that is not the last one of its queue tells nothing of what is behind it, which may be
/// older than what other slices show; so nothing behind its end is chosen.
fn oldest(slices: &[QueueSlice], excess: u64) -> Vec<usize> {
    let horizon = slices.iter().filter_map(|slice| slice.next.as_ref()).min();
    let waiting = slices.iter().enumerate().flat_map(|(shard, slice)| {
        let places = slice.deliveries.iter().map(|waiting| &waiting.place);
        places.map(move |place| (place, shard))
    });
    let mut known: Vec<_> = waiting
        .filter(|(place, _)| horizon.is_none_or(|horizon| *place <= horizon))
        .collect();
    known.sort_unstable();
    known.truncate(usize::try_from(excess).unwrap_or(usize::MAX));
    let mut counts = vec![0; slices.len()];
    for (_, shard) in known {
        counts[shard] += 1;
    }
    counts
}

/// Dead-letters deliveries of one shard and returns how many. Claimed ones are skipped: they may still
/// arrive. No younger ones take their place.
async fn dead_letter(
    stage: &Deliver,
    unit: &SinkUnit,
    unsure: &Unsure,
    shard: Shard,
    mut deliveries: Vec<WaitingDelivery>,
) -> Result<u64, StoreError> {
    deliveries.retain(|waiting| !waiting.is_claimed);
    if deliveries.is_empty() {
        return Ok(0);
    }
    let bodies = deliveries.iter().map(|waiting| &waiting.body);
    let is_news = !bodies.clone().all(|body| dead::is_about_dead_letters(body));
    let dead_letters = deliveries.iter().map(|waiting| DeadLetter {
        fallback: fallback::of_body(unit, &waiting.body),
        id: waiting.place.id.clone(),
    });
    let attempt = Attempt {
        at: stage.context.clock.now(),
        result: Outcome::Dead.word().to_owned(),
        detail: REASON.to_owned(),
    };
    let mut count = 0;
    for step in split(dead_letters, DeadLetter::bytes, MAX_STEP_BYTES) {
        let dead_letter = stage
            .context
            .store
            .dead_letter(shard, unit.name(), &step, &attempt);
        let dead_lettered = stage.context.call("dead_letter", dead_letter).await;
        let Outcomes { done, queued } =
            dead_lettered.inspect_err(|_| unsure.add(&step, is_news))?;
        let others = step.iter();
        let others = others.filter_map(|dead_letter| dead_letter.fallback.as_ref());
        fallback::handed_over(stage, unit, shard, others, queued);
        let dead_lettered = done.into_iter().map(u64::from).sum();
        told(stage, unit, dead_lettered, is_news);
        count += dead_lettered;
    }
    Ok(count)
}

/// Counts and reports deliveries that were given up.
fn told(stage: &Deliver, unit: &SinkUnit, count: u64, is_news: bool) {
    let labels = DeliveryLabels {
        sink: unit.name.clone(),
        result: Outcome::Dead.word(),
    };
    stage
        .context
        .metrics
        .deliveries
        .get_or_create(&labels)
        .inc_by(count);
    let now = stage.context.clock.now();
    stage
        .dead
        .given_up(unit.name(), count, REASON, is_news, now);
}

#[cfg(test)]
mod tests {
    use smswatch_model::{DeliveryId, Timestamp};

    use super::*;
    use crate::store::QueuePlace;

    fn place(second: i64) -> QueuePlace {
        QueuePlace {
            queued_at: Timestamp::from_seconds(second),
            id: DeliveryId::new(format!("dlv_{second}")).expect("an id"),
        }
    }

    fn slice(seconds: &[i64], has_more: bool) -> QueueSlice {
        let waiting = |second: &i64| WaitingDelivery {
            place: place(*second),
            is_claimed: false,
            body: Vec::new(),
        };
        QueueSlice {
            pending: 0,
            deliveries: seconds.iter().map(waiting).collect(),
            next: seconds.last().filter(|_| has_more).map(|last| place(*last)),
        }
    }

    #[test]
    fn the_oldest_of_all_shards_are_chosen() {
        let slices = [
            slice(&[1, 5, 9], false),
            slice(&[], false),
            slice(&[2, 3], false),
        ];
        assert_eq!(oldest(&slices, 0), [0, 0, 0]);
        assert_eq!(oldest(&slices, 3), [1, 0, 2]);
        assert_eq!(oldest(&slices, 100), [3, 0, 2]);
    }

    #[test]
    fn nothing_is_chosen_that_may_be_younger_than_what_is_not_shown() {
        let slices = [slice(&[1, 2], true), slice(&[2, 3, 4], false)];
        let chosen = oldest(&slices, 100);
        assert_eq!(chosen, [2, 1], "what is behind 2 may be older than 3");
        let slices = [slice(&[1, 2], true), slice(&[8, 9], true)];
        assert_eq!(oldest(&slices, 100), [2, 0]);
    }

    #[test]
    fn a_queue_is_looked_at_the_sooner_the_fuller_it_is() {
        assert_eq!(patience(100_000, 0), 12_500);
        assert_eq!(patience(100_000, 99_992), 1);
        assert_eq!(patience(5, 5), 1);
        assert_eq!(patience(5, 500), 1);
    }
}
