//! Retries, breakers and sinks that are gone, at their own pace.

use std::collections::BTreeSet;
use std::time::Duration;

use smswatch_core::settings::{BreakerSettings, RetrySettings, SinkSettings};
use smswatch_model::EventKind;
use smswatch_plugin::store::{DeliveryFilter, DeliveryState, PageRequest, Queues as _, Rate};
use tokio::time::sleep;

use crate::recorder::Recorder;
use crate::world::{World, seconds};

/// Replicas share a rate: neither more nor much less than it allows arrives.
#[tokio::test(start_paused = true)]
async fn a_rate_is_used_up_and_not_passed_by_two_processes_together() {
    let world = World::new();
    let sinks = [(); 2].map(|()| Recorder::new(&world, seconds(0)));
    let settings = || SinkSettings {
        rate: Some(Rate::never_above(10, seconds(1))),
        ..SinkSettings::default()
    };
    let engines = [
        world.engine([("crm", sinks[0].clone(), settings())]).await,
        world.engine([("crm", sinks[1].clone(), settings())]).await,
    ];
    for n in 0..600 {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(&engines[n % 2], &format!("m{n}"), fate).await;
    }
    sleep(seconds(120)).await;
    let attempts = sinks
        .each_ref()
        .map(|sink| sink.attempts(EventKind::StatusChanged));
    let mut times: Vec<Duration> = attempts
        .iter()
        .flatten()
        .map(|attempt| attempt.at)
        .collect();
    times.sort();
    assert_eq!(times.len(), 600);
    // A millisecond for what is lost in rounding.
    let within = |(n, from): (usize, &Duration)| {
        let until = *from + seconds(1) - Duration::from_millis(1);
        times.partition_point(|at| *at < until) - n
    };
    let most = times.iter().enumerate().map(within).max();
    assert!(most <= Some(10), "{most:?} in a second");
    let took = times[599] - times[0];
    assert!((seconds(58)..seconds(75)).contains(&took), "{took:?}");
    for engine in engines {
        assert!(engine.stop().await);
    }
}

/// A sink whose breaker stays closed.
fn patient() -> SinkSettings {
    SinkSettings {
        breaker: BreakerSettings {
            failures: 1_000,
            probe: seconds(30),
        },
        ..SinkSettings::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_tried_again_as_the_schedule_says_and_given_up_in_the_end() {
    let world = World::new();
    let sink = Recorder::new(&world, Duration::MAX);
    let settings = SinkSettings {
        retry: RetrySettings {
            schedule: vec![seconds(5), seconds(60), seconds(600)],
            give_up_after: seconds(40 * 60),
        },
        ..patient()
    };
    let engine = world.engine([("crm", sink.clone(), settings)]).await;
    world
        .watch(&engine, "m1", vec![(seconds(0), "Undelivered")])
        .await;
    sleep(seconds(3_600)).await;
    let attempts = sink.attempts(EventKind::StatusChanged);
    let gaps = attempts.windows(2).map(|pair| pair[1].at - pair[0].at);
    // Delays differ by up to a tenth, so that many that failed together do not come together again.
    let expected =
        [5, 60, 600, 600].map(|gap| seconds(gap).mul_f64(0.85)..seconds(gap + 1).mul_f64(1.15));
    let gaps: Vec<Duration> = gaps.collect();
    assert!(gaps.len() >= 4, "{gaps:?}");
    for (gap, expected) in gaps.iter().zip(expected) {
        assert!(expected.contains(gap), "{gap:?} is not in {expected:?}");
    }
    assert!(attempts.iter().all(|attempt| attempt.id == attempts[0].id));
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Dead),
        ..DeliveryFilter::default()
    };
    let dead = world
        .store
        .deliveries(
            &filter,
            &PageRequest {
                limit: 10,
                cursor: None,
            },
        )
        .await;
    let dead = dead.expect("a page").items;
    assert!(
        dead.iter()
            .any(|dead| dead.id.to_string() == attempts[0].id)
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_down_is_probed_and_gets_everything_when_it_works() {
    let world = World::new();
    let works_from = seconds(600);
    let sink = Recorder::new(&world, works_from);
    let engine = world.start_for(&sink).await;
    for n in 0..20 {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(&engine, &format!("m{n}"), fate).await;
    }
    sleep(seconds(590)).await;
    let before = sink.attempts(EventKind::StatusChanged).len();
    // Twenty attempts a minute would be what retries alone came to; probes are one in half a minute.
    assert!(before < 20 + 8 + 25, "{before} attempts while it was down");
    sleep(seconds(60)).await;
    let arrived = sink.attempts(EventKind::StatusChanged).into_iter();
    let arrived = arrived.filter(|attempt| attempt.at >= works_from);
    let mut ids: Vec<String> = arrived.map(|attempt| attempt.id).collect();
    let n_attempts = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), n_attempts), (20, 20));
    let recovered = sink.attempts(EventKind::SinkRecovered);
    assert!(!recovered.is_empty());
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_sink_gets_no_tag_that_it_may_not_see() {
    let world = World::new();
    let sinks = [(); 3].map(|()| Recorder::new(&world, seconds(0)));
    let allowed = |tags: Option<&[&str]>| SinkSettings {
        tags: tags.map(|tags| {
            tags.iter()
                .map(ToString::to_string)
                .collect::<BTreeSet<_>>()
        }),
        ..SinkSettings::default()
    };
    let engine = world
        .engine([
            ("open", sinks[0].clone(), allowed(None)),
            ("closed", sinks[1].clone(), allowed(Some(&["env"]))),
            ("listed", sinks[2].clone(), allowed(Some(&["env", "team"]))),
        ])
        .await;
    let fate = vec![(seconds(0), "Undelivered")];
    world.watch_for(&engine, "m1", fate, "crm").await;
    sleep(seconds(60)).await;
    let teams = sinks.each_ref().map(|sink| {
        let attempts = sink.attempts(EventKind::StatusChanged);
        assert_eq!(attempts.len(), 1);
        attempts[0].team.clone()
    });
    let crm = Some("crm".to_owned());
    assert_eq!(teams, [crm.clone(), None, crm]);
    assert!(engine.stop().await);
}
