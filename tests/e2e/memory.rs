//! What is watched lies in the store; memory is for what is in flight.

use std::time::Duration;

use routee_sim::PopulationSpec;

use crate::fleet::Fleet;
use crate::process::Process;
use crate::replicas::polls;

const FIRST: u64 = 2_000;
const MORE: u64 = 12_000;

/// In bytes; a set of their ids alone would take more.
const MOST_FOR_EACH: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn many_watched_messages_take_no_memory() {
    let fleet = Fleet::new().await;
    let process = Process::start(&fleet.config("[1h]", ""));
    let population = PopulationSpec {
        name: "many".to_owned(),
        count: FIRST + MORE,
        ..PopulationSpec::default()
    };
    fleet.sim.add_population(population).expect("a population");
    let mut n_watched = 0;
    // In batches that are polled before the next one comes: what is in flight stays the same.
    let mut watch = async |until: u64| {
        while n_watched < until {
            let ids = fleet.sim.population_ids("many", n_watched, 1_000);
            fleet.watch(&process, &ids.expect("ids")).await;
            n_watched += 1_000;
            while polls(&process).await < n_watched {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        process.resident_memory()
    };
    let before = watch(FIRST).await;
    let after = watch(FIRST + MORE).await;
    let grown = after.saturating_sub(before);
    assert!(grown < MORE * MOST_FOR_EACH, "from {before} to {after}");
}
