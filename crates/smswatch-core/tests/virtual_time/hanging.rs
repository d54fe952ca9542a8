//! A store whose answers are held back: its disk hangs, or the process stood still while they came.

use smswatch_plugin::store::{Shard, Store as _};
use smswatch_testkit::memory_store::Hanging;
use tokio::time::sleep;

use crate::world::{World, seconds};

#[tokio::test(start_paused = true)]
async fn an_answer_that_waited_does_not_set_the_clock_back() {
    let world = World::new();
    let (_sink, engine) = world.start().await;
    sleep(seconds(4)).await;
    // The pulse asks for the time at five seconds, and has the answer at nine.
    world.store.hang(Hanging::Everything);
    sleep(seconds(5)).await;
    world.store.hang(Hanging::Nothing);
    sleep(seconds(1) / 2).await;
    let now = world.store.now(Shard(0)).await.expect("the time");
    assert_eq!(engine.service().now(), now);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_trouble_and_well_again_when_it_does() {
    let world = World::new();
    let (sink, engine) = world.start().await;
    let service = engine.service();
    sleep(seconds(4)).await;
    assert!(service.is_well_apart_from("heartbeat"));
    world.store.hang(Hanging::Everything);
    sleep(seconds(1 + 14)).await;
    assert!(service.health().ready, "it may still answer");
    sleep(seconds(2)).await;
    let health = service.health();
    assert!(!health.ready);
    let trouble = "it does not answer: a call has taken more than 15 s";
    assert_eq!(health.parts["store"].as_deref(), Some(trouble));
    assert!(!service.is_well_apart_from("heartbeat"));
    assert!(service.is_alive(), "it has not turned for a moment only");
    sleep(seconds(120)).await;
    assert!(!service.is_alive());
    world.store.hang(Hanging::Nothing);
    sleep(seconds(6)).await;
    assert!(service.is_well_apart_from("heartbeat"));
    let fate = vec![(seconds(0), "Undelivered")];
    world.watch(&engine, "m1", fate).await;
    sleep(seconds(10)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    assert!(engine.stop().await);
}

/// The heartbeat asks for more than trouble: what hangs knows of none.
#[tokio::test(start_paused = true)]
async fn a_process_whose_loops_hang_is_not_well_even_if_no_part_is_in_trouble() {
    let world = World::new();
    let (_sink, engine) = world.start().await;
    let service = engine.service();
    sleep(seconds(4)).await;
    world.store.hang(Hanging::Work);
    sleep(seconds(60)).await;
    assert!(service.is_well_apart_from("heartbeat"));
    sleep(seconds(120)).await;
    assert!(service.health().is_well(), "{:?}", service.health());
    assert!(!service.is_well_apart_from("heartbeat"));
    world.store.hang(Hanging::Nothing);
    assert!(engine.stop().await);
}
