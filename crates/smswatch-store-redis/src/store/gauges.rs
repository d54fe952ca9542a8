//! The counts of everything.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use futures::future::join_all;
use smswatch_plugin::record::WatchState;
use smswatch_plugin::store::{Gauges, QueueGauge, Shard, StoreError};

use super::RedisStore;
use crate::delivery::{instant, text};
use crate::error::strange;

/// What the script that counts answers: the shard's counters, and its queues.
pub(super) type Counted = (BTreeMap<String, i64>, Vec<Vec<u8>>);

impl RedisStore {
    pub(super) async fn count_all(&self) -> Result<Gauges, StoreError> {
        let asked = (0..self.shards).map(|shard| async move {
            let call = self.call(&self.scripts.gauges, Shard(shard));
            (Shard(shard), self.invoke::<Counted>(&call).await)
        });
        let answers = join_all(asked).await;
        let counted = self.as_known_last(answers)?;
        let mut watches: BTreeMap<WatchState, u64> = BTreeMap::new();
        let mut queues: BTreeMap<String, QueueGauge> = BTreeMap::new();
        let (mut unrouted, mut set_aside) = (0, 0);
        for (counts, rows) in counted {
            let count = |name: &str| counts.get(name).copied().unwrap_or(0);
            unrouted += u64::try_from(count("appended") - count("routed")).unwrap_or(0);
            set_aside += u64::try_from(count("aside")).unwrap_or(0);
            for state in WatchState::ALL {
                let count = count(&state.byte().to_string());
                *watches.entry(state).or_default() += u64::try_from(count).unwrap_or(0);
            }
            for row in rows.chunks_exact(5) {
                add_queue(&mut queues, row)?;
            }
        }
        Ok(Gauges {
            watches: watches.into_iter().collect(),
            unrouted,
            set_aside,
            queues: queues.into_values().collect(),
        })
    }

    /// What each shard holds: one that cannot be counted now holds what it did when it was counted last.
    ///
    /// # Errors
    ///
    /// None can be counted.
    fn as_known_last(
        &self,
        answers: Vec<(Shard, Result<Counted, StoreError>)>,
    ) -> Result<Vec<Counted>, StoreError> {
        let mut known = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut n_counted, mut failed) = (0, None);
        for (shard, answer) in answers {
            match answer {
                Ok(counted) => {
                    n_counted += 1;
                    known.insert(shard, counted);
                }
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) if n_counted == 0 => Err(error),
            _ => Ok(known.values().cloned().collect()),
        }
    }
}

fn add_queue(queues: &mut BTreeMap<String, QueueGauge>, row: &[Vec<u8>]) -> Result<(), StoreError> {
    let sink = text(&row[0])?;
    let number = |bytes: &[u8]| text(bytes)?.parse::<u64>().map_err(|_| strange("a count"));
    let queue = queues.entry(sink.to_owned()).or_insert_with(|| QueueGauge {
        sink: sink.to_owned(),
        ..QueueGauge::default()
    });
    queue.pending += number(&row[1])?;
    queue.left += number(&row[2])?;
    queue.dead += number(&row[3])?;
    if text(&row[4])? != "-1" {
        let oldest = instant(&row[4])?;
        queue.oldest = Some(queue.oldest.map_or(oldest, |known| known.min(oldest)));
    }
    Ok(())
}
