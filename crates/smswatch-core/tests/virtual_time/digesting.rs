//! Deliveries of one rule of which too many wait leave together, and each comes to its own end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use smswatch_core::settings::{RetrySettings, SinkSettings};
use smswatch_model::EventKind;
use smswatch_plugin::store::{
    DeliveryFilter, DeliveryState, PageRequest, Queues as _, Rate, StoredDelivery,
};
use smswatch_testkit::memory_store::MemoryStore;
use tokio::time::sleep;

use crate::recorder::{Attempted, Recorder};
use crate::world::{World, seconds};

/// A sink that takes one a second, as chats do.
fn slow(digest_above: Option<u32>) -> SinkSettings {
    SinkSettings {
        rate: Some(Rate::never_above(1, seconds(1))),
        digest_above,
        ..SinkSettings::default()
    }
}

/// All deliveries to the sink in this state.
async fn deliveries(store: &MemoryStore, state: DeliveryState) -> Vec<StoredDelivery> {
    let filter = DeliveryFilter {
        state: Some(state),
        ..DeliveryFilter::default()
    };
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let request = PageRequest { cursor, limit: 100 };
        let page = store.deliveries(&filter, &request).await.expect("a page");
        all.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return all,
        }
    }
}

/// The ids of the deliveries that the sink was told of, once for each time.
fn told(sink: &Arc<Recorder>) -> Vec<String> {
    let attempts = sink.attempts(EventKind::StatusChanged).into_iter();
    let ids = attempts.flat_map(|attempt| match attempt.deliveries.is_empty() {
        true => vec![attempt.id],
        false => attempt.deliveries,
    });
    ids.collect()
}

