//! While the store takes nothing.

use smswatch_core::Engine;
use tokio::time::sleep;

use crate::world::{World, seconds};

/// Tries to remove the watch of `m1`; returns whether that is refused.
async fn is_refused(engine: &Engine) -> bool {
    let id = "m1".parse().expect("an id");
    engine.service().remove(&id).await.is_err()
}

/// What the watch of `m1` is at.
async fn state(engine: &Engine) -> &'static str {
    let id = "m1".parse().expect("an id");
    let watch = engine.service().watch(&id).await.expect("a store");
    watch.map_or("none", |watch| watch.state.as_str())
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_of_a_shard_that_fails_is_refused_and_not_done_later() {
    let world = World::new();
    let (_sink, engine) = world.start().await;
    world.watch(&engine, "m1", vec![(seconds(0), "Sent")]).await;
    // That the second poll took place is written again and again.
    world.store.fail_commits(20, seconds(0));
    sleep(seconds(10)).await;
    assert!(is_refused(&engine).await);
    sleep(seconds(60)).await;
    assert_eq!(state(&engine).await, "watching");
    assert!(!is_refused(&engine).await);
    assert_eq!(state(&engine).await, "none");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_while_a_step_is_under_way_that_fails_is_refused_and_not_done_later() {
    let world = World::new();
    let (_sink, engine) = world.start().await;
    world.watch(&engine, "m1", vec![(seconds(0), "Sent")]).await;
    sleep(seconds(3)).await;
    // That the second poll took place is written from the fifth second on, and has failed by the eighth.
    world.store.fail_commits(5, seconds(3));
    sleep(seconds(4)).await;
    let asked = tokio::time::Instant::now();
    assert!(is_refused(&engine).await);
    assert!(!asked.elapsed().is_zero(), "it waited for the step");
    sleep(seconds(60)).await;
    assert_eq!(state(&engine).await, "watching");
    assert!(engine.stop().await);
}
