//! Sweeps: many messages are asked about at once.

use std::sync::Arc;

use smswatch_core::Engine;
use smswatch_core::settings::SweepSettings;
use smswatch_model::EventKind;
use smswatch_plugin::provider::Filter;
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{Fate, World, seconds};

const HOUR: u64 = 3_600;

fn sweep(every: u64) -> SweepSettings {
    SweepSettings {
        every: seconds(every),
        window: seconds(2 * HOUR),
        register: true,
        filters: Vec::new(),
    }
}

/// A world that is swept every so many seconds, and a process in it.
async fn world(every: u64) -> (World, Arc<Recorder>, Engine) {
    let mut world = World::new();
    world.settings.sweeps = vec![sweep(every)];
    let (sink, engine) = world.start().await;
    (world, sink, engine)
}

/// The same, whose provider also calls back.
async fn world_with_callbacks(every: u64) -> (World, Arc<Recorder>, Engine) {
    let mut world = World::new();
    world.settings.sweeps = vec![sweep(every)];
    world.settings.callbacks = Some(smswatch_core::settings::CallbackSettings {
        hold: seconds(0),
        ..Default::default()
    });
    let (sink, engine) = world.start().await;
    (world, sink, engine)
}

fn fails_after(n: u64) -> Fate {
    vec![(seconds(0), "Sent"), (seconds(n), "Undelivered")]
}

