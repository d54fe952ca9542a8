//! Campaigns that are followed as a whole.

use smswatch_core::{CampaignView, Engine, Followed, NewCampaign};
use smswatch_model::{EventKind, MessageId, Tags};
use smswatch_plugin::record::WatchState;
use smswatch_plugin::store::{
    NewRecord, PageRequest, RecordChange, RecordId, RecordKind, Records as _, Shard,
};
use tokio::time::sleep;

use crate::world::{World, seconds};

const HOUR: u64 = 3_600;

fn id(text: &str) -> MessageId {
    MessageId::new(text).expect("an id")
}

/// What is known of the campaign `spring`.
async fn spring(engine: &Engine) -> CampaignView {
    let campaign = engine.service().campaign(&id("spring")).await;
    campaign.expect("a store").expect("a campaign")
}

async fn follow(engine: &Engine, tracking_id: &str) -> Followed {
    let new = NewCampaign {
        tracking_id: id(tracking_id),
        tags: Tags::from([("team".to_owned(), "crm".to_owned())]),
    };
    let followed = engine.service().follow(vec![new]).await;
    followed.expect("it is stored")
}

#[tokio::test(start_paused = true)]
async fn an_empty_page_ends_no_campaign_of_which_messages_are_known() {
    let world = World::new();
    for n in 0..50 {
        let fate = vec![
            (seconds(25 * n), "Sent"),
            (seconds(25 * n + 20), "Undelivered"),
        ];
        world.fate(&format!("spring-{n}"), fate);
    }
    // It is still being sent then, and followed for longer than what is unknown is waited for.
    world
        .provider
        .lists_nothing_within(seconds(11 * 60)..seconds(14 * 60));
    let (sink, engine) = world.start().await;
    follow(&engine, "spring").await;
    sleep(seconds(3 * HOUR)).await;
    let told = sink.attempts(EventKind::CampaignFinished);
    assert_eq!(told.len(), 1);
    let summary = told[0].campaign.clone().expect("a summary");
    assert_eq!((summary.messages, summary.failed), (50, 50));
    let failed = sink.statuses();
    let failed = failed.iter().filter(|status| *status == "Undelivered");
    assert_eq!(failed.count(), 50);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_a_campaign_sends_after_a_pause_is_told_as_news() {
    let world = World::new();
    for n in 0..6 {
        // Whoever sends it pauses for ten minutes.
        let sent = if n < 3 { n } else { 10 * 60 + n };
        let fate = vec![(seconds(sent), "Sent"), (seconds(sent + 20), "Undelivered")];
        world.fate(&format!("spring-{n}"), fate);
    }
    let (sink, engine) = world.start().await;
    follow(&engine, "spring").await;
    sleep(seconds(5 * 60)).await;
    assert_eq!(sink.attempts(EventKind::CampaignFinished).len(), 1);
    sleep(seconds(3 * HOUR)).await;
    let failed = sink.statuses();
    let failed = failed.iter().filter(|status| *status == "Undelivered");
    assert_eq!(
        failed.count(),
        6,
        "{:?} {:?}",
        world.provider.pages(),
        sink.statuses()
    );
    let told = sink.attempts(EventKind::CampaignFinished);
    let summary = told.last().expect("it is told").campaign.clone();
    assert_eq!(summary.expect("a summary").failed, 6);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn each_message_of_a_campaign_is_followed_and_its_end_is_told_once() {
    let world = World::new();
    for n in 0..250 {
        let last = if n % 10 == 0 {
            "Undelivered"
        } else {
            "Delivered"
        };
        let fate = vec![(seconds(0), "Sent"), (seconds(20 + n), last)];
        world.fate(&format!("spring-{n}"), fate);
    }
    world.fate("other-1", vec![(seconds(0), "Undelivered")]);
    let (sink, engine) = world.start().await;
    assert_eq!(follow(&engine, "spring").await.accepted, 1);
    sleep(seconds(30)).await;
    assert_eq!(follow(&engine, "SPRING").await.already_watched, 1);
    let view = spring(&engine).await;
    let summary = view.summary.expect("its pages were had");
    assert_eq!(summary.messages, 250);
    assert!(
        summary.pending > 0 && view.next_poll_at.is_some(),
        "{summary:?}"
    );
    sleep(seconds(3 * HOUR)).await;
    let told = sink.attempts(EventKind::CampaignFinished);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].team.as_deref(), Some("crm"));
    let summary = told[0].campaign.clone().expect("a summary");
    assert_eq!(
        (summary.delivered, summary.failed, summary.pending),
        (225, 25, 0)
    );
    let failures = sink.attempts(EventKind::StatusChanged).into_iter();
    let failures = failures.filter(|told| told.status.as_deref() == Some("Undelivered"));
    let teams: Vec<_> = failures.map(|told| told.team).collect();
    assert_eq!(
        teams,
        vec![Some("crm".to_owned()); 25],
        "each message has the tags"
    );
    assert_eq!(world.provider.polls(), [], "its pages tell of each message");
    let view = spring(&engine).await;
    assert_eq!((view.state.as_str(), view.next_poll_at), ("final", None));
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_is_followed_by_another_process_when_the_first_one_ends() {
    let world = World::new();
    world.fate(
        "spring-1",
        vec![(seconds(0), "Sent"), (seconds(300), "Undelivered")],
    );
    let (sink, engine) = world.start().await;
    follow(&engine, "spring").await;
    sleep(seconds(60)).await;
    assert!(engine.stop().await);
    let engine = world.start_for(&sink).await;
    sleep(seconds(HOUR)).await;
    assert_eq!(sink.statuses(), ["Sent", "Undelivered"]);
    assert_eq!(sink.attempts(EventKind::CampaignFinished).len(), 1);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_nobody_knows_is_told_after_its_grace_and_one_that_hangs_is_given_up() {
    let mut world = World::new();
    world.settings.watch.give_up_after = seconds(5 * HOUR);
    world.fate("hangs-1", vec![(seconds(0), "Sent")]);
    let (sink, engine) = world.start().await;
    follow(&engine, "nobody").await;
    follow(&engine, "hangs").await;
    sleep(seconds(30 * 60)).await;
    let told = sink.attempts(EventKind::CampaignFinished);
    let messages = |n: usize| told[n].campaign.as_ref().map(|summary| summary.messages);
    assert_eq!((told.len(), messages(0)), (1, Some(0)));
    sleep(seconds(6 * HOUR)).await;
    let told = sink.attempts(EventKind::CampaignFinished);
    assert_eq!(told.len(), 2);
    let pending = told[1].campaign.as_ref().map(|summary| summary.pending);
    assert_eq!(pending, Some(1));
    assert!(
        engine
            .service()
            .unfollow(&id("hangs"))
            .await
            .expect("a store")
    );
    assert!(
        !engine
            .service()
            .unfollow(&id("hangs"))
            .await
            .expect("a store")
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_the_provider_does_not_know_is_no_outage_of_the_provider() {
    let world = World::new();
    // Routee knows it some time after it was made.
    let fate = vec![(seconds(95), "Sent"), (seconds(100), "Undelivered")];
    world.fate("unknown-at-first-1", fate);
    let (sink, engine) = world.start().await;
    follow(&engine, "unknown-at-first").await;
    follow(&engine, "unknown-for-ever").await;
    sleep(seconds(90)).await;
    let view = engine.service().campaign(&id("unknown-for-ever")).await;
    let view = view.expect("a store").expect("it is followed");
    assert_eq!(view.state, WatchState::Watching);
    let trouble = view.trouble.expect("it is shown");
    assert!(trouble.contains("does not know this campaign"), "{trouble}");
    assert!(engine.service().health().is_well());
    sleep(seconds(25)).await;
    assert_eq!(sink.statuses(), ["Undelivered"], "it was not missed");
    sleep(seconds(30 * 60)).await;
    assert!(engine.service().health().is_well());
    assert!(sink.attempts(EventKind::ProviderDown).is_empty());
    let told = sink.attempts(EventKind::CampaignFinished);
    let messages = |n: usize| told[n].campaign.as_ref().map(|summary| summary.messages);
    assert_eq!(told.len(), 2);
    assert_eq!((messages(0), messages(1)), (Some(1), Some(0)));
    let view = engine.service().campaign(&id("unknown-for-ever")).await;
    let view = view.expect("a store").expect("it is remembered");
    assert_eq!(view.state, WatchState::NotFound);
    // Whoever registers it again has it followed again.
    assert_eq!(follow(&engine, "unknown-for-ever").await.accepted, 1);
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_that_a_later_version_wrote_is_shown_and_left_to_it() {
    const KIND: RecordKind = RecordKind::new("campaign");
    let world = World::new();
    let (_, engine) = world.start().await;
    let store = &world.store;
    let shards = (0..4).map(Shard);
    follow(&engine, "Spring").await;
    let rewritten = shards.map(async |shard| {
        let id = RecordId::new("spring").expect("an id");
        let loaded = store
            .load_records(shard, KIND, std::slice::from_ref(&id))
            .await;
        let Some(record) = loaded.expect("records").pop().flatten() else {
            return 0;
        };
        let change = RecordChange {
            kind: KIND,
            id,
            expected: Some(record.version),
            record: Some(NewRecord {
                due: record.due,
                body: b"\x09of a later version".to_vec(),
            }),
        };
        let done = store.commit_records(shard, &[change.into()]).await;
        usize::from(done.expect("a commit").done == [true])
    });
    assert_eq!(
        futures::future::join_all(rewritten)
            .await
            .iter()
            .sum::<usize>(),
        1
    );

    let service = engine.service();
    let spring = id("SPRING");
    let view = service
        .campaign(&spring)
        .await
        .expect("an answer")
        .expect("it is there");
    assert!(!view.is_readable && view.registered_at.is_none());
    assert_eq!(view.tracking_id, spring);
    let page = PageRequest {
        cursor: None,
        limit: 10,
    };
    let list = service.campaigns(&page).await.expect("a list").items;
    assert_eq!(list.len(), 1);
    assert!(!list[0].is_readable);
    assert_eq!(follow(&engine, "Spring").await.unreadable, [id("Spring")]);
    assert!(
        service.unfollow(&spring).await.is_err(),
        "it is left as it is"
    );
    assert!(
        service
            .campaign(&spring)
            .await
            .expect("an answer")
            .is_some()
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_campaign_whose_pages_fail_is_given_up_while_others_are_answered_and_not_in_an_outage() {
    for (later, n_told) in [("Sent", 1), ("!failed", 0)] {
        let mut world = World::new();
        world.settings.watch.give_up_after = seconds(5 * HOUR);
        world.provider.lists_until(seconds(HOUR));
        let fate = vec![(seconds(0), "Sent"), (seconds(HOUR), later)];
        world.fate("fails-1", fate);
        let (sink, engine) = world.start().await;
        follow(&engine, "fails").await;
        sleep(seconds(5 * HOUR)).await;
        assert!(sink.attempts(EventKind::CampaignFinished).is_empty());
        sleep(seconds(3 * HOUR)).await;
        let told = sink.attempts(EventKind::CampaignFinished);
        assert_eq!(told.len(), n_told, "{later}");
        assert!(engine.stop().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_campaign_of_many_slow_pages_holds_back_no_other() {
    let world = World::new();
    for n in 0..800 {
        world.fate(&format!("giant-{n}"), vec![(seconds(0), "Delivered")]);
    }
    // One of them lies in the shard of the giant.
    let small: Vec<String> = (0..6).map(|n| format!("small{n}")).collect();
    for name in &small {
        world.fate(&format!("{name}-1"), vec![(seconds(0), "Undelivered")]);
    }
    world.provider.a_page_takes(seconds(25));
    let (sink, engine) = world.start().await;
    follow(&engine, "giant").await;
    sleep(seconds(1)).await;
    for name in &small {
        follow(&engine, name).await;
    }
    sleep(seconds(60)).await;
    let told = sink.statuses();
    let told = told.iter().filter(|status| *status == "Undelivered");
    assert_eq!(told.count(), small.len(), "{:?}", world.provider.pages());
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn what_the_first_pages_of_a_campaign_told_of_parts_is_kept_when_a_later_page_cannot_be_had()
{
    let world = World::new();
    let (sink, engine) = world.start().await;
    for n in 0..150 {
        world.fate(&format!("spring-{n:03}"), vec![(seconds(0), "Sent")]);
    }
    world.fate("spring-0-half", vec![(seconds(0), "Undelivered")]);
    world.provider.fails_from_page(1);
    follow(&engine, "spring").await;
    sleep(seconds(20)).await;
    let count = |status: &str| {
        sink.statuses()
            .iter()
            .filter(|told| *told == status)
            .count()
    };
    assert_eq!((count("Sent"), count("Undelivered")), (99, 1));
    assert!(engine.stop().await);
}
