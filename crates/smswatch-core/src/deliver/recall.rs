//! Takes up deliveries whose next attempt lies further ahead than it can: a clock was far ahead when it was
//! set.

use std::time::Duration;

use super::SinkUnit;
use super::breaker;
use crate::budget;
use crate::context::Context;
use crate::settings::SinkSettings;
use crate::store::Priority;

/// What is added to the longest time that a delivery waits, so that nothing is recalled that a process with
/// slightly other settings has scheduled.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

/// How far ahead of now a delivery can be due, or its lease can end.
fn furthest(settings: &SinkSettings) -> Duration {
    let gaps = settings.retry.schedule.iter().copied();
    let others = [
        breaker::LONGEST_WAIT,
        settings.breaker.probe,
        settings.timeout + budget::DELIVERY_LEASE_MARGIN,
    ];
    let longest = gaps.chain(others).max().unwrap_or_default();
    longest + longest / 10 + MARGIN
}

/// Makes due what a sink's deliveries wait for too long.
pub(crate) async fn recall(context: &Context, unit: &SinkUnit) {
    let furthest = furthest(&unit.settings);
    for shard in context.shards() {
        for priority in Priority::ALL {
            let store = &context.store;
            let recall = store.recall_deliveries(shard, unit.name(), priority, furthest);
            let Ok(count @ 1..) = context.call("recall", recall).await else {
                continue;
            };
            tracing::warn!(
                sink.name = unit.name(),
                count,
                "deliveries were scheduled by a clock that was far ahead, and are due now"
            );
            unit.inbox.due(priority).hint_now(usize::from(shard.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_its_turn_is_not_recalled_and_what_waits_for_years_is() {
        let settings = SinkSettings::default();
        let year = Duration::from_secs(365 * 24 * 3600);
        let furthest = furthest(&settings);
        assert!(furthest < year);
        let gaps = settings.retry.schedule.iter();
        let waits = gaps.chain([&settings.breaker.probe, &breaker::LONGEST_WAIT]);
        for wait in waits {
            assert!(furthest > *wait + *wait / 10);
        }
    }
}
