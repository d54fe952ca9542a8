//! What the provider tells by itself.

use std::sync::Arc;

use smswatch_core::settings::CallbackSettings;
use smswatch_core::{Engine, Taken};
use smswatch_model::EventKind;
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

const HOUR: u64 = 3_600;

/// A world whose provider calls back, and a process in it.
async fn world(settings: CallbackSettings) -> (World, Arc<Recorder>, Engine) {
    let mut world = World::new();
    world.settings.callbacks = Some(settings);
    let (sink, engine) = world.start().await;
    (world, sink, engine)
}

async fn push(engine: &Engine, body: &str) -> Taken {
    let pushed = engine.service().push(body.as_bytes()).await;
    pushed.expect("it is stored")
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_comes_before_its_registration_is_told_with_the_tags() {
    let (world, sink, engine) = world(CallbackSettings::default()).await;
    assert_eq!(push(&engine, "M1 Sent").await, Taken::Held);
    sleep(seconds(1)).await;
    assert_eq!(push(&engine, "m1 Undelivered").await, Taken::Held);
    assert_eq!(
        sink.statuses(),
        Vec::<String>::new(),
        "its tags may still come"
    );
    // The provider knows nothing more by itself, so all that is told was pushed.
    world.watch_for(&engine, "m1", Vec::new(), "crm").await;
    sleep(seconds(10)).await;
    assert_eq!(sink.statuses(), ["Sent", "Undelivered"]);
    for told in sink.attempts(EventKind::StatusChanged) {
        assert_eq!(told.team.as_deref(), Some("crm"));
        assert_eq!(told.to[0].as_deref(), Some("+3069******01"));
        assert!(told.to[1].as_ref().is_some_and(|key| key.len() == 32));
    }
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_registers_is_watched_once_its_registration_was_waited_for() {
    let (world, sink, engine) = world(CallbackSettings::default()).await;
    world.fate("m1", vec![(seconds(0), "Sent"), (seconds(40), "Delivered")]);
    assert_eq!(push(&engine, "m1 Sent").await, Taken::Held);
    sleep(seconds(10)).await;
    let told = sink.attempts(EventKind::StatusChanged);
    assert_eq!(told.len(), 1);
    assert!((seconds(3)..seconds(4)).contains(&told[0].at), "{told:?}");
    sleep(seconds(10 * 60)).await;
    assert_eq!(
        sink.statuses(),
        ["Sent", "Delivered"],
        "polls find what no callback tells"
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_is_told_by_another_process_when_the_first_one_ends() {
    let (world, sink, engine) = world(CallbackSettings::default()).await;
    push(&engine, "m1 Undelivered").await;
    assert!(engine.stop().await);
    assert_eq!(sink.statuses(), Vec::<String>::new());
    let engine = world.start_for(&sink).await;
    sleep(seconds(10)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn the_same_change_by_callback_and_poll_is_one_event() {
    let settings = CallbackSettings {
        hold: seconds(0),
        ..CallbackSettings::default()
    };
    let (world, sink, engine) = world(settings).await;
    let fate = vec![(seconds(0), "Sent"), (seconds(4), "Undelivered")];
    world.watch(&engine, "m1", fate).await;
    sleep(seconds(4)).await;
    for _ in 0..3 {
        assert_eq!(push(&engine, "m1 Undelivered").await, Taken::Stored);
    }
    sleep(seconds(2 * HOUR)).await;
    assert_eq!(push(&engine, "m2 Delivered").await, Taken::Stored);
    assert_eq!(push(&engine, "m2 Delivered").await, Taken::Stored);
    sleep(seconds(60)).await;
    assert_eq!(sink.statuses(), ["Sent", "Undelivered", "Delivered"]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn an_older_callback_that_comes_late_is_no_news() {
    let (world, sink, engine) = world(CallbackSettings::default()).await;
    world
        .watch(
            &engine,
            "m1",
            vec![(seconds(0), "Sent"), (seconds(3), "Delivered")],
        )
        .await;
    sleep(seconds(10)).await;
    let n_told = sink.statuses().len();
    assert_eq!(push(&engine, "m1 Sent 2").await, Taken::Stored);
    sleep(seconds(60)).await;
    assert_eq!(sink.statuses().len(), n_told);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn messages_of_which_callbacks_tell_are_hardly_polled() {
    let (world, sink, engine) = world(CallbackSettings::default()).await;
    let fate = || vec![(seconds(0), "Sent"), (seconds(100 * HOUR), "Delivered")];
    for id in ["m1", "m2"] {
        world.watch(&engine, id, fate()).await;
    }
    sleep(seconds(1)).await;
    push(&engine, "m1 Sent").await;
    let n_before = world.provider.polls().len();
    sleep(seconds(10 * 60)).await;
    // The other one is polled after 5, 15 and 45 seconds, 1 min 45 s and 6 min 45 s, this one after 2 and 8 minutes.
    let n_polls = world.provider.polls().len() - n_before;
    assert!((6..=7).contains(&n_polls), "{n_polls} polls");
    push(&engine, "m1 Delivered").await;
    sleep(seconds(10)).await;
    let n_before = world.provider.polls().len();
    sleep(seconds(2 * HOUR)).await;
    let n_polls = world.provider.polls().len() - n_before;
    assert_eq!(
        n_polls, 2,
        "those of the other one: nobody confirms what a callback told"
    );
    assert_eq!(
        sink.statuses()
            .iter()
            .filter(|status| *status == "Delivered")
            .count(),
        1
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn callbacks_that_stop_while_messages_change_are_told_and_polls_go_on_as_usual() {
    let (world, sink, engine) = world(CallbackSettings::default()).await;
    push(&engine, "m0 Delivered").await;
    let fate = || vec![(seconds(0), "Sent"), (seconds(60), "Delivered")];
    world.watch(&engine, "m1", fate()).await;
    sleep(seconds(9 * 60)).await;
    assert!(sink.attempts(EventKind::CallbacksSilent).is_empty());
    sleep(seconds(10 * 60)).await;
    assert_eq!(sink.attempts(EventKind::CallbacksSilent).len(), 1);
    let health = engine.service().health();
    assert!(health.parts["callbacks"].is_some(), "{health:?}");
    // A message of which a callback has told is polled as often as any other now.
    push(&engine, "m2 Sent").await;
    sleep(seconds(30)).await;
    let health = engine.service().health();
    assert!(health.parts["callbacks"].is_none(), "{health:?}");
    sleep(seconds(HOUR)).await;
    assert_eq!(sink.attempts(EventKind::CallbacksSilent).len(), 1);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn callbacks_that_are_not_believed_have_their_messages_polled() {
    let settings = CallbackSettings {
        confirm: true,
        ..CallbackSettings::default()
    };
    let (world, sink, engine) = world(settings).await;
    let fate = || vec![(seconds(0), "Sent"), (seconds(30), "Delivered")];
    world.watch(&engine, "m1", fate()).await;
    sleep(seconds(31)).await;
    let n_told = sink.statuses().len();
    assert_eq!(push(&engine, "m1 Undelivered").await, Taken::Stored);
    sleep(seconds(1)).await;
    assert_eq!(sink.statuses()[n_told..], ["Delivered"]);
    world.fate("m2", fate());
    assert_eq!(push(&engine, "m2 Undelivered").await, Taken::Held);
    sleep(seconds(4)).await;
    assert_eq!(sink.statuses()[n_told..], ["Delivered", "Delivered"]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_callback_that_is_not_believed_comes_while_a_poll_is_under_way_and_has_another_one_made()
{
    let settings = CallbackSettings {
        confirm: true,
        ..CallbackSettings::default()
    };
    let (world, sink, engine) = world(settings).await;
    world.provider.a_poll_takes(seconds(4));
    let fate = vec![(seconds(0), "Sent"), (seconds(2), "Delivered")];
    world.watch(&engine, "m1", fate).await;
    // The first poll has asked before the status changed, and is answered after the callback.
    sleep(seconds(3)).await;
    assert_eq!(world.provider.polls().len(), 1);
    assert_eq!(push(&engine, "m1 Delivered").await, Taken::Stored);
    sleep(seconds(1)).await;
    assert_eq!(world.provider.polls().len(), 2);
    sleep(seconds(4)).await;
    assert_eq!(sink.statuses(), ["Sent", "Delivered"]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_told_of_a_message_that_was_removed_or_that_nobody_may_register() {
    let settings = CallbackSettings {
        register: false,
        ..CallbackSettings::default()
    };
    let (world, sink, engine) = world(settings).await;
    world.watch(&engine, "m1", vec![(seconds(0), "Sent")]).await;
    sleep(seconds(2)).await;
    let id = "m1".parse().expect("an id");
    assert!(engine.service().remove(&id).await.expect("it is removed"));
    for body in ["m1 Undelivered", "m2 Undelivered"] {
        assert_eq!(push(&engine, body).await, Taken::Unwatched);
    }
    sleep(seconds(60)).await;
    assert_eq!(sink.statuses(), ["Sent"]);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn no_more_new_messages_come_in_a_minute_than_are_allowed() {
    let settings = CallbackSettings {
        new_per_minute: 30,
        ..CallbackSettings::default()
    };
    let (_world, sink, engine) = world(settings).await;
    let (mut n_taken, mut n_refused) = (0, 0);
    for n in 0..100 {
        match engine.service().push(format!("m{n} Sent").as_bytes()).await {
            Ok(_) => n_taken += 1,
            Err(_) => n_refused += 1,
        }
    }
    assert_eq!((n_taken, n_refused), (30, 70));
    assert_eq!(
        push(&engine, "m0 Delivered").await,
        Taken::Held,
        "it is known by now"
    );
    sleep(seconds(60)).await;
    assert_eq!(sink.statuses().len(), 31);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_callback_about_a_message_that_polls_had_given_up_is_told() {
    let (world, sink, engine) = world(CallbackSettings::default()).await;
    world.watch(&engine, "m1", Vec::new()).await;
    sleep(seconds(30 * 60)).await;
    assert_eq!(sink.attempts(EventKind::NotFound).len(), 1);
    push(&engine, "m1 Sent").await;
    push(&engine, "m1 Undelivered").await;
    sleep(seconds(60)).await;
    assert_eq!(sink.statuses(), ["Sent", "Undelivered"]);
    let id = "m1".parse().expect("an id");
    let watch = engine.service().watch(&id).await.expect("a store");
    assert_eq!(watch.expect("a watch").state.as_str(), "final");
    assert!(engine.stop().await);
}
