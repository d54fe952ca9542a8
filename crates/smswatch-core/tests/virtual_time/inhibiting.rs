//! What an alert holds back while it fires, and what it says about that when it is resolved.

use std::sync::Arc;

use smswatch_core::settings::SinkSettings;
use smswatch_model::EventKind;

use crate::recorder::Recorder;
use crate::world::{World, held_back, seconds};

const RULES: &str = "
rules:
  - name: many
    event: rate
    count: {status: Undelivered}
    by: [status]
    over: 10m
    above: 4
    notify: [crm]
  - {name: each, match: {status: Undelivered}, unless_firing: many, notify: [crm]}
  - {name: rest, match: {status: Undelivered}, throttle: {at_most: 1, per: 1d}, notify: [crm]}
";

#[tokio::test(start_paused = true)]
async fn what_belongs_to_an_alert_is_held_back_while_it_fires_and_counted_once() {
    for lost in [0, 3] {
        let mut world = World::new();
        world.rules = Some(RULES);
        let sink = Recorder::new(&world, seconds(0));
        let sinks = || [("crm", Arc::clone(&sink), SinkSettings::default())];
        let engine = world.engine(sinks()).await;
        let watch = async |names: std::ops::Range<usize>| {
            for name in names {
                let fate = vec![(seconds(0), "Undelivered")];
                world.watch(&engine, &format!("m{name}"), fate).await;
            }
            tokio::time::sleep(seconds(60)).await;
        };
        let told = |rule: &str| {
            let attempts = sink.attempts(EventKind::StatusChanged).into_iter();
            attempts.filter(|attempt| attempt.rule == rule).count()
        };
        watch(0..5).await;
        assert_eq!(sink.attempts(EventKind::AlertFiring).len(), 1);
        assert_eq!(told("each"), 5);
        assert_eq!(held_back(&world.store).await, Vec::<String>::new());

        world.store.lose_routes(lost);
        watch(5..8).await;
        assert_eq!((told("each"), told("rest")), (5, 1));
        let mut reasons = held_back(&world.store).await;
        reasons.sort();
        let expected = [
            "the alert of many fires",
            "the alert of many fires",
            "the alert of many fires",
            "throttle of rest: 1 per 1d is told already",
            "throttle of rest: 1 per 1d is told already",
        ];
        assert_eq!(reasons, expected);

        tokio::time::sleep(seconds(15 * 60)).await;
        let resolved = sink.attempts(EventKind::AlertResolved);
        let counts: Vec<u64> = resolved.iter().map(|attempt| attempt.held_back).collect();
        assert_eq!(counts, [3], "{lost} steps are lost");
        watch(8..9).await;
        assert_eq!(told("each"), 6);
        engine.stop().await;
    }
}
