//! Single tracking: the documented answer, and the life of a message.

use reqwest::StatusCode;
use routee_sim::{Fate, MessageSpec, PartSpec, SimConfig, StatusChange, Step};
use serde_json::json;

use crate::{Stage, json, stage};

/// A message at a standstill, to be moved by command.
fn held(fate: Fate) -> MessageSpec {
    MessageSpec {
        hold: true,
        ..fate.into()
    }
}

/// A message whose life takes minutes, so that a slow machine sees each part of it.
fn slow(fate: Fate) -> MessageSpec {
    MessageSpec {
        time_scale: 30.0,
        ..fate.into()
    }
}

async fn statuses(stage: &Stage, id: &str) -> Vec<String> {
    let parts = stage.parts(id).await;
    parts
        .iter()
        .map(|part| part["status"]["status"].as_str().unwrap_or("?").to_owned())
        .collect()
}

#[tokio::test]
async fn an_answer_has_every_documented_field() {
    let stage = stage(SimConfig::default()).await;
    let spec = MessageSpec {
        id: Some("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01".to_owned()),
        parts: vec![PartSpec {
            sms_id: Some("7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01".to_owned()),
            ..vec![Step::new(4_000, "Undelivered").because("Unknown Number", "It's \"gone\".")]
                .into()
        }],
        to: Some("+306900000001".to_owned()),
        label: Some("order-17".to_owned()),
        accepted_ms_ago: 60_000,
        ..MessageSpec::default()
    };
    let id = stage.sim.register(spec).expect("registered");
    let mut parts = stage.parts(&id).await;
    let date = parts[0]["status"]["date"].take();
    let date = date.as_str().expect("a text");
    assert!(date.len() == 20 && date.ends_with('Z'), "{date}");
    assert_eq!(
        parts,
        [json!({
            "smsId": "7b1e9c52-2f0a-4a57-9d50-aaaaaaaaaa01",
            "messageId": "3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb01",
            "applicationName": "default", "originatingService": "Sms", "direction": "Outbound",
            "from": "MyShop", "to": "+306900000001", "country": "GR", "operator": "Example Mobile",
            "groups": [], "body": "Your parcel is ready", "label": "order-17",
            "part": 1, "parts": 1, "price": 0.036, "latency": 4,
            "status": {
                "status": "Undelivered", "date": null,
                "reason": {"detailedStatus": "Unknown Number", "description": "It's \"gone\"."},
            },
        })]
    );
}

