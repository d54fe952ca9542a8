//! What a process leaves behind that does not reach the store any more, as if it had died.

use std::sync::Arc;

use smswatch_core::Engine;
use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;
use smswatch_testkit::memory_store::MemoryStore;
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

/// A process that is to be cut off from the store, and its sink.
async fn dying(world: &World) -> (MemoryStore, Arc<Recorder>, Engine) {
    let way = world.store.another_way();
    let sink = Recorder::new(world, seconds(0));
    let sinks = [("crm", Arc::clone(&sink), SinkSettings::default())];
    let engine = world.engine_on(&way, sinks).await;
    (way, sink, engine)
}

/// P6: a dead process's work goes on elsewhere within 45 seconds.
#[tokio::test(start_paused = true)]
async fn the_watches_of_a_dead_process_are_polled_by_another_within_45_seconds() {
    let world = World::new();
    let (way, _, dying) = dying(&world).await;
    world
        .watch(
            &dying,
            "m1",
            vec![(seconds(0), "Sent"), (seconds(60), "Undelivered")],
        )
        .await;
    sleep(seconds(30)).await;
    way.cut();
    let (second, heir) = world.start().await;
    sleep(seconds(30 + 45 + 60)).await;
    let told = second.attempts(EventKind::StatusChanged);
    assert_eq!(second.statuses(), ["Undelivered"]);
    assert!(told[0].at <= seconds(60 + 45 + 35), "{told:?}");
    assert!(heir.stop().await);
    dying.stop().await;
}

/// P6: what rules keep is looked after by whoever is left, also by one that has started long before.
#[tokio::test(start_paused = true)]
async fn rates_and_groups_of_a_dead_process_are_judged_and_told_by_one_that_ran_beside_it() {
    let mut world = World::new();
    world.rules = Some(
        "
rules:
  - {name: rate, event: rate, count: {status: Undelivered}, by: [message], over: 20m, above: 0, notify: [crm]}
  - {name: group, match: {status: Undelivered}, group: {by: [message], wait: 20s, interval: 1h}, notify: [crm]}
",
    );
    let (way, first, dying) = dying(&world).await;
    let (second, heir) = world.start().await;
    // Whoever polls a message counts it, and alone knows when its rate and its group are due.
    for n in 0..40 {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(&dying, &format!("m{n}"), fate).await;
    }
    sleep(seconds(9)).await;
    way.cut();
    sleep(seconds(20 + 45)).await;
    for kind in [EventKind::AlertFiring, EventKind::StatusChanged] {
        let told = first.attempts(kind).len() + second.attempts(kind).len();
        assert_eq!(told, 40, "{kind:?}");
    }
    assert!(heir.stop().await);
    dying.stop().await;
}
