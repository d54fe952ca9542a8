//! Deliveries that are given up: each is told of, whatever is lost on the way.

use std::time::Duration;

use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;
use smswatch_plugin::store::{DeliveryFilter, DeliveryState, PageRequest, Queues as _};
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_told_of_though_the_answer_of_the_store_was_lost() {
    let world = World::new();
    let sink = Recorder::refusing(&world, "m1");
    let engine = world.start_for(&sink).await;
    world.store.lose_endings("complete", 1);
    let fate = vec![(seconds(0), "Undelivered")];
    world.watch(&engine, "m1", fate).await;
    sleep(seconds(60)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    assert_eq!(sink.attempts(EventKind::DeadLetter).len(), 1);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_died_to_make_room_is_told_of_though_the_answer_of_the_store_was_lost() {
    let world = World::new();
    let sink = Recorder::new(&world, Duration::MAX);
    let settings = SinkSettings {
        queue_max: 3,
        ..SinkSettings::default()
    };
    let engine = world.engine([("crm", sink.clone(), settings)]).await;
    world.store.lose_endings("dead_letter", 1);
    for n in 0..20 {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(&engine, &format!("m{n}"), fate).await;
    }
    sleep(seconds(60)).await;
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Dead),
        ..DeliveryFilter::default()
    };
    let request = PageRequest {
        cursor: None,
        limit: 100,
    };
    let dead = world.store.deliveries(&filter, &request).await;
    let n_dead = dead.expect("the store is there").items.len();
    assert!(n_dead >= 17, "{n_dead}");
    let metrics = engine.service().metrics(false).await;
    let counted = format!("smswatch_deliveries_total{{sink=\"crm\",result=\"dead\"}} {n_dead}\n");
    assert!(metrics.contains(&counted), "{n_dead}: {metrics}");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_died_right_before_an_orderly_stop_is_told_of() {
    let world = World::new();
    let sink = Recorder::refusing(&world, "m1");
    let engine = world.start_for(&sink).await;
    let fate = vec![(seconds(0), "Undelivered")];
    world.watch(&engine, "m1", fate).await;
    while sink.statuses().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(engine.stop().await);
    assert!(sink.attempts(EventKind::DeadLetter).is_empty());
    let (heir, engine) = world.start().await;
    sleep(seconds(10)).await;
    assert_eq!(heir.attempts(EventKind::DeadLetter).len(), 1);
    assert!(engine.stop().await);
}
