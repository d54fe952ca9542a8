//! Writes what attempts said of a sink, and has what waited for it go out when it works again.

use std::time::Duration;

use futures::future::join_all;
use smswatch_model::Timestamp;

use super::super::Circuit;
use super::Known;
use super::news::AllNews;
use crate::backoff::Backoff;
use crate::context::Context;
use crate::deliver::SinkUnit;
use crate::store::{Shard, StoreError};

/// Makes due what failed while the receiver was ill, and would otherwise wait for up to the longest
/// gap of its schedule although the receiver is well again; its slow start sets the pace.
async fn make_due(context: &Context, unit: &SinkUnit) -> Result<(), StoreError> {
    let Some(since) = unit.breaker.known().must_make_due(context.clock.now()) else {
        return Ok(());
    };
    let left = unit
        .breaker
        .known()
        .left_to_make_due(since, context.shards());
    let shards = left.into_iter().map(|shard| async move {
        let make_due = context.store.make_due(shard, unit.name());
        let made_due = context.call("make_due", make_due).await?;
        if made_due > 0 {
            for due_times in &unit.inbox.due {
                due_times.hint_now(usize::from(shard.0));
            }
        }
        // Where another shard fails this one is not made due again: what fails meanwhile keeps to its
        // schedule.
        unit.breaker.known().made_due.1.insert(shard);
        Ok::<_, StoreError>(())
    });
    for made_due in join_all(shards).await {
        made_due?;
    }
    // It is noted until it is done. After a crash, another process sees the note and does the rest.
    let done = |circuit: &mut Circuit, _now| {
        circuit.to_make_due.take_if(|noted| *noted == since);
        ((), AllNews::new())
    };
    unit.breaker.change(context, 0, done).await?;
    unit.breaker.known().is_to_make_due = false;
    Ok(())
}

impl Known {
    /// The shards in which what waits since then is not made due yet.
    fn left_to_make_due(
        &mut self,
        since: Timestamp,
        all: impl Iterator<Item = Shard>,
    ) -> Vec<Shard> {
        if self.made_due.0.replace(since) != Some(since) {
            self.made_due.1.clear();
        }
        all.filter(|shard| !self.made_due.1.contains(shard))
            .collect()
    }
}

/// Writes what attempts say for as long as there is `work`, and what they said last.
pub(crate) async fn keep(context: &Context, unit: &SinkUnit, work: impl Future<Output = ()>) {
    tokio::select! {
        biased;
        () = work => {}
        () = write_reports(context, unit) => {}
    }
    // Without it the others would have to find out by themselves, and that is all.
    if let Err(error) = unit.breaker.write(context).await {
        tracing::debug!(%error, "what the last attempts said is not written");
    }
}

/// Writes what attempts say, forever; waits while the store is away.
async fn write_reports(context: &Context, unit: &SinkUnit) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(2));
    loop {
        let written = async {
            unit.breaker.write(context).await?;
            make_due(context, unit).await
        };
        match written.await {
            Ok(()) => {
                backoff.succeed();
                unit.breaker.reported.notified().await;
            }
            Err(error) => {
                tracing::debug!(%error, "a sink's breaker is written again");
                tokio::time::sleep(backoff.fail()).await;
            }
        }
    }
}
