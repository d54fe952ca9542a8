//! Days in the life of a watch.

use smswatch_core::EventFilter;
use smswatch_core::settings::SinkSettings;
use smswatch_model::{EventKind, MessageId};
use smswatch_plugin::store::PageRequest;
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

const HOUR: u64 = 3_600;

#[tokio::test(start_paused = true)]
async fn a_message_that_never_becomes_final_is_given_up_when_its_time_is_over() {
    let mut world = World::new();
    world.settings.watch.give_up_after = seconds(90 * 60);
    let (sink, engine) = world.start().await;
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
    let (sink, engine) = world.start().await;
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
    let (sink, engine) = world.start().await;
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

/// All ways in which polls of a known message bring nothing for ever.
const IN_VAIN: [&str; 5] = [
    "!failed",
    "!unreadable",
    "!throttled",
    "!refused",
    "!invalid",
];

#[tokio::test(start_paused = true)]
async fn a_message_whose_polls_bring_nothing_while_others_are_answered_is_given_up_in_time() {
    for in_vain in IN_VAIN {
        let mut world = World::new();
        world.settings.watch.give_up_after = seconds(2 * HOUR);
        let (sink, engine) = world.start().await;
        let fate = vec![(seconds(0), "Sent"), (seconds(60), in_vain)];
        world.watch_for(&engine, "m1", fate, "in vain").await;
        sleep(seconds(HOUR)).await;
        world.watch(&engine, "m2", vec![(seconds(0), "Sent")]).await;
        sleep(seconds(HOUR + 20 * 60)).await;
        let gave_up = sink.attempts(EventKind::GaveUp);
        let told: Vec<_> = gave_up.iter().map(|told| told.team.as_deref()).collect();
        assert_eq!(told, [Some("in vain")], "{in_vain}");
        assert!(engine.stop().await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_gives_no_message_up() {
    for in_vain in IN_VAIN {
        let mut world = World::new();
        world.settings.watch.give_up_after = seconds(2 * HOUR);
        let (sink, engine) = world.start().await;
        for id in ["m1", "m2", "m3", "m4"] {
            let fate = vec![
                (seconds(0), "Sent"),
                (seconds(HOUR), in_vain),
                (seconds(5 * HOUR), "Delivered"),
            ];
            world.watch(&engine, id, fate).await;
        }
        sleep(seconds(5 * HOUR)).await;
        assert_eq!(sink.attempts(EventKind::GaveUp).len(), 0, "{in_vain}");
        sleep(seconds(HOUR + 10 * 60)).await;
        let delivered = sink.statuses();
        let delivered = delivered.iter().filter(|status| *status == "Delivered");
        assert_eq!(delivered.count(), 4, "{in_vain}");
        assert_eq!(sink.attempts(EventKind::GaveUp).len(), 0, "{in_vain}");
        assert!(engine.stop().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_that_two_processes_see_is_told_once_and_found_at_its_message() {
    let world = World::new();
    let sink = Recorder::new(&world, seconds(0));
    let sinks = || [("crm", sink.clone(), SinkSettings::default())];
    let (one, other) = (world.engine(sinks()).await, world.engine(sinks()).await);
    // In all shards.
    for n in 0..16 {
        let (engine, id) = (if n % 2 == 0 { &one } else { &other }, format!("m{n}"));
        let fate = vec![(seconds(0), "Buffered"), (seconds(20), "Held")];
        world.watch(engine, &id, fate).await;
    }
    sleep(seconds(60)).await;
    let told = sink.attempts(EventKind::UnknownStatus).into_iter();
    let mut told: Vec<_> = told.filter_map(|told| told.status).collect();
    told.sort();
    assert_eq!(told, ["Buffered", "Held"]);
    let mut found = 0;
    for n in 0..16 {
        let filter = EventFilter {
            message_id: Some(MessageId::new(format!("m{n}")).expect("an id")),
            kind: Some(EventKind::UnknownStatus),
        };
        let page = PageRequest {
            cursor: None,
            limit: 100,
        };
        let events = one.service().events(&filter, &page).await;
        found += events.expect("a page").items.len();
    }
    assert_eq!(found, 2);
    assert!(one.stop().await && other.stop().await);
}
