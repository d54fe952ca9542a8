//! What a throttle lets through and what it holds back, also where steps are lost and repeated.

use std::sync::Arc;

use smswatch_core::Engine;
use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;

use crate::recorder::Recorder;
use crate::world::{World, held_back, seconds};

const RULES: &str = "
rules:
  - {name: few, match: {final: true}, once_per: message, throttle: {at_most: 2, per: 10m}, notify: [crm]}
  - {name: rest, match: {final: true}, notify: [crm]}
";

/// How often each of these rules told the sink, each notification once.
fn told(sink: &Recorder, rules: [&str; 2]) -> [usize; 2] {
    let mut attempts = sink.attempts(EventKind::StatusChanged);
    attempts.sort_by(|one, other| one.id.cmp(&other.id));
    attempts.dedup_by(|one, other| one.id == other.id);
    rules.map(|rule| {
        let of_rule = attempts.iter().filter(|attempt| attempt.rule == rule);
        of_rule.count()
    })
}

async fn watch_all(world: &World, engine: &Engine, names: impl IntoIterator<Item = String>) {
    for name in names {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(engine, &name, fate).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_throttle_holds_back_a_rule_below_tells() {
    let mut world = World::new();
    world.rules = Some(RULES);
    let sink = Recorder::new(&world, seconds(0));
    let sinks = || [("crm", Arc::clone(&sink), SinkSettings::default())];
    let engine = world.engine(sinks()).await;
    watch_all(&world, &engine, (0..6).map(|n| format!("m{n}"))).await;
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(told(&sink, ["few", "rest"]), [2, 4]);
    let held_back = held_back(&world.store).await;
    assert_eq!(
        held_back,
        ["throttle of few: 2 per 10m are told already"; 4]
    );
    engine.stop().await;

    // The slots are free again in time, and not earlier because of a restart.
    let engine = world.engine(sinks()).await;
    watch_all(&world, &engine, ["later".to_owned()]).await;
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(told(&sink, ["few", "rest"]), [2, 5]);
    tokio::time::sleep(seconds(600)).await;
    watch_all(&world, &engine, (0..3).map(|n| format!("again{n}"))).await;
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(told(&sink, ["few", "rest"]), [4, 6]);
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_lost_and_repeated_gives_no_slot_twice_and_loses_none() {
    for lost in 1..6 {
        let mut world = World::new();
        world.rules = Some(RULES);
        let (sink, engine) = world.start().await;
        world.store.lose_routes(lost);
        watch_all(&world, &engine, (0..8).map(|n| format!("m{n}"))).await;
        tokio::time::sleep(seconds(60)).await;
        assert_eq!(
            told(&sink, ["few", "rest"]),
            [2, 6],
            "{lost} steps are lost"
        );
        assert_eq!(held_back(&world.store).await.len(), 6);
        engine.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_rule_that_groups_the_notifications_of_groups_are_counted() {
    let mut world = World::new();
    world.rules = Some(
        "
rules:
  - {name: digest, match: {final: true}, group: {by: [message], wait: 10s}, throttle: {at_most: 2, per: 10m}, notify: [crm]}
",
    );
    let (sink, engine) = world.start().await;
    watch_all(&world, &engine, (0..5).map(|n| format!("m{n}"))).await;
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(told(&sink, ["digest", "rest"]), [2, 0]);
    let held_back = held_back(&world.store).await;
    assert_eq!(
        held_back,
        ["throttle of digest: 2 per 10m are told already"; 3]
    );
    engine.stop().await;
}
