//! What a later version keeps is left to it, and hides no status meanwhile.

use smswatch_core::NewWatch;
use smswatch_core::settings::{CallbackSettings, SweepSettings};
use smswatch_model::{MessageId, Tags, Timestamp};
use smswatch_plugin::record::Record;
use smswatch_plugin::store::{
    CommitItem, CommitOutcome, CommitStep, KeptRecord, NewRecord, RecordChange, RecordId,
    RecordKind, Records as _, Shard, Store as _, WatchPriority, shard_of,
};
use tokio::time::sleep;

use crate::world::{World, seconds};

/// A body of another format than this version knows.
const LATER: &[u8] = b"\x09of a later version";

/// The record of this kind and name.
async fn record(world: &World, kind: &'static str, name: &str) -> Option<KeptRecord> {
    let id = RecordId::new(name).expect("an id");
    let load = world.store.load_records(
        shard(world, name),
        RecordKind::new(kind),
        std::slice::from_ref(&id),
    );
    load.await.expect("records").pop().flatten()
}

fn shard(world: &World, name: &str) -> Shard {
    shard_of(name, world.store.shard_count())
}

/// Writes it as a later version does.
async fn put(world: &World, kind: &'static str, name: &str, due: Timestamp) {
    let before = record(world, kind, name).await;
    let change = RecordChange {
        kind: RecordKind::new(kind),
        id: RecordId::new(name).expect("an id"),
        expected: before.map(|before| before.version),
        record: Some(NewRecord {
            due: Some(due),
            body: LATER.to_vec(),
        }),
    };
    let commit = [change.into()];
    let committed = world
        .store
        .commit_records(shard(world, name), &commit)
        .await;
    assert_eq!(committed.expect("a commit").done, [true]);
}

async fn now(world: &World) -> Timestamp {
    world.store.now(Shard(0)).await.expect("the time")
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_a_later_version_is_left_to_it_and_taken_up_when_it_sweeps_no_more() {
    let mut world = World::new();
    world.settings.sweeps = vec![SweepSettings {
        every: seconds(30),
        window: seconds(3_600),
        register: true,
        filters: Vec::new(),
    }];
    world.fate(
        "m1",
        vec![(seconds(0), "Sent"), (seconds(200), "Undelivered")],
    );
    put(&world, "sweep", "sweep:0", now(&world).await + seconds(30)).await;
    let (sink, engine) = world.start().await;
    // While it sweeps, it says when it does so next.
    for _ in 0..5 {
        sleep(seconds(30)).await;
        put(&world, "sweep", "sweep:0", now(&world).await + seconds(30)).await;
    }
    assert_eq!(world.provider.pages(), []);
    let last = record(&world, "sweep", "sweep:0").await;
    // It is gone for good: this version goes on within 45 seconds, and as often as it should.
    sleep(seconds(30 + 45 + 5 * 60)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    let n_pages = world.provider.pages().len();
    assert!((10..=12).contains(&n_pages), "{n_pages}");
    assert_eq!(
        record(&world, "sweep", "sweep:0").await,
        last,
        "it is as it was"
    );
    let health = engine.service().health();
    let trouble = health.parts["contents"].clone().expect("it is told");
    assert!(
        format!("{trouble:?}").contains("a later version"),
        "{trouble:?}"
    );
    // It is back.
    put(&world, "sweep", "sweep:0", now(&world).await + seconds(30)).await;
    let n_pages = world.provider.pages().len();
    for _ in 0..5 {
        sleep(seconds(30)).await;
        put(&world, "sweep", "sweep:0", now(&world).await + seconds(30)).await;
    }
    assert_eq!(world.provider.pages().len(), n_pages);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_a_later_version_writes_under_a_claim_of_this_one_is_offered_again_when_its_lease_ends()
 {
    let mut world = World::new();
    // Both are claimed together, and the second one is asked about when the first one is written.
    world.settings.provider.concurrency = 1;
    world.settings.provider.timeout = seconds(3);
    world.provider.a_poll_takes(seconds(2));
    let names: Vec<String> = (0..20).map(|n| format!("m{n:02}")).collect();
    let home = shard(&world, &names[0]);
    let mut ids = names.iter().filter(|name| shard(&world, name) == home);
    let ids = [(); 2].map(|()| MessageId::new(ids.next().expect("two of a shard")).expect("an id"));
    let new = ids.clone().map(|message_id| NewWatch {
        message_id,
        tags: Tags::new(),
    });
    let (sink, engine) = world.start().await;
    let added = engine.service().register(new.into()).await;
    assert!(added.is_ok());
    assert!(engine.stop().await);
    // Both are due by now.
    sleep(seconds(20)).await;
    let n_polls = world.provider.polls().len();
    let engine = world.start_for(&sink).await;
    sleep(seconds(1)).await;
    assert_eq!(world.provider.polls().len(), n_polls + 1);
    let store = &world.store;
    let known = store.load(home, &ids[..1]).await.expect("records").pop();
    let known = known.and_then(Result::ok).flatten().expect("a record");
    let later = Record::new(known.state(), known.due(), LATER);
    let item = CommitItem {
        message_id: ids[0].clone(),
        expected: Some(known),
        record: Some(later.clone()),
        priority: WatchPriority::New,
        entry: None,
    };
    let step = CommitStep {
        items: vec![item],
        finished: Vec::new(),
    };
    let written = store.commit(home, &step).await.expect("a step").outcomes;
    assert_eq!(written, [CommitOutcome::Done]);
    sleep(seconds(60)).await;
    assert!(
        world.provider.polls().len() > 2,
        "the other one is followed"
    );
    assert!(engine.stop().await);
    sleep(seconds(120)).await;
    let claimed = store.claim(home, WatchPriority::New, 10, seconds(60)).await;
    let claimed = claimed.expect("a claim").watches;
    assert!(claimed.contains(&(ids[0].clone(), later)), "{claimed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_callback_of_which_a_later_version_holds_more_is_told_and_what_it_holds_is_left_to_it() {
    let mut world = World::new();
    world.settings.callbacks = Some(CallbackSettings::default());
    put(&world, "held", "m1", now(&world).await).await;
    let before = record(&world, "held", "m1").await;
    let (sink, engine) = world.start().await;
    let pushed = engine.service().push(b"m1 Undelivered").await;
    assert!(pushed.is_ok(), "{pushed:?}");
    sleep(seconds(60)).await;
    assert_eq!(sink.statuses(), ["Undelivered"]);
    assert_eq!(
        record(&world, "held", "m1").await,
        before,
        "it is as it was"
    );
    assert!(engine.stop().await);
}
