//! A sink is handed back what it asked to remember of an alert, for each destination by itself, for a week.

use std::sync::Arc;

use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;

use crate::recorder::{Attempted, Recorder};
use crate::world::{World, seconds};

const RULES: &str = "
rules:
  - name: failures
    event: rate
    count: {status: Undelivered}
    over: 20m
    above: 2
    repeat: 5m
    notify: [chat, pager]
  - {name: each, match: {status: Undelivered}, notify: [chat]}
";

fn handed_back(sink: &Recorder, kind: EventKind) -> Vec<Option<String>> {
    let attempts = sink.attempts(kind).into_iter();
    attempts.map(|attempt| attempt.remembered).collect()
}

fn ids(attempts: &[Attempted]) -> Vec<&str> {
    attempts.iter().map(|attempt| attempt.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_sink_asked_to_remember_comes_back_with_the_same_alert() {
    let mut world = World::new();
    world.rules = Some(RULES);
    let (chat, pager) = (
        Recorder::remembering(&world),
        Recorder::new(&world, seconds(0)),
    );
    let sinks = || {
        [
            ("chat", Arc::clone(&chat), SinkSettings::default()),
            ("pager", Arc::clone(&pager), SinkSettings::default()),
        ]
    };
    let first = world.engine(sinks()).await;
    for n in 0..3 {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(&first, &format!("m{n}"), fate).await;
    }
    tokio::time::sleep(seconds(7 * 60)).await;
    first.stop().await;
    // Whoever goes on knows it, too.
    let second = world.engine(sinks()).await;
    tokio::time::sleep(seconds(30 * 60)).await;
    second.stop().await;

    let firing = chat.attempts(EventKind::AlertFiring);
    let root = Some(ids(&firing)[0].to_owned());
    let back = handed_back(&chat, EventKind::AlertFiring);
    assert_eq!(back[0], None, "nothing was told before");
    assert!(
        back.len() > 2 && back[1..].iter().all(|back| *back == root),
        "{back:?}"
    );
    assert_eq!(handed_back(&chat, EventKind::AlertResolved), [root]);
    let single = handed_back(&chat, EventKind::StatusChanged);
    assert_eq!(single, [None, None, None], "nothing more is told of them");
    let other = handed_back(&pager, EventKind::AlertFiring);
    assert!(other.iter().all(Option::is_none), "it remembers nothing");
}

#[tokio::test(start_paused = true)]
async fn what_was_remembered_is_forgotten_after_a_week() {
    let mut world = World::new();
    world.rules = Some(RULES);
    let chat = Recorder::remembering(&world);
    for round in 0..2 {
        let sinks = [
            ("chat", Arc::clone(&chat), SinkSettings::default()),
            (
                "pager",
                Recorder::new(&world, seconds(0)),
                SinkSettings::default(),
            ),
        ];
        let engine = world.engine(sinks).await;
        // Time for the chores that a start brings.
        tokio::time::sleep(seconds(3 * 60)).await;
        for n in 0..3 {
            let fate = vec![(world.age(), "Undelivered")];
            world.watch(&engine, &format!("m{round}{n}"), fate).await;
        }
        tokio::time::sleep(seconds(7 * 60)).await;
        engine.stop().await;
        tokio::time::advance(seconds(8 * 24 * 60 * 60)).await;
    }
    let mut back = handed_back(&chat, EventKind::AlertFiring);
    back.extend(handed_back(&chat, EventKind::AlertResolved));
    assert!(back.len() > 4, "{back:?}");
    let begun = back.iter().filter(|back| back.is_none()).count();
    assert_eq!(begun, 2, "one before and one after the week: {back:?}");
}
