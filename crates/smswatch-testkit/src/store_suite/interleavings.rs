//! Tries random interleavings of steps, the same ones at every run.

use std::cell::Cell;
use std::future::Future;

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use tokio::runtime::Handle;

/// How many interleavings are tried; each writes to a real disk.
const CASES: u32 = 64;

/// What they follow from, unless the environment names another seed.
const SEED: u64 = 20_260_501;

/// Plays interleavings, each with a number of its own, until one is not as it should be.
///
/// Leases end by the store's clock, so the steps of a run are repeatable and their moments are not.
///
/// # Panics
///
/// With the shortest interleaving that was found not to be as it should, and the seed to repeat it.
pub(super) async fn play_all<S, F>(
    steps: impl FnOnce() -> S + Send + 'static,
    play: impl Fn(u32, S::Value) -> F + Send + 'static,
) where
    S: Strategy,
    F: Future<Output = Result<(), String>>,
{
    let runtime = Handle::current();
    let trying = tokio::task::spawn_blocking(move || {
        let mut config = Config {
            cases: CASES,
            max_shrink_iters: 200,
            failure_persistence: None,
            ..Config::default()
        };
        if config.rng_seed == RngSeed::Random {
            config.rng_seed = RngSeed::Fixed(SEED);
        }
        let seed = config.rng_seed;
        let n_played = Cell::new(0);
        let tried = TestRunner::new(config).run(&steps(), |steps| {
            let case = n_played.replace(n_played.get() + 1);
            let played = runtime.block_on(play(case, steps));
            played.map_err(TestCaseError::fail)
        });
        tried.map_err(|violation| format!("{violation}\nPROPTEST_RNG_SEED={seed} plays it again"))
    });
    let tried = trying.await.expect("a violation is an error, not a panic");
    if let Err(violation) = tried {
        panic!("{violation}");
    }
}
