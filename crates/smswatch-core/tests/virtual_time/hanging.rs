//! A store whose answers are held back: its disk hangs, or the process stood still while they came.

use smswatch_plugin::store::{Shard, Store as _};
use tokio::time::sleep;

use crate::world::{World, seconds};

#[tokio::test(start_paused = true)]
async fn an_answer_that_waited_does_not_set_the_clock_back() {
    let world = World::new();
    let (_sink, engine) = world.start().await;
    sleep(seconds(4)).await;
    // The pulse asks for the time at five seconds, and has the answer at nine.
    world.store.hang(true);
    sleep(seconds(5)).await;
    world.store.hang(false);
    sleep(seconds(1) / 2).await;
    let now = world.store.now(Shard(0)).await.expect("the time");
    assert_eq!(engine.service().now(), now);
    assert!(engine.stop().await);
}
