//! What a process leaves behind that does not reach the store any more, as if it had died.

use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;
use tokio::time::sleep;

use crate::world::{Recorder, World, seconds};

/// P6: a dead process's work goes on elsewhere within 45 seconds.
#[tokio::test(start_paused = true)]
async fn the_watches_of_a_dead_process_are_polled_by_another_within_45_seconds() {
    let world = World::new();
    let sinks = [(); 2].map(|()| Recorder::new(&world, seconds(0)));
    let way = world.store.another_way();
    let settings = SinkSettings::default;
    let dying = world
        .engine_on(&way, [("crm", sinks[0].clone(), settings())])
        .await;
    world
        .watch(
            &dying,
            "m1",
            vec![(seconds(0), "Sent"), (seconds(60), "Undelivered")],
        )
        .await;
    sleep(seconds(30)).await;
    way.cut();
    let heir = world.engine([("crm", sinks[1].clone(), settings())]).await;
    sleep(seconds(30 + 45 + 60)).await;
    let told = sinks[1].attempts(EventKind::StatusChanged);
    assert_eq!(sinks[1].statuses(), ["Undelivered"]);
    assert!(told[0].at <= seconds(60 + 45 + 35), "{told:?}");
    assert!(heir.stop().await);
    dying.stop().await;
}
