//! Routes log entries that an earlier version left to one that can read them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::Route;
use super::evaluate::{self, Body};
use crate::store::{LeftStep, LogPosition, RouteOutcome, Shard, StoreError};
use crate::taken::Source;

/// How often it is looked for entries that another process has left.
const ASK_EVERY: Duration = Duration::from_secs(10);

/// How many entries are read at once.
const STEP: u32 = 64;

/// Routes what was left as far as this version can read it, at the start and whenever another process
/// leaves more; runs until it is cancelled. What it cannot read it reads once: a version learns nothing
/// while it runs.
pub(crate) async fn run(stage: Arc<Route>) {
    let mut beat = tokio::time::interval(ASK_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut places: Vec<Option<LogPosition>> = stage.context.shards().map(|_| None).collect();
    loop {
        beat.tick().await;
        for (shard, place) in stage.context.shards().zip(&mut places) {
            if let Err(error) = route_left(&stage, shard, place).await {
                tracing::debug!(%error, "entries that were left are read again");
            }
        }
    }
}

/// Routes what lies behind `place`, and moves it on.
async fn route_left(
    stage: &Route,
    shard: Shard,
    place: &mut Option<LogPosition>,
) -> Result<(), StoreError> {
    loop {
        let left = stage
            .context
            .store
            .left_entries(shard, place.as_ref(), STEP);
        let entries = stage.context.call("left_entries", left).await?;
        let Some(last) = entries.last().map(|entry| entry.position.clone()) else {
            return Ok(());
        };
        let (now, began) = (stage.context.clock.now(), Instant::now());
        let entries = entries.into_iter();
        let entries = entries.map(|entry| (entry.position, Body::Stored(entry.body)));
        let source = Source::Left(shard);
        // Entries that were left come in any order: none is settled by another.
        let settled = LogPosition(String::new());
        let entries = entries.collect();
        let evaluated = evaluate::all(stage, &source, (&settled, false), entries, now);
        let Some((evaluated, mut marks)) = evaluated.await? else {
            continue;
        };
        // What the rules cannot route either stays where it is, and can be looked up there.
        let routable = evaluated.into_iter();
        let routable: Vec<_> = routable.filter(|entry| entry.set_aside.is_none()).collect();
        let positions: Vec<_> = routable
            .iter()
            .map(|entry| entry.position.clone())
            .collect();
        if !positions.is_empty() {
            let effects = super::effects(stage, &source, routable, &mut marks, now).await?;
            let Some(effects) = effects else { continue };
            let step = LeftStep {
                entries: positions,
                deliveries: effects.deliveries,
                records: effects.records,
            };
            let route = stage.context.store.route_left(shard, &step);
            if stage.context.call("route_left", route).await? == RouteOutcome::Conflict {
                continue;
            }
            tracing::info!(
                shard = shard.0,
                count = step.entries.len(),
                "log entries that an earlier version could not read are routed"
            );
            super::queued(stage, shard, &step.deliveries);
            super::traced::ended(&stage.context, effects.spans, began.elapsed());
        }
        *place = Some(last);
    }
}
