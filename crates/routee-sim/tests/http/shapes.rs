//! Shapes: one switch for each thing that the documentation leaves open.

use routee_sim::{Fate, MessageSpec, SimConfig};
use serde_json::{Value, json};

use crate::{Stage, json, stage};

/// The parts of an old message under these switches of `shape` alone.
async fn shaped(stage: &Stage, id: &str, shape: Value) -> Vec<Value> {
    stage
        .sim
        .merge_switches(&json!({"shape": null}))
        .expect("known");
    stage
        .sim
        .merge_switches(&json!({"shape": shape}))
        .expect("known");
    stage.parts(id).await
}

#[tokio::test]
async fn every_open_question_has_its_switch() {
    let stage = stage(SimConfig::default()).await;
    let spec = MessageSpec {
        accepted_ms_ago: 3_600_000,
        ..Fate::MultiPart.into()
    };
    let id = stage.sim.register(spec).expect("registered");
    let first = async |shape| shaped(&stage, &id, shape).await.swap_remove(0);

    assert_eq!(
        first(json!({"delivered_reason": "absent"})).await["status"].get("reason"),
        None
    );
    assert_eq!(
        first(json!({"reason": "null"})).await["status"]["reason"],
        Value::Null
    );
    let reason = &first(json!({"detailed_status": "absent"})).await["status"]["reason"];
    assert_eq!(reason.get("detailedStatus"), None);
    assert_eq!(first(json!({"groups": "absent"})).await.get("groups"), None);
    assert_eq!(
        first(json!({"groups": "null"})).await["groups"],
        Value::Null
    );
    assert_eq!(
        first(json!({"operator": "absent"})).await.get("operator"),
        None
    );
    assert_eq!(first(json!({"sms_id": "absent"})).await.get("smsId"), None);
    assert_eq!(first(json!({"label": "null"})).await["label"], Value::Null);
    let to = first(json!({"to_plus": "without"})).await["to"].clone();
    assert!(to.as_str().is_some_and(|to| to.starts_with("3069")), "{to}");
    assert_eq!(
        first(json!({"country_name": true})).await["country"],
        "Greece"
    );
    assert_eq!(first(json!({"numbers": "string"})).await["price"], "0.036");
    assert_eq!(
        first(json!({"numbers": "decimal"})).await["latency"],
        json!(4.0)
    );
    assert_eq!(first(json!({"part_numbers": "string"})).await["parts"], "3");
    assert_eq!(
        first(json!({"part_numbers": "absent"})).await.get("part"),
        None
    );
    assert_eq!(
        first(json!({"unknown_status": "Lost"})).await["status"]["status"],
        "Lost"
    );
    assert_eq!(
        first(json!({"status_case": "upper"})).await["status"]["status"],
        "DELIVERED"
    );
    assert_eq!(
        first(json!({"status_is_string": true})).await["status"],
        "Delivered"
    );
    assert_eq!(
        first(json!({"status": "absent"})).await["status"].get("status"),
        None
    );
    assert_eq!(first(json!({"reversed": true})).await["part"], 3);
    assert_eq!(
        shaped(&stage, &id, json!({"missing_parts": 2})).await.len(),
        1
    );
    assert!(
        first(json!({"unknown_fields": true}))
            .await
            .get("quantumState")
            .is_some()
    );
    let nulls = first(json!({"nulls": true})).await;
    assert_eq!(
        (&nulls["to"], &nulls["price"], &nulls["groups"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(nulls["status"]["status"], "Delivered");
}

#[tokio::test]
async fn dates_come_in_every_form() {
    let stage = stage(SimConfig::default()).await;
    let id = stage.sim.register(Fate::Queued).expect("registered");
    let date = async |form: &str| {
        let parts = shaped(&stage, &id, json!({"date": form})).await;
        parts[0]["status"].get("date").cloned()
    };
    let text = async |form: &str| {
        date(form)
            .await
            .and_then(|date| date.as_str().map(str::to_owned))
            .expect("a text")
    };
    assert_eq!(text("millis").await.len(), "2024-05-01T10:28:49.123Z".len());
    assert!(text("offset").await.ends_with("+03:00"));
    assert_eq!(text("no_seconds").await.len(), "2024-05-01T10:28Z".len());
    assert!(text("future").await > text("seconds").await);
    assert!(text("garbage").await.contains("noon"));
    assert_eq!(date("null").await, Some(Value::Null));
    assert_eq!(date("absent").await, None);
}

#[tokio::test]
async fn the_code_of_an_error_may_be_a_number() {
    let stage = stage(SimConfig::default()).await;
    stage
        .sim
        .merge_switches(&json!({"shape": {"error_code": "number"}}))
        .expect("known");
    assert_eq!(json(stage.track("nobody").await).await["code"], 404_005_000);
    stage
        .sim
        .merge_switches(&json!({"shape": {"error_code": "absent"}}))
        .expect("known");
    assert_eq!(json(stage.track("nobody").await).await.get("code"), None);
}
