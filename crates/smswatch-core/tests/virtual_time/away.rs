//! While the store takes nothing.

use std::time::Duration;

use smswatch_core::settings::SweepSettings;
use smswatch_core::{Engine, NewCampaign};
use smswatch_model::Tags;
use tokio::time::sleep;

use crate::world::{World, seconds};

/// When the first page was asked for each time.
fn begun(world: &World) -> Vec<Duration> {
    let pages = world.provider.pages().into_iter();
    pages
        .filter(|(_, page)| *page == 0)
        .map(|(at, _)| at)
        .collect()
}

/// Has an engine follow the campaign `spring`.
async fn follow(engine: &Engine) {
    let new = NewCampaign {
        tracking_id: "spring".parse().expect("an id"),
        tags: Tags::new(),
    };
    let followed = engine.service().follow(vec![new]).await;
    assert!(followed.is_ok());
}

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

#[tokio::test(start_paused = true)]
async fn a_sweep_that_the_store_did_not_take_for_a_moment_goes_on_at_once_and_waits_for_no_lease() {
    let mut world = World::new();
    world.settings.sweeps = vec![SweepSettings {
        every: seconds(10),
        window: seconds(3_600),
        register: true,
        filters: Vec::new(),
    }];
    for n in 0..150 {
        world.fate(&format!("m{n}"), vec![(seconds(0), "Sent")]);
    }
    world.provider.a_page_takes(seconds(1));
    let (_sink, engine) = world.start().await;
    // Amid the first page, and then amid the last one of the sweep after that.
    sleep(Duration::from_millis(500)).await;
    world.store.fail_records(2);
    sleep(seconds(11)).await;
    world.store.lose_answers(2);
    sleep(seconds(28)).await;
    let begun = begun(&world);
    assert_eq!(begun.len(), 4, "{begun:?}");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_the_store_did_not_take_in_for_a_moment_is_asked_for_again_soon() {
    let world = World::new();
    world.fate("spring-1", vec![(seconds(0), "Undelivered")]);
    world.provider.a_page_takes(seconds(1));
    let (sink, engine) = world.start().await;
    follow(&engine).await;
    sleep(Duration::from_millis(500)).await;
    world.store.fail_loads(1);
    world.store.fail_records(3);
    sleep(seconds(12)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    assert!(engine.stop().await);
}
