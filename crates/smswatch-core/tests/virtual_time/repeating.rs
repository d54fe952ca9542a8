//! What lasts is told again: alerts on rates and messages that are stuck, over restarts and other rules.

use std::sync::Arc;

use smswatch_core::Engine;
use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

async fn engine(world: &World, sink: &Arc<Recorder>) -> Engine {
    let sinks = [("crm", Arc::clone(sink), SinkSettings::default())];
    world.engine(sinks).await
}

/// When events of this kind were told, in whole minutes, and which time that was.
fn told(sink: &Recorder, kind: EventKind) -> Vec<(u64, u64)> {
    let attempts = sink.attempts(kind).into_iter();
    let told = attempts.map(|attempt| (attempt.at.as_secs() / 60, attempt.times));
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_told_again_while_it_fires_and_once_after_a_downtime() {
    let mut world = World::new();
    let rules = |repeat: &str| -> &'static str {
        let text = format!(
            "
rules:
  - name: failures
    event: rate
    count: {{status: Undelivered}}
    over: 3h
    above: 2
    repeat: {repeat}
    notify: [crm]
"
        );
        Box::leak(text.into_boxed_str())
    };
    world.rules = Some(rules("10m"));
    let sink = Recorder::new(&world, seconds(0));
    let first = engine(&world, &sink).await;
    for n in 0..3 {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(&first, &format!("m{n}"), fate).await;
    }
    tokio::time::sleep(seconds(25 * 60)).await;
    let expected = [(0, 0), (10, 1), (20, 2)];
    assert_eq!(told(&sink, EventKind::AlertFiring), expected);
    first.stop().await;
    tokio::time::sleep(seconds(40 * 60)).await;

    // Of the times that were missed one is told, and the next comes when it would have come anyway.
    let second = engine(&world, &sink).await;
    tokio::time::sleep(seconds(10 * 60)).await;
    let expected = [(65, 6), (70, 7)];
    assert_eq!(told(&sink, EventKind::AlertFiring)[3..], expected);
    second.stop().await;

    world.rules = Some(rules("1h"));
    let third = engine(&world, &sink).await;
    tokio::time::sleep(seconds(60 * 60)).await;
    assert_eq!(told(&sink, EventKind::AlertFiring)[5..], [(130, 8)]);
    tokio::time::sleep(seconds(60 * 60)).await;
    assert_eq!(told(&sink, EventKind::AlertResolved).len(), 1);
    let count = told(&sink, EventKind::AlertFiring).len();
    tokio::time::sleep(seconds(3 * 60 * 60)).await;
    assert_eq!(told(&sink, EventKind::AlertFiring).len(), count);
    third.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_stays_stuck_is_told_again_until_it_is_final() {
    let mut world = World::new();
    world.rules = Some(
        "
rules:
  - {name: slow, event: stuck, after: 2m, repeat: 10m, notify: [crm]}
",
    );
    let sink = Recorder::new(&world, seconds(0));
    let engine = engine(&world, &sink).await;
    let fate = vec![(seconds(0), "Sent"), (seconds(35 * 60), "Delivered")];
    world.watch(&engine, "m", fate).await;
    tokio::time::sleep(seconds(2 * 60 * 60)).await;
    let expected = [(2, 0), (12, 1), (22, 2), (32, 3)];
    assert_eq!(told(&sink, EventKind::Stuck), expected);
    engine.stop().await;
}