#[tokio::test(start_paused = true)]
async fn messages_that_nobody_registered_are_found_and_followed_without_a_poll() {
    let (world, sink, engine) = world(30).await;
    for n in 0..450 {
        let fate = match n % 9 {
            0 => fails_after(200),
            _ => vec![(seconds(0), "Sent")],
        };
        world.fate(&format!("m{n}"), fate);
    }
    sleep(seconds(10 * 60)).await;
    let count = |status: &str| {
        sink.statuses()
            .iter()
            .filter(|told| *told == status)
            .count()
    };
    assert_eq!((count("Sent"), count("Undelivered")), (450, 50));
    assert_eq!(
        world.provider.polls(),
        [],
        "each sweep tells of all of them"
    );
    let n_pages = world.provider.pages().len();
    assert!(
        (100..=110).contains(&n_pages),
        "five pages every 30 s: {n_pages}"
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_watched_already_is_answered_by_the_sweep_and_not_polled() {
    let (world, sink, engine) = world(10).await;
    world.watch(&engine, "m1", fails_after(100)).await;
    sleep(seconds(5 * 60)).await;
    assert_eq!(sink.statuses(), ["Sent", "Undelivered"]);
    let n_polls = world.provider.polls().len();
    assert!(
        n_polls <= 3,
        "the first one, and those before the sweep came: {n_polls}"
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_takes_longer_than_its_interval_brings_no_polls() {
    let (world, sink, engine) = world(10).await;
    world.provider.a_page_takes(seconds(9));
    for n in 0..450 {
        world.fate(&format!("m{n:03}"), fails_after(900));
    }
    sleep(seconds(30 * 60)).await;
    assert_eq!(sink.statuses().len(), 900);
    assert_eq!(world.provider.polls(), []);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn the_look_after_the_end_is_left_to_the_next_sweep() {
    let mut world = World::new();
    world.settings.sweeps = vec![SweepSettings {
        window: seconds(12 * HOUR),
        ..sweep(90 * 60)
    }];
    let (sink, engine) = world.start().await;
    let flips = vec![
        (seconds(80 * 60), "Delivered"),
        (seconds(100 * 60), "Undelivered"),
    ];
    world.fate("m1", flips);
    sleep(seconds(6 * HOUR)).await;
    assert_eq!(sink.statuses(), ["Delivered", "Undelivered"]);
    assert_eq!(world.provider.polls(), []);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn messages_are_polled_again_when_sweeps_stop() {
    let (world, sink, engine) = world(30).await;
    world.fate("m1", fails_after(400));
    sleep(seconds(60)).await;
    world.provider.lists_until(seconds(60));
    sleep(seconds(20 * 60)).await;
    assert_eq!(sink.statuses(), ["Sent", "Undelivered"]);
    assert!(!world.provider.polls().is_empty());
    let health = engine.service().health();
    assert!(health.parts["sweep"].is_some(), "{health:?}");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_always_fails_stays_in_trouble_beside_one_that_works() {
    let mut world = World::new();
    let refused = SweepSettings {
        filters: vec![Filter {
            field: "lable".to_owned(),
            term: "otp".to_owned(),
            operator: None,
        }],
        ..sweep(60)
    };
    world.settings.sweeps = vec![refused, sweep(30)];
    let (_, engine) = world.start().await;
    for _ in 0..5 {
        sleep(seconds(61)).await;
        let parts = engine.service().health().parts;
        assert!(parts["sweep:1"].is_some(), "{parts:?}");
        assert_eq!(parts["sweep:2"], None);
    }
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn the_same_change_by_callback_sweep_and_poll_is_one_event() {
    let (world, sink, engine) = world_with_callbacks(5).await;
    for n in 0..20 {
        world.watch(&engine, &format!("m{n}"), fails_after(7)).await;
    }
    sleep(seconds(7)).await;
    for n in 0..20 {
        let pushed = engine
            .service()
            .push(format!("m{n} Undelivered 7").as_bytes())
            .await;
        assert!(pushed.is_ok());
    }
    sleep(seconds(10 * 60)).await;
    assert_eq!(sink.statuses().len(), 40, "{:?}", sink.statuses());
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn two_processes_sweep_as_often_as_one() {
    let mut world = World::new();
    world.settings.sweeps = vec![sweep(30)];
    let sink = Recorder::new(&world, seconds(0));
    let mut engines = Vec::new();
    for _ in 0..2 {
        engines.push(world.start_for(&sink).await);
    }
    world.fate("m1", fails_after(100));
    sleep(seconds(10 * 60)).await;
    let n_pages = world.provider.pages().len();
    assert!((20..=21).contains(&n_pages), "{n_pages}");
    assert_eq!(sink.statuses(), ["Sent", "Undelivered"]);
    for engine in engines {
        assert!(engine.stop().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stops_amid_a_sweep_leaves_it_to_another_at_once() {
    let (world, sink, engine) = world(300).await;
    world.fate("m1", fails_after(3));
    world.provider.a_page_takes(seconds(20));
    sleep(seconds(4)).await;
    assert_eq!(world.provider.pages().len(), 1, "it waits for its page");
    assert!(engine.stop().await);
    world.provider.a_page_takes(seconds(0));
    let engine = world.start_for(&sink).await;
    sleep(seconds(8)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn sweeps_make_up_for_callbacks_that_get_lost_without_a_poll() {
    let (world, sink, engine) = world_with_callbacks(10 * 60).await;
    for n in 0..20 {
        world.fate(&format!("m{n}"), fails_after(15 * 60));
        let body = format!("m{n} Sent 0");
        let pushed = engine.service().push(body.as_bytes()).await;
        assert!(pushed.is_ok());
    }
    sleep(seconds(30 * 60)).await;
    assert_eq!(sink.statuses().len(), 40, "{:?}", sink.statuses());
    assert_eq!(world.provider.polls(), []);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_a_sweep_finds_old_is_remembered_and_not_told() {
    let (world, sink, engine) = world(30).await;
    sleep(seconds(20 * 60)).await;
    world.fate("old", vec![(seconds(0), "Undelivered")]);
    sleep(seconds(120)).await;
    assert_eq!(sink.statuses(), Vec::<String>::new());
    let id = "old".parse().expect("an id");
    let watch = engine
        .service()
        .watch(&id)
        .await
        .expect("a store")
        .expect("a watch");
    assert_eq!(watch.state.as_str(), "final");
    assert!(sink.attempts(EventKind::StatusChanged).is_empty());
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_failed_while_nobody_looked_is_told_however_long_that_was() {
    let (world, sink, engine) = world(30).await;
    sleep(seconds(120)).await;
    assert!(engine.stop().await);
    world.fate("meanwhile", vec![(seconds(300), "Undelivered")]);
    sleep(seconds(45 * 60)).await;
    let engine = world.start_for(&sink).await;
    sleep(seconds(120)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_registered_where_the_sweep_may_not_and_what_was_removed_stays_so() {
    let mut world = World::new();
    world.settings.sweeps = vec![SweepSettings {
        register: false,
        ..sweep(10)
    }];
    let (sink, engine) = world.start().await;
    world.fate("stranger", fails_after(20));
    world.watch(&engine, "gone", fails_after(60)).await;
    sleep(seconds(5)).await;
    let id = "gone".parse().expect("an id");
    assert!(engine.service().remove(&id).await.expect("it is removed"));
    sleep(seconds(10 * 60)).await;
    assert_eq!(sink.statuses(), ["Sent"]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_the_first_pages_of_a_sweep_told_of_parts_is_kept_when_a_later_page_cannot_be_had() {
    let (world, sink, engine) = world(30).await;
    for n in 0..150 {
        world.fate(&format!("m{n:03}"), vec![(seconds(0), "Sent")]);
    }
    world.fate("a-half", vec![(seconds(0), "Undelivered")]);
    world.provider.fails_from_page(1);
    sleep(seconds(20)).await;
    let count = |status: &str| {
        sink.statuses()
            .iter()
            .filter(|told| *told == status)
            .count()
    };
    assert_eq!((count("Sent"), count("Undelivered")), (99, 1));
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_older_than_what_a_poll_found_while_it_was_under_way() {
    let (world, sink, engine) = world(30).await;
    world.provider.a_page_takes(seconds(10));
    world.watch(&engine, "undated", fails_after(3)).await;
    sleep(seconds(25)).await;
    assert_eq!(world.provider.pages().len(), 1);
    assert_eq!(sink.statuses(), ["Sent", "Undelivered"]);
    assert!(engine.stop().await);
}
