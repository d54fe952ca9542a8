//! Callbacks: what is told when, and what happens when nobody listens.

use std::time::Duration;

use routee_sim::{
    Advance, Callback, CallbackStats, Fate, Inbound, MessageSpec, PopulationSpec, SendConfig, Sim,
    SimConfig, StatusChange, Strategy,
};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::stage;

/// A simulator that calls back at a receiver.
async fn scene(callbacks: Value) -> (Sim, Receiver) {
    let receiver = Receiver::start().await;
    let sim = Sim::start(SimConfig::default()).expect("a free port");
    let switches = json!({"callbacks": {"url": receiver.url, "timeout_ms": 60_000}});
    sim.merge_switches(&switches).expect("known");
    sim.merge_switches(&json!({"callbacks": callbacks}))
        .expect("known");
    (sim, receiver)
}

fn held(fate: Fate) -> MessageSpec {
    MessageSpec {
        hold: true,
        ..fate.into()
    }
}

async fn until(sim: &Sim, is_there: impl Fn(&CallbackStats) -> bool) -> CallbackStats {
    loop {
        let stats = sim.stats().callbacks;
        if is_there(&stats) {
            return stats;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn each_change_of_each_part_is_told_in_the_documented_shape() {
    let (sim, receiver) = scene(json!({})).await;
    let spec = MessageSpec {
        id: Some("m-1".to_owned()),
        to: Some("+306900000001".to_owned()),
        label: Some("order-17".to_owned()),
        ..held(Fate::CarrierViolation)
    };
    sim.register(spec).expect("registered");
    sim.advance_message("m-1").expect("known");
    receiver.wait_for(1).await;
    sim.advance_message("m-1").expect("known");
    let bodies = receiver.wait_for(2).await;
    assert_eq!(
        receiver.words(),
        ["1 Sent/-", "1 Undelivered/Carrier Violation"]
    );
    let mut told = bodies[1].clone();
    for generated in ["smsId", "latency"] {
        assert!(told[generated].take() != Value::Null, "{generated}");
    }
    assert!(told["status"]["updatedDate"].take().is_string());
    let expected = json!({
        "smsId": null, "messageId": "m-1", "applicationName": "default", "originatingService": "Sms",
        "direction": "Outbound", "from": "MyShop", "to": "+306900000001", "country": "GR",
        "operator": "Example Mobile", "groups": [], "message": "Your parcel is ready", "label": "order-17",
        "campaignName": null, "campaignTrackingId": null, "part": 1, "parts": 1, "price": 0.036, "latency": null,
        "status": {"name": "Undelivered", "updatedDate": null, "reason": {"detailedStatus": "Carrier Violation",
            "description": "The carrier's content filter refused the message."}}
    });
    assert_eq!(told, expected);
}

#[tokio::test]
async fn time_and_a_clock_that_is_moved_bring_every_step() {
    let (sim, receiver) = scene(json!({"first": true})).await;
    sim.register(Fate::MixedParts).expect("registered");
    receiver.wait_for(3).await;
    sim.advance_clock(60_000);
    receiver.wait_for(9).await;
    let mut words = receiver.words();
    words.sort();
    assert_eq!(
        words,
        [
            "1 Delivered/Delivered",
            "1 Queued/-",
            "1 Sent/-",
            "2 Queued/-",
            "2 Sent/-",
            "2 Undelivered/Carrier Violation",
            "3 Delivered/Delivered",
            "3 Queued/-",
            "3 Sent/-"
        ]
    );
}

#[tokio::test]
async fn a_message_of_its_own_mind_is_told_elsewhere_and_only_when_it_is_final() {
    let (sim, receiver) = scene(json!({})).await;
    let own = Receiver::start().await;
    let spec = MessageSpec {
        callback: Some(Callback {
            url: own.url.clone(),
            strategy: Strategy::OnCompletion,
        }),
        ..Fate::Delivered.into()
    };
    sim.register(spec).expect("registered");
    sim.advance_clock(60_000);
    own.wait_for(1).await;
    assert_eq!(own.words(), ["1 Delivered/Delivered"]);
    assert_eq!(receiver.words(), [""; 0]);
}

#[tokio::test]
async fn a_sent_message_is_told_where_its_order_says() {
    let stage = stage(SimConfig::default()).await;
    let receiver = Receiver::start().await;
    let order = json!({"from": "MyShop", "to": "+306900000001", "body": "Hi",
        "callback": {"url": receiver.url, "strategy": "OnChange"}});
    let receipt = crate::json(stage.post("/sms", &order).await).await;
    assert_eq!(receipt["callback"], order["callback"]);
    stage.sim.advance_clock(60_000);
    let bodies = receiver.wait_for(2).await;
    assert_eq!(bodies[0]["messageId"], receipt["trackingId"]);
    let wrong = json!({"from": "MyShop", "to": "+306900000001", "body": "Hi", "callback": {"url": "nowhere"}});
    assert_eq!(stage.post("/sms", &wrong).await.status(), 400);
}

#[tokio::test]
async fn a_status_set_by_hand_is_told() {
    let (sim, receiver) = scene(json!({})).await;
    let id = sim.register(held(Fate::Queued)).expect("registered");
    let change = StatusChange {
        status: "Undelivered".to_owned(),
        detailed_status: Some("Unknown Number".to_owned()),
        ..StatusChange::default()
    };
    sim.set_status(&id, &change).expect("known");
    receiver.wait_for(1).await;
    assert_eq!(receiver.words(), ["1 Undelivered/Unknown Number"]);
}

#[tokio::test]
async fn only_a_200_counts_and_the_rest_is_tried_again_until_it_is_given_up() {
    let (sim, receiver) = scene(json!({"strategy": "OnCompletion", "timeout_ms": 5_000})).await;
    receiver.answer_next([500, 204, 302, 0, 200]);
    sim.register(Fate::Delivered).expect("registered");
    sim.advance_clock(4_000);
    for tries in 1..=4 {
        until(&sim, |stats| stats.sent == tries && stats.waiting == 1).await;
        sim.advance_clock(60_000);
    }
    let stats = until(&sim, |stats| stats.answered == 1).await;
    assert_eq!((stats.told, stats.failed, stats.given_up), (1, 4, 0));
    let expected = json!({"200": 1, "204": 1, "302": 1, "500": 1, "timeout": 1});
    assert_eq!(json!(stats.statuses), expected);
    assert!(stats.latency.max_us > 0 && stats.latency.p50_us <= stats.latency.p99_us);

    receiver.answer_next([503; 6]);
    sim.register(Fate::Delivered).expect("registered");
    sim.advance_clock(4_000);
    for tries in 6..=10 {
        until(&sim, |stats| stats.sent == tries && stats.waiting == 1).await;
        sim.advance_clock(60_000);
    }
    let stats = until(&sim, |stats| stats.given_up == 1).await;
    assert_eq!((stats.sent, stats.waiting), (11, 0));
}

#[tokio::test]
async fn the_longer_schedule_has_twelve_waits_up_to_a_day() {
    let (sim, receiver) = scene(json!({"strategy": "OnCompletion", "retries": "twelve"})).await;
    receiver.answer_next([500; 12]);
    sim.register(Fate::Delivered).expect("registered");
    sim.advance_clock(4_000);
    for tries in 1..=12 {
        until(&sim, |stats| stats.sent == tries && stats.waiting == 1).await;
        sim.advance_clock(86_400_000);
    }
    let stats = until(&sim, |stats| stats.answered == 1).await;
    assert_eq!((stats.sent, stats.given_up), (13, 0));
}

#[tokio::test]
async fn nobody_listening_is_counted_too() {
    let (sim, _receiver) = scene(json!({"url": "http://127.0.0.1:9/"})).await;
    sim.register(held(Fate::Delivered)).expect("registered");
    let id = sim.register(held(Fate::Delivered)).expect("registered");
    sim.advance_message(&id).expect("known");
    let stats = until(&sim, |stats| stats.sent == 1).await;
    assert_eq!(json!(stats.statuses), json!({"none": 1}));
}

#[tokio::test]
async fn a_population_is_told_of_fast_and_over_few_connections() {
    let (sim, receiver) = scene(json!({"connections": 16})).await;
    let spec = PopulationSpec {
        name: "many".to_owned(),
        count: 3_000,
        hold: true,
        ..PopulationSpec::default()
    };
    sim.add_population(spec).expect("made");
    sim.advance("many", Advance::default()).expect("known");
    let stats = until(&sim, |stats| stats.answered == 3_000).await;
    assert_eq!((stats.told, stats.sent, stats.failed), (3_000, 3_000, 0));
    assert!(receiver.connections() <= 16, "{}", receiver.connections());
    let mut ids: Vec<String> = receiver
        .bodies()
        .iter()
        .map(|body| body["messageId"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3_000);
}

#[tokio::test]
async fn what_is_lost_repeated_or_late_follows_from_the_seed() {
    let mut told = Vec::new();
    for _ in 0..2 {
        let unreliable =
            json!({"lost": 0.1, "duplicated": 0.1, "reordered": 0.1, "reorder_ms": 50});
        let (sim, receiver) = scene(unreliable).await;
        let spec = PopulationSpec {
            name: "many".to_owned(),
            count: 1_000,
            hold: true,
            ..PopulationSpec::default()
        };
        sim.add_population(spec).expect("made");
        sim.advance("many", Advance::default()).expect("known");
        let stats = until(&sim, |stats| {
            stats.told == 1_000 && stats.answered == stats.told - stats.lost + stats.duplicated
        })
        .await;
        for share in [stats.lost, stats.duplicated, stats.reordered] {
            assert!((50..150).contains(&share), "{stats:?}");
        }
        let mut ids: Vec<String> = receiver
            .bodies()
            .iter()
            .map(|body| body["smsId"].to_string())
            .collect();
        ids.sort();
        told.push(ids);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_url_that_is_set_later_is_told_of_what_comes_and_not_of_what_was() {
    let receiver = Receiver::start().await;
    let sim = Sim::start(SimConfig::default()).expect("a free port");
    let id = sim.register(held(Fate::Delivered)).expect("registered");
    sim.advance_message(&id).expect("known");
    let switches = json!({"callbacks": {"url": receiver.url}});
    sim.merge_switches(&switches).expect("known");
    sim.advance_message(&id).expect("known");
    receiver.wait_for(1).await;
    assert_eq!(receiver.words(), ["1 Delivered/Delivered"]);
}

#[tokio::test]
async fn a_campaign_is_reported_at_every_fifth_or_at_its_end() {
    for (strategy, states) in [
        (
            "OnChange",
            ["Running", "Running", "Running", "Running", "Finished"].as_slice(),
        ),
        ("OnCompletion", &["Finished"]),
    ] {
        // Nothing happens by itself.
        let send = SendConfig {
            time_scale: 1_000_000.0,
            ..SendConfig::default()
        };
        let config = SimConfig {
            send,
            ..SimConfig::default()
        };
        let stage = stage(config).await;
        let receiver = Receiver::start().await;
        let recipients: Vec<String> = (0..10).map(|n| format!("+30690000000{n}")).collect();
        let order = json!({"from": "MyShop", "to": recipients, "body": "Sale!", "campaignName": "summer",
            "callback": {"url": receiver.url, "strategy": strategy}});
        let receipt = crate::json(stage.post("/sms/campaign", &order).await).await;
        // One message after the other becomes final, so that each report sees where it stands.
        let page = format!(
            "/sms/tracking/campaign/{}",
            receipt["trackingId"].as_str().expect("an id")
        );
        let page = crate::json(stage.get(&page).await).await;
        let change = StatusChange {
            status: "Delivered".to_owned(),
            ..StatusChange::default()
        };
        for (n, row) in (1..).zip(page["content"].as_array().expect("rows")) {
            let id = row["messageId"].as_str().expect("an id");
            stage.sim.set_status(id, &change).expect("known");
            let expected = match strategy {
                "OnChange" => n / 2,
                _ => n / 10,
            };
            receiver.wait_for(expected).await;
        }
        let bodies = receiver.bodies();
        let told: Vec<&str> = bodies
            .iter()
            .map(|body| body["campaignStatus"].as_str().expect("a state"))
            .collect();
        assert_eq!(told, states, "{strategy}");
        let last = bodies.last().expect("a report");
        assert_eq!(last["messageStatuses"], json!({"Delivered": 10}));
        assert_eq!(last["trackingId"], receipt["trackingId"]);
        assert_eq!(
            (&last["name"], &last["totalRecipients"]),
            (&json!("summer"), &json!(10))
        );
    }
}

#[tokio::test]
async fn a_message_that_comes_in_is_told_and_never_tracked() {
    let (sim, receiver) = scene(json!({})).await;
    assert!(sim.receive(&Inbound::default()).expect("a URL"));
    let bodies = receiver.wait_for(1).await;
    assert_eq!(bodies[0]["direction"], "Inbound");
    assert!(bodies[0]["receivedDate"].is_string());
    let id = bodies[0]["messageId"].as_str().expect("an id");
    assert!(sim.message(id).is_none());
    let quiet = Sim::start(SimConfig::default()).expect("a free port");
    assert!(!quiet.receive(&Inbound::default()).expect("nothing to do"));
}

#[tokio::test]
async fn callbacks_leave_out_what_the_switches_leave_out() {
    let (sim, receiver) = scene(json!({})).await;
    let shape = json!({"callback_without_campaign": true, "reason": "absent", "operator": "null",
        "status_case": "upper"});
    sim.merge_switches(&json!({"shape": shape})).expect("known");
    let id = sim.register(held(Fate::Failed)).expect("registered");
    sim.advance_message(&id).expect("known");
    let told = receiver.wait_for(1).await.remove(0);
    assert_eq!(told["status"]["name"], "FAILED");
    assert_eq!(told["operator"], Value::Null);
    for absent in ["campaignName", "campaignTrackingId"] {
        assert!(told.get(absent).is_none(), "{absent}");
    }
    assert!(told["status"].get("reason").is_none());
}
