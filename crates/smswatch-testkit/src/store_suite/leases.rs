//! The promise that watches keep to their protocol, whatever happens in whatever order.

mod model;
mod play;

use std::sync::Arc;

use proptest::prelude::*;

use super::StoreFixture;
use super::interleavings::play_all;

/// How many watches one interleaving is about: few, so that steps meet.
const WATCHES: u32 = 6;

/// One step of an interleaving.
///
/// Nobody is named: a process that crashed is one whose claim is never committed, and one that was
/// stopped commits a claim long after others have taken it over.
#[derive(Debug, Clone)]
enum Step {
    /// A watch is registered, due at once.
    Add { n: u32 },
    /// A watch is changed by somebody who has not claimed it, and stays due when it was.
    Tag { n: u32 },
    /// A watch goes.
    Remove { n: u32 },
    /// Somebody claims what is due.
    Claim { limit: u32, is_short: bool },
    /// The claimer of one of the latest claims commits it, still theirs or not.
    Commit {
        which: prop::sample::Index,
        extent: Extent,
        is_due_at_once: bool,
    },
    /// The claimer of one of the latest claims gives it back, still theirs or not.
    Release { which: prop::sample::Index },
    /// Time passes until all short leases have ended.
    Pass,
}

/// How much of a claim is committed.
#[derive(Debug, Clone, Copy)]
enum Extent {
    /// One watch of it; the lease goes on.
    First,
    /// All of it, and the lease ends with it.
    All,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let extent = prop_oneof![Just(Extent::First), Just(Extent::All)];
    let commit = (any::<prop::sample::Index>(), extent, any::<bool>());
    let step = prop_oneof![
        3 => (0..WATCHES).prop_map(|n| Step::Add { n }),
        2 => (0..WATCHES).prop_map(|n| Step::Tag { n }),
        1 => (0..WATCHES).prop_map(|n| Step::Remove { n }),
        5 => (1..=3_u32, prop::bool::weighted(0.6))
            .prop_map(|(limit, is_short)| Step::Claim { limit, is_short }),
        5 => commit.prop_map(|(which, extent, is_due_at_once)| Step::Commit {
            which,
            extent,
            is_due_at_once,
        }),
        2 => any::<prop::sample::Index>().prop_map(|which| Step::Release { which }),
        1 => Just(Step::Pass),
    ];
    prop::collection::vec(step, 1..80)
}

/// Random interleavings of registrations, claims, ends of leases, commits and releases, those of the
/// past included, against a plain model: no watch is lost, none belongs to two, and of those who saw
/// the same only the first one writes.
pub async fn watches_keep_to_their_model(fixture: &dyn StoreFixture) {
    let store = fixture.store();
    let played = Arc::clone(&store);
    let play = move |case, steps: Vec<Step>| {
        let store = Arc::clone(&played);
        async move { play::play(store, case, &steps).await }
    };
    play_all(steps, play).await;
    // Every interleaving removes what it leaves.
    let counted = store.gauges().await.expect("counts").watches;
    let counted: u64 = counted.into_iter().map(|(_, count)| count).sum();
    assert_eq!(counted, 0);
}
