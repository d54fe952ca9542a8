//! The promise that a queue keeps to its protocol, whatever happens in whatever order.

mod model;
mod play;
mod redrive;

use std::sync::Arc;

use proptest::prelude::*;

use super::StoreFixture;
use super::interleavings::play_all;

/// How many deliveries one interleaving is about: few, so that steps meet.
const DELIVERIES: u32 = 8;

/// One step of an interleaving.
///
/// Nobody is named: a worker that crashed is one whose claim is never completed, and one that was
/// paused completes a claim long after others have taken it over.
#[derive(Debug, Clone)]
enum Step {
    /// A delivery is queued.
    Enqueue { n: u32, is_critical: bool },
    /// A log entry is routed into a delivery; a second process tries the same with another.
    Route { n: u32, is_critical: bool },
    /// Somebody claims what has this priority.
    Claim {
        limit: u32,
        is_short: bool,
        is_critical: bool,
    },
    /// The claimer of one of the claims so far completes it, still theirs or not.
    Complete {
        which: prop::sample::Index,
        end: End,
    },
    /// Somebody wants a delivery sent again that was given up, or that arrived.
    Requeue { n: u32, is_replay: bool },
    /// Somebody wants everything sent again that was given up.
    RequeueDead,
    /// The oldest are given up, and one more if that may be.
    DeadLetter { limit: u32, n: u32 },
    /// Time passes until all short leases have ended.
    Pass,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy)]
enum End {
    Delivered,
    Dead,
    Suppressed,
    RetryAtOnce,
    RetryMuchLater,
    Returned,
    Postponed,
    Left,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![
        3 => Just(End::Delivered),
        1 => Just(End::Dead),
        1 => Just(End::Suppressed),
        3 => Just(End::RetryAtOnce),
        1 => Just(End::RetryMuchLater),
        1 => Just(End::Returned),
        1 => Just(End::Postponed),
        1 => Just(End::Left),
    ];
    let claim = (1..=4_u32, prop::bool::weighted(0.8), any::<bool>());
    let step = prop_oneof![
        3 => (0..DELIVERIES, any::<bool>()).prop_map(|(n, is_critical)| Step::Enqueue { n, is_critical }),
        1 => (0..DELIVERIES, any::<bool>()).prop_map(|(n, is_critical)| Step::Route { n, is_critical }),
        5 => claim.prop_map(|(limit, is_short, is_critical)| Step::Claim {
            limit,
            is_short,
            is_critical,
        }),
        5 => (any::<prop::sample::Index>(), end).prop_map(|(which, end)| Step::Complete { which, end }),
        2 => (0..DELIVERIES, any::<bool>()).prop_map(|(n, is_replay)| Step::Requeue { n, is_replay }),
        1 => Just(Step::RequeueDead),
        1 => (1..=3_u32, 0..DELIVERIES).prop_map(|(limit, n)| Step::DeadLetter { limit, n }),
        1 => Just(Step::Pass),
    ];
    prop::collection::vec(step, 1..40)
}

/// Random interleavings of queueing, claims, ends of leases, completions, those of the past included,
/// dead_letters and retries of what had ended, against a plain model: nothing is lost, nobody holds what
/// another holds, an outdated token changes nothing, and what goes first goes first.
pub async fn a_queue_keeps_to_its_model(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let play = move |case, steps: Vec<Step>| {
        let store = Arc::clone(&store);
        async move { play::play(store, case, &steps).await }
    };
    play_all(steps, play).await;
}