#[tokio::test]
async fn an_unknown_id_is_404_with_the_documented_code() {
    let stage = stage(SimConfig::default()).await;
    let answer = stage.track("3d0c6a3e-91d4-4d4e-8f6f-bbbbbbbbbb02").await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let expected = json!({"code": "404005000", "developerMessage": "Tracking not found"});
    assert_eq!(json(answer).await, expected);

    assert_eq!(stage.track("no-uuid").await.status(), StatusCode::NOT_FOUND);
    let switch = json!({"tracking": {"malformed_id_status": 400}});
    stage.sim.merge_switches(&switch).expect("known");
    assert_eq!(
        stage.track("no-uuid").await.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn a_message_lives_by_command_and_its_ledger_tells_what_was_served() {
    let stage = stage(SimConfig::default()).await;
    let id = stage
        .sim
        .register(held(Fate::CarrierViolation))
        .expect("registered");
    assert_eq!(statuses(&stage, &id).await, ["Queued"]);
    assert_eq!(statuses(&stage, &id).await, ["Queued"]);
    assert_eq!(stage.sim.advance_message(&id).expect("known"), 1);
    assert_eq!(statuses(&stage, &id).await, ["Sent"]);
    stage.sim.advance_message(&id).expect("known");
    assert_eq!(statuses(&stage, &id).await, ["Undelivered"]);
    assert_eq!(stage.sim.advance_message(&id).expect("known"), 0);
    let change = StatusChange {
        status: "Delivered".to_owned(),
        ..StatusChange::default()
    };
    stage.sim.set_status(&id, &change).expect("known");
    assert_eq!(statuses(&stage, &id).await, ["Delivered"]);

    let report = stage.sim.message(&id).expect("known");
    assert_eq!((report.polls, report.changes_served), (5, 4));
    assert_eq!(report.poll_times_ms.len(), 5);
    let summary = &stage.sim.stats().messages[&id];
    assert_eq!(
        summary.statuses,
        [
            "1:Queued/",
            "1:Sent/",
            "1:Undelivered/Carrier Violation",
            "1:Delivered/"
        ]
    );
}

#[tokio::test]
async fn time_alone_brings_a_message_to_its_end() {
    let stage = stage(SimConfig::default()).await;
    let id = stage.sim.register(slow(Fate::MixedParts));
    let id = id.expect("registered");
    assert_eq!(statuses(&stage, &id).await, ["Queued", "Queued", "Queued"]);
    stage.sim.advance_clock(600_000);
    assert_eq!(
        statuses(&stage, &id).await,
        ["Delivered", "Undelivered", "Delivered"]
    );
    assert_eq!(stage.sim.stats().changes_served, 6);
}

#[tokio::test]
async fn strange_fates_are_strange() {
    let stage = stage(SimConfig::default()).await;
    let old = |fate: Fate| {
        let spec = MessageSpec {
            accepted_ms_ago: 3_600_000,
            ..fate.into()
        };
        stage.sim.register(spec).expect("registered")
    };
    assert_eq!(
        stage.track(&old(Fate::Unknown)).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        stage.track(&old(Fate::Gone)).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(stage.parts(&old(Fate::Empty)).await.len(), 0);
    let missing = stage.parts(&old(Fate::MissingPart)).await;
    assert_eq!((missing.len(), &missing[0]["parts"]), (1, &json!(2)));
    assert_eq!(statuses(&stage, &old(Fate::Flip)).await, ["Delivered"]);

    let late = stage.sim.register(slow(Fate::Late)).expect("registered");
    let empty = stage.sim.register(slow(Fate::EmptyThenDelivered));
    let empty = empty.expect("registered");
    assert_eq!(stage.track(&late).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(stage.parts(&empty).await.len(), 0);
    stage.sim.advance_clock(60_000);
    assert_eq!(statuses(&stage, &late).await, ["Sent"]);
    assert_eq!(statuses(&stage, &empty).await, ["Sent"]);
}

#[tokio::test]
async fn a_refined_status_keeps_its_date() {
    let stage = stage(SimConfig::default()).await;
    let id = stage.sim.register(slow(Fate::Refined)).expect("registered");
    stage.sim.advance_clock(130_000);
    let plain = stage.parts(&id).await;
    assert_eq!(plain[0]["status"].get("reason"), None);
    stage.sim.advance_clock(600_000);
    let refined = stage.parts(&id).await;
    assert_eq!(
        refined[0]["status"]["reason"]["detailedStatus"],
        "Carrier Violation"
    );
    assert_eq!(plain[0]["status"]["date"], refined[0]["status"]["date"]);
    assert_eq!(stage.sim.message(&id).expect("known").changes_served, 2);
}

#[tokio::test]
async fn a_fresh_message_can_be_hidden_and_an_old_one_forgotten() {
    let stage = stage(SimConfig::default()).await;
    let switches = json!({"tracking": {"not_visible_ms": 60_000, "retention_ms": 300_000}});
    stage.sim.merge_switches(&switches).expect("known");
    let id = stage.sim.register(Fate::Stuck).expect("registered");
    assert_eq!(stage.track(&id).await.status(), StatusCode::NOT_FOUND);
    stage.sim.advance_clock(60_000);
    assert_eq!(stage.track(&id).await.status(), StatusCode::OK);
    stage.sim.advance_clock(300_000);
    assert_eq!(stage.track(&id).await.status(), StatusCode::NOT_FOUND);
}
