//! The promise that a queue keeps to its protocol, whatever happens in whatever order.

mod model;
mod play;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Handle;

use super::StoreFixture;

/// How many interleavings are tried; each writes to a real disk.
const CASES: u32 = 64;

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
    /// Whoever made one of the claims so far completes it, be it still theirs or not.
    Complete {
        which: prop::sample::Index,
        end: End,
    },
    /// Time passes until all short leases have ended.
    Pass,
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy)]
enum End {
    Delivered,
    Dead,
    RetryAtOnce,
    RetryMuchLater,
    Returned,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![
        3 => Just(End::Delivered),
        1 => Just(End::Dead),
        3 => Just(End::RetryAtOnce),
        1 => Just(End::RetryMuchLater),
        1 => Just(End::Returned),
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
        1 => Just(Step::Pass),
    ];
    prop::collection::vec(step, 1..40)
}

/// Random interleavings of queueing, claims, ends of leases and completions, those of the past
/// included, against a plain model: nothing is lost, nobody holds what another holds, an outdated
/// token changes nothing, and what goes first goes first.
pub async fn a_queue_keeps_to_its_model(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let runtime = Handle::current();
    let cases = AtomicU32::new(0);
    let trying = tokio::task::spawn_blocking(move || {
        let config = Config {
            cases: CASES,
            max_shrink_iters: 200,
            failure_persistence: None,
            ..Config::default()
        };
        TestRunner::new(config).run(&steps(), |steps| {
            let case = cases.fetch_add(1, Ordering::Relaxed);
            runtime
                .block_on(play::play(Arc::clone(&store), case, &steps))
                .map_err(TestCaseError::fail)
        })
    });
    let tried = trying.await.expect("a violation is an error, not a panic");
    if let Err(violation) = tried {
        panic!("{violation}");
    }
}
