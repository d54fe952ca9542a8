//! Listings whose pages never end, or end too early.

use smswatch_core::NewCampaign;
use smswatch_core::settings::SweepSettings;
use smswatch_model::{EventKind, MessageId, Tags};
use tokio::time::sleep;

use crate::world::{World, seconds};

fn id(text: &str) -> MessageId {
    MessageId::new(text).expect("an id")
}

fn endless(world: &World) {
    many(world, "endless");
}

fn many(world: &World, name: &str) {
    for n in 0..250 {
        let fate = vec![(seconds(0), "Sent"), (seconds(60), "Undelivered")];
        world.fate(&format!("{name}-{n:03}"), fate);
    }
}

fn swept() -> World {
    let mut world = World::new();
    world.settings.sweeps = vec![SweepSettings {
        every: seconds(30),
        window: seconds(3_600),
        register: true,
        filters: Vec::new(),
    }];
    world
}

#[tokio::test(start_paused = true)]
async fn a_campaign_whose_last_page_comes_for_ever_costs_little_and_says_so() {
    let world = World::new();
    endless(&world);
    let (sink, engine) = world.start().await;
    let new = NewCampaign {
        tracking_id: id("endless"),
        tags: Tags::new(),
    };
    let followed = engine.service().follow(vec![new]).await;
    assert_eq!(followed.expect("it is stored").accepted, 1);
    sleep(seconds(5)).await;
    assert_eq!(
        world.provider.pages().len(),
        6,
        "three, and the last one three times more"
    );
    let view = engine.service().campaign(&id("endless")).await;
    let view = view.expect("a store").expect("it is followed");
    assert_eq!(view.summary.expect("its pages were had").messages, 250);
    let trouble = view.trouble.expect("it is shown");
    assert!(trouble.contains("the same page"), "{trouble}");
    sleep(seconds(3 * 3_600)).await;
    let failed = sink.statuses();
    let failed = failed.iter().filter(|status| *status == "Undelivered");
    assert_eq!(failed.count(), 250);
    assert_eq!(sink.attempts(EventKind::CampaignFinished).len(), 1);
    let n_pages = world.provider.pages().len();
    assert!(n_pages.is_multiple_of(6) && n_pages < 300, "{n_pages}");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_whose_last_page_comes_for_ever_costs_little_and_is_in_trouble() {
    let world = swept();
    endless(&world);
    let (sink, engine) = world.start().await;
    sleep(seconds(5 * 60)).await;
    assert_eq!(sink.statuses().len(), 500, "all of it is told");
    let n_pages = world.provider.pages().len();
    assert!(n_pages <= 6 * 11, "{n_pages}");
    let parts = engine.service().health().parts;
    let trouble = parts["sweep"].clone().expect("it is in trouble");
    assert!(
        format!("{trouble:?}").contains("the same page"),
        "{trouble:?}"
    );
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn pages_that_call_themselves_the_last_one_too_early_are_asked_for_to_the_end() {
    let world = swept();
    many(&world, "early");
    let (sink, engine) = world.start().await;
    sleep(seconds(5)).await;
    assert_eq!(world.provider.pages().len(), 3);
    assert_eq!(engine.service().health().parts["sweep"], None);
    sleep(seconds(5 * 60)).await;
    assert_eq!(sink.statuses().len(), 500, "all of it is told");
    assert!(engine.stop().await);
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_withholds_rows_of_which_it_speaks_is_told_as_such() {
    let world = swept();
    many(&world, "early-withheld");
    let (sink, engine) = world.start().await;
    let new = NewCampaign {
        tracking_id: id("early-withheld"),
        tags: Tags::new(),
    };
    let followed = engine.service().follow(vec![new]).await;
    assert_eq!(followed.expect("it is stored").accepted, 1);
    sleep(seconds(5 * 60)).await;
    assert_eq!(sink.statuses().len(), 500, "what is told counts");
    let parts = engine.service().health().parts;
    let trouble = format!("{:?}", parts["sweep"]);
    assert!(trouble.contains("250 of 257 rows"), "{trouble}");
    let view = engine.service().campaign(&id("early-withheld")).await;
    let view = view.expect("a store").expect("it is followed");
    let trouble = view.trouble.expect("it is shown");
    assert!(trouble.contains("250 of its 257 rows"), "{trouble}");
    assert!(engine.stop().await);
}
