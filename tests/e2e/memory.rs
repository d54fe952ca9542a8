//! What is watched lies in the store; memory is for what is in flight.

use routee_sim::PopulationSpec;

use crate::ask::until;
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
    let mut watch = async |wanted: u64| {
        while n_watched < wanted {
            let ids = fleet.sim.population_ids("many", n_watched, 1_000);
            fleet.watch(&process, &ids.expect("ids")).await;
            n_watched += 1_000;
            let what = "they are polled";
            until(what, async || polls(&process).await >= n_watched).await;
        }
        process.resident_memory()
    };
    let before = watch(FIRST).await;
    watch(FIRST + MORE).await;
    // What the last polls took is given back a moment later.
    let most = before + MORE * MOST_FOR_EACH;
    let what = format!("it takes no more than {most} bytes");
    until(&what, async || process.resident_memory() < most).await;
}
