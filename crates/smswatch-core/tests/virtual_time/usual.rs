//! A rate that compares with what is usual at this hour of the day.

use std::time::Duration;

use smswatch_model::EventKind;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

const RULES: &str = "
rules:
  - name: unusual
    event: rate
    count: {status: Undelivered}
    over: 15m
    above: usual × 2
    until_usual: 30%
    at_least: 30
    notify: [crm]
";

const DAY: u64 = 24 * 3600;

/// Day by day, on an engine that is started each time.
#[tokio::test(start_paused = true)]
async fn more_than_usual_at_this_hour_is_an_alert_once_two_days_are_known() {
    let mut world = World::new();
    world.rules = Some(RULES);
    let sink = Recorder::new(&world, seconds(0));
    let day = async |number: u64, hour: u64, good: usize, bad: usize| {
        let begins = seconds(number * DAY + hour * 3600 + 300);
        tokio::time::sleep(begins.saturating_sub(world.age())).await;
        let engine = world.start_for(&sink).await;
        let now = world.age();
        for n in 0..good + bad {
            let status = if n < good { "Delivered" } else { "Undelivered" };
            let name = format!("m-{number}-{hour}-{n}");
            world.watch(&engine, &name, vec![(now, status)]).await;
        }
        tokio::time::sleep(Duration::from_secs(20 * 60)).await;
        engine.stop().await;
        let kinds = [EventKind::AlertFiring, EventKind::AlertResolved];
        kinds.map(|kind| sink.attempts(kind).len())
    };
    // Until the usual is known, 20 % is less than the fixed bound.
    assert_eq!(day(0, 9, 58, 2).await, [0, 0]);
    assert_eq!(day(0, 12, 48, 12).await, [0, 0]);
    assert_eq!(day(1, 9, 58, 2).await, [0, 0]);
    // The same share at an hour that has a usual, of which it is more than twice.
    assert_eq!(day(2, 9, 48, 12).await, [1, 1]);
    // Few events prove nothing, and an hour without a usual has the fixed bound.
    assert_eq!(day(3, 9, 28, 5).await, [1, 1]);
    assert_eq!(day(3, 15, 48, 12).await, [1, 1]);
    // A bad day or two do not become the usual.
    assert_eq!(day(4, 9, 58, 2).await, [1, 1]);
    assert_eq!(day(5, 9, 48, 12).await, [2, 2]);
    // After more than a week nothing is known any more.
    assert_eq!(day(14, 9, 48, 12).await, [2, 2]);
}
