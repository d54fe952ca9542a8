//! When groups are told: a wait after the first event, and then at most once in an interval.

use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;
use smswatch_plugin::rules::Gathering;
use smswatch_plugin::store::{NewEntry, Records as _, Shard, Store as _, shard_of};
use smswatch_testkit::sample;

use crate::recorder::{Attempted, Recorder};
use crate::world::{World, held_back, seconds};

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

/// Appends a final event to the log of a shard, as a process does that ends before it has routed it.
async fn append_elsewhere(world: &World, shard: Shard) {
    let mut left = sample::notification_of(1).events;
    left[0].detected_at = world.store.now(shard).await.expect("the time");
    let left = vec![NewEntry::of(&left)];
    let append = world
        .store
        .put_memo(shard, "another process", None, b"x".to_vec(), left);
    assert!(append.await.expect("the store is there"));
}

#[tokio::test(start_paused = true)]
async fn a_group_that_the_store_did_not_take_for_a_moment_is_told_at_once_and_waits_for_no_lease() {
    let world = grouping(3);
    let (sink, engine) = world.start().await;
    let fate = vec![(seconds(0), "Delivered")];
    world.watch(&engine, "m", fate).await;
    tokio::time::sleep(seconds(25)).await;
    world.store.fail_records(3);
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(counts(&sink.attempts(STATUS)), [(1, 0)]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_and_then_keeps_its_interval_and_counts_what_is_too_much() {
    let world = grouping(3);
    let (sink, engine) = world.start().await;
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

/// P1: groups and rates take a log in its order, so this process must not put in what it has appended before what
/// another one left unrouted there.
#[tokio::test(start_paused = true)]
async fn what_another_process_appended_first_and_did_not_route_is_grouped_and_measured_too() {
    let mut world = World::new();
    world.rules = Some(
        "
rules:
  - {name: rate, event: rate, count: {final: true}, over: 20m, above: 0, notify: [crm]}
  - {name: group, match: {final: true}, group: {wait: 30s, interval: 5m}, notify: [crm]}
",
    );
    let (sink, engine) = world.start().await;
    let shard = shard_of("m1", world.store.shard_count());
    // Between two of the moments at which every log is looked at.
    tokio::time::sleep(seconds(6)).await;
    append_elsewhere(&world, shard).await;
    let fate = vec![(seconds(0), "Delivered")];
    world.watch(&engine, "m1", fate).await;
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(counts(&sink.attempts(STATUS)), [(2, 0)]);
    let alerts = sink.attempts(EventKind::AlertFiring);
    let measured: Vec<(u64, u64)> = alerts.iter().map(|alert| alert.measured).collect();
    assert_eq!(measured, [(2, 2)]);
    engine.stop().await;
}

/// The same where this process appended what the rate does not count, and what a rule holds back because its alert fires.
#[tokio::test(start_paused = true)]
async fn what_another_process_appended_before_something_held_back_is_measured_too() {
    let mut world = World::new();
    world.rules = Some(
        "
rules:
  - {name: rate, event: rate, count: {final: true}, among: {final: true}, over: 20m, above: 0, repeat: 1m, notify: [crm]}
  - {name: sent, match: {status: Sent}, unless_firing: rate, notify: [crm]}
",
    );
    let (sink, engine) = world.start().await;
    let shard = shard_of("m1", world.store.shard_count());
    let fate = vec![(seconds(0), "Delivered")];
    world.watch(&engine, "m0", fate).await;
    // Between two of the moments at which every log is looked at.
    tokio::time::sleep(seconds(21)).await;
    assert_eq!(sink.attempts(EventKind::AlertFiring).len(), 1);
    append_elsewhere(&world, shard).await;
    let fate = vec![(seconds(0), "Sent")];
    world.watch(&engine, "m1", fate).await;
    tokio::time::sleep(seconds(120)).await;
    let alerts = sink.attempts(EventKind::AlertFiring);
    let last = alerts.last().expect("it is told again");
    assert_eq!((last.measured, last.held_back), ((2, 2), 1));
    engine.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_detail_is_told_where_the_group_told_nobody_of_the_event_to_which_it_adds() {
    let mut world = World::new();
    world.rules = Some(
        "
rules:
  - name: group
    match: {status: Undelivered}
    group: {wait: 30s, interval: 5m}
    throttle: {at_most: 1, per: 20m}
    notify: [crm]
",
    );
    let (sink, engine) = world.start().await;
    world
        .watch(&engine, "m0", vec![(seconds(0), "Undelivered")])
        .await;
    tokio::time::sleep(seconds(60)).await;
    let fate = vec![
        (seconds(0), "Undelivered"),
        (seconds(1_800), "Undelivered/Carrier Violation"),
    ];
    world.watch(&engine, "m1", fate).await;
    tokio::time::sleep(seconds(600)).await;
    assert_eq!(sink.attempts(STATUS).len(), 1, "the throttle is full");
    assert_eq!(held_back(&world.store).await.len(), 1);
    // The look after the end, an hour later, sees the detail.
    tokio::time::sleep(seconds(2 * 3_600)).await;
    let told = sink.attempts(STATUS);
    assert_eq!(counts(&told), [(1, 0), (1, 0)]);
    engine.stop().await;
}
