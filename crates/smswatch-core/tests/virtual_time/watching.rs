//! Days in the life of a watch.

use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

const HOUR: u64 = 3_600;

#[tokio::test(start_paused = true)]
async fn a_message_that_never_becomes_final_is_given_up_when_its_time_is_over() {
    let mut world = World::new();
    world.settings.watch.give_up_after = seconds(90 * 60);
    let sink = Recorder::new(&world, seconds(0));
    let engine = world
        .engine([("crm", sink.clone(), SinkSettings::default())])
        .await;
    world.watch(&engine, "m1", vec![(seconds(0), "Sent")]).await;
    sleep(seconds(3 * HOUR)).await;
    assert_eq!(sink.statuses(), ["Sent"]);
    let gave_up = sink.attempts(EventKind::GaveUp);
    assert_eq!(gave_up.len(), 1);
    let after = seconds(90 * 60)..seconds(160 * 60);
    assert!(after.contains(&gave_up[0].at), "{gave_up:?}");
    let n_polls = world.provider.polls().len();
    // Five, ten and thirty seconds, a minute, five and fifteen minutes, and then every hour.
    assert!((8..=9).contains(&n_polls), "{n_polls} polls");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_flips_after_its_end_is_found_by_the_confirmation() {
    let world = World::new();
    let sink = Recorder::new(&world, seconds(0));
    let engine = world
        .engine([("crm", sink.clone(), SinkSettings::default())])
        .await;
    let fate = vec![
        (seconds(0), "Sent"),
        (seconds(20), "Delivered"),
        (seconds(30 * 60), "Undelivered"),
    ];
    world.watch(&engine, "m1", fate).await;
    sleep(seconds(100 * 60)).await;
    assert_eq!(sink.statuses(), ["Sent", "Delivered", "Undelivered"]);
    let n_polls = world.provider.polls().len();
    sleep(seconds(HOUR)).await;
    assert_eq!(world.provider.polls().len(), n_polls, "it is over");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_provider_never_knows_is_told_after_its_grace() {
    let world = World::new();
    let sink = Recorder::new(&world, seconds(0));
    let engine = world
        .engine([("crm", sink.clone(), SinkSettings::default())])
        .await;
    world
        .watch(&engine, "m1", vec![(seconds(30 * HOUR), "Sent")])
        .await;
    sleep(seconds(25 * 60)).await;
    let told = sink.attempts(EventKind::NotFound);
    assert_eq!(told.len(), 1);
    let grace = seconds(10 * 60)..seconds(21 * 60);
    assert!(grace.contains(&told[0].at), "{told:?}");
    assert!(engine.stop().await);
}
