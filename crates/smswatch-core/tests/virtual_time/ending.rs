//! What a process is at when it stops goes on elsewhere at once: it waits for no lease.

use smswatch_core::NewCampaign;
use smswatch_core::settings::{CallbackSettings, SinkSettings, SweepSettings};
use smswatch_model::{MessageId, Tags};
use smswatch_plugin::store::{RecordKind, Records as _, Shard};
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

/// How many records of a kind are due now, to whoever asks.
async fn due(world: &World, kind: &'static str) -> usize {
    let mut count = 0;
    for shard in (0..4).map(Shard) {
        let claim = world
            .store
            .claim_records(shard, RecordKind::new(kind), 100, seconds(60));
        count += claim.await.expect("a claim").records.len();
    }
    count
}

#[tokio::test(start_paused = true)]
async fn a_process_that_stops_amid_campaigns_and_sweeps_leaves_them_to_another_at_once() {
    let mut world = World::new();
    world.settings.sweeps = vec![SweepSettings {
        every: seconds(300),
        window: seconds(3_600),
        register: true,
        filters: Vec::new(),
    }];
    for n in 0..250 {
        world.fate(&format!("spring-{n}"), vec![(seconds(0), "Sent")]);
    }
    let sink = Recorder::new(&world, seconds(0));
    let engine = world
        .engine([("crm", sink.clone(), SinkSettings::default())])
        .await;
    let new = NewCampaign {
        tracking_id: MessageId::new("spring").expect("an id"),
        tags: Tags::new(),
    };
    world.provider.a_page_takes(seconds(3));
    engine
        .service()
        .follow(vec![new])
        .await
        .expect("it is stored");
    // Amid the second of its three pages.
    sleep(seconds(5)).await;
    assert!(engine.stop().await);
    assert_eq!(due(&world, "campaign").await, 1);
    assert_eq!(due(&world, "sweep").await, 1);
}

#[tokio::test(start_paused = true)]
async fn callbacks_that_could_not_be_released_are_due_at_once_and_wait_for_no_lease() {
    let mut world = World::new();
    world.settings.callbacks = Some(CallbackSettings::default());
    let sink = Recorder::new(&world, seconds(0));
    let sinks = [("crm", sink.clone(), SinkSettings::default())];
    let engine = world.engine(sinks).await;
    let pushed = engine.service().push(b"m1 Undelivered").await;
    assert!(pushed.is_ok());
    world.store.fail_loads(1);
    sleep(seconds(3 + 5)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    assert!(engine.stop().await);
}