async fn undelivered(world: &World, engine: &smswatch_core::Engine, count: usize) {
    for n in 0..count {
        let fate = vec![(seconds(0), "Undelivered")];
        world.watch(engine, &format!("m{n}"), fate).await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_of_one_rule_leave_in_few_digests_and_each_is_delivered() {
    let world = World::new();
    let sink = Recorder::new(&world, seconds(0));
    let engine = world.engine([("chat", sink.clone(), slow(Some(20)))]).await;
    undelivered(&world, &engine, 500).await;
    sleep(seconds(60)).await;

    let attempts = sink.attempts(EventKind::StatusChanged);
    assert!(attempts.len() < 30, "{} attempts", attempts.len());
    let digests: Vec<&Attempted> = attempts
        .iter()
        .filter(|one| !one.deliveries.is_empty())
        .collect();
    assert!(digests.iter().all(|digest| digest.deliveries.len() > 20));
    for digest in &digests {
        let events = digest.n_events as u64 + digest.omitted;
        assert_eq!(events, digest.deliveries.len() as u64);
        assert!(digest.n_events <= 50);
    }

    let delivered = deliveries(&world.store, DeliveryState::Delivered).await;
    let ids: BTreeSet<String> = delivered.iter().map(|one| one.id.to_string()).collect();
    let told = told(&sink);
    assert_eq!((ids.len(), told.len()), (500, 500), "each is told once");
    assert_eq!(ids, told.into_iter().collect());
    for digest in digests {
        let count = digest.deliveries.len();
        let members = delivered
            .iter()
            .filter(|one| digest.deliveries.contains(&one.id.to_string()));
        for member in members {
            assert_eq!(member.attempts_made, 1);
            let detail = &member.attempts[0].detail;
            assert_eq!(*detail, format!("told in a digest of {count}: taken"));
        }
    }
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn few_of_one_rule_leave_one_by_one_and_so_do_many_where_there_are_no_digests() {
    for (above, count) in [(Some(20), 15), (None, 60)] {
        let world = World::new();
        let sink = Recorder::new(&world, seconds(0));
        let engine = world.engine([("chat", sink.clone(), slow(above))]).await;
        undelivered(&world, &engine, count).await;
        sleep(seconds(120)).await;
        let attempts = sink.attempts(EventKind::StatusChanged);
        assert_eq!(attempts.len(), count);
        assert!(attempts.iter().all(|attempt| attempt.deliveries.is_empty()));
        assert!(engine.stop().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_fails_is_tried_again_together_and_each_of_it_says_so() {
    let world = World::new();
    let sink = Recorder::new(&world, seconds(20));
    let settings = SinkSettings {
        retry: RetrySettings {
            schedule: vec![seconds(30)],
            ..RetrySettings::default()
        },
        concurrency: 1,
        ..slow(Some(20))
    };
    let engine = world.engine([("chat", sink.clone(), settings)]).await;
    undelivered(&world, &engine, 100).await;
    sleep(seconds(600)).await;

    let attempts = sink.attempts(EventKind::StatusChanged);
    let failed: Vec<&Attempted> = attempts.iter().filter(|one| one.at < seconds(20)).collect();
    let largest = failed.iter().max_by_key(|one| one.deliveries.len());
    let largest = largest.expect("an attempt");
    assert!(largest.deliveries.len() > 20);
    let again = attempts.iter().filter(|one| one.at >= seconds(20));
    let again = again.map(|one| {
        let told = one.deliveries.iter();
        told.filter(|id| largest.deliveries.contains(id)).count()
    });
    assert!(
        again.max() > Some(largest.deliveries.len() / 2),
        "most of them come together again"
    );
    let delivered = deliveries(&world.store, DeliveryState::Delivered).await;
    let of_chat = delivered
        .iter()
        .filter(|one| largest.deliveries.contains(&one.id.to_string()));
    for one in of_chat {
        let count = largest.deliveries.len();
        let first = &one.attempts[0];
        let failed = format!("in a digest of {count}: it does not work yet");
        assert_eq!((first.result.as_str(), &first.detail), ("retry", &failed));
    }
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_for_good_takes_none_of_its_digest_along() {
    let world = World::new();
    let sink = Recorder::refusing(&world, "m7");
    let settings = SinkSettings {
        concurrency: 1,
        ..slow(Some(2))
    };
    let engine = world.engine([("chat", sink.clone(), settings)]).await;
    // All of them are shown, so that it is known which digest tells of it.
    undelivered(&world, &engine, 50).await;
    sleep(seconds(120)).await;

    let dead = deliveries(&world.store, DeliveryState::Dead).await;
    assert_eq!(dead.len(), 1, "{dead:?}");
    let attempts = &dead[0].attempts;
    let (last, before) = attempts.split_last().expect("an attempt");
    assert_eq!(
        (last.result.as_str(), &*last.detail),
        ("dead", "it is not welcome")
    );
    assert!((1..=4).contains(&before.len()), "{before:?}");
    for attempt in before {
        assert_eq!(attempt.result, "retry");
        let told = &attempt.detail;
        assert!(told.starts_with("in a digest of "), "{told}");
    }
    let delivered = deliveries(&world.store, DeliveryState::Delivered).await;
    // That one has died is told, too.
    let told: BTreeSet<String> = told(&sink).into_iter().collect();
    let of_others = delivered
        .iter()
        .filter(|one| told.contains(&one.id.to_string()));
    assert_eq!(of_others.count(), 49);
    assert!(engine.stop().await);
}

const RULES: &str = r##"
rules:
  - {name: many, match: {status: Failed}, severity: info, notify: [chat]}
  - {name: one, match: {status: Undelivered}, severity: critical, notify: [chat]}
  - {name: elsewhere, match: {status: Unsent}, severity: info, notify: [{sink: chat, channel: "#a"}]}
"##;

#[tokio::test(start_paused = true)]
async fn few_critical_ones_leave_alone_and_other_rules_and_places_stay_apart() {
    let mut world = World::new();
    world.rules = Some(RULES);
    let sink = Recorder::new(&world, seconds(0));
    let engine = world.engine([("chat", sink.clone(), slow(Some(20)))]).await;
    let at = Duration::from_secs(10);
    for n in 0..60 {
        world
            .watch(&engine, &format!("a{n}"), vec![(at, "Failed")])
            .await;
        world
            .watch(&engine, &format!("b{n}"), vec![(at, "Unsent")])
            .await;
    }
    for n in 0..3 {
        world
            .watch(&engine, &format!("c{n}"), vec![(at, "Undelivered")])
            .await;
    }
    sleep(seconds(120)).await;
    let attempts = sink.attempts(EventKind::StatusChanged);
    assert!(attempts.len() < 40, "{} attempts", attempts.len());
    let critical: Vec<&Attempted> = attempts.iter().filter(|one| one.rule == "one").collect();
    assert_eq!(critical.len(), 3);
    assert!(critical.iter().all(|one| one.deliveries.is_empty()));
    for rule in ["many", "elsewhere"] {
        let told: usize = attempts
            .iter()
            .filter(|one| one.rule == rule)
            .map(|one| one.deliveries.len().max(1))
            .sum();
        assert_eq!(told, 60, "{rule}");
    }
    assert!(engine.stop().await);
}
