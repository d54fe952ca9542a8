//! When groups are told: a wait after the first event, and then at most once in an interval.

use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;
use smswatch_plugin::rules::Gathering;

use crate::world::{Attempted, Recorder, World, seconds};

const STATUS: EventKind = EventKind::StatusChanged;

fn grouping(max: usize) -> World {
    let mut world = World::new();
    world.gathering = Some(Gathering {
        wait: seconds(30),
        interval: seconds(300),
        max,
        throttle: None,
    });
    world
}

/// How many events an attempt tells of, and how many more it counts.
fn counts(attempts: &[Attempted]) -> Vec<(usize, u64)> {
    let attempts = attempts.iter();
    attempts
        .map(|attempt| (attempt.n_events, attempt.omitted))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_and_then_keeps_its_interval_and_counts_what_is_too_much() {
    let world = grouping(3);
    let sink = Recorder::new(&world, seconds(0));
    let engine = world
        .engine([("crm", sink.clone(), SinkSettings::default())])
        .await;
    for n in 0..8 {
        let fate = vec![(seconds(0), "Delivered")];
        world.watch(&engine, &format!("m{n}"), fate).await;
    }
    tokio::time::sleep(seconds(25)).await;
    assert_eq!(counts(&sink.attempts(STATUS)), []);
    tokio::time::sleep(seconds(10)).await;
    let first = sink.attempts(STATUS);
    assert_eq!(counts(&first), [(3, 5)]);
    assert!(first[0].at >= seconds(30), "{first:?}");

    let fate = || vec![(seconds(0), "Delivered")];
    world.watch(&engine, "second", fate()).await;
    tokio::time::sleep(seconds(200)).await;
    assert_eq!(sink.attempts(STATUS).len(), 1, "the interval is not over");
    tokio::time::sleep(seconds(120)).await;
    let second = sink.attempts(STATUS);
    assert_eq!(counts(&second[1..]), [(1, 0)]);
    assert!(second[1].at >= second[0].at + seconds(299), "{second:?}");

    // An interval without events forgets the group: the next event waits no longer than the first did.
    tokio::time::sleep(seconds(400)).await;
    let before = tokio::time::Instant::now();
    world.watch(&engine, "third", fate()).await;
    while sink.attempts(STATUS).len() < 3 {
        tokio::time::sleep(seconds(1)).await;
    }
    let waited = before.elapsed();
    assert!(waited >= seconds(30) && waited < seconds(40), "{waited:?}");
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_replica_leaves_in_groups_another_one_tells() {
    let world = grouping(50);
    let sink = Recorder::new(&world, seconds(0));
    let sinks = || [("crm", sink.clone(), SinkSettings::default())];
    let first = world.engine(sinks()).await;
    for n in 0..4 {
        let fate = vec![(seconds(0), "Delivered")];
        world.watch(&first, &format!("m{n}"), fate).await;
    }
    tokio::time::sleep(seconds(10)).await;
    first.stop().await;
    let second = world.engine(sinks()).await;
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(counts(&sink.attempts(STATUS)), [(4, 0)]);
    second.stop().await;
}
