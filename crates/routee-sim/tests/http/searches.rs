//! The searches: window, filters, pages, campaigns.

use reqwest::StatusCode;
use routee_sim::{Fate, MessageSpec, PopulationSpec, SimConfig};
use serde_json::{Value, json};

use crate::{Stage, json, stage};

const WINDOW: &str = "dateStart=2026-01-01T00:00Z&dateEnd=2099-01-01T00:00:00.000Z";

/// A stage whose window is wide enough for dates that are written down.
async fn scene() -> Stage {
    let stage = stage(SimConfig::default()).await;
    stage
        .sim
        .merge_switches(&json!({"list": {"reject_old_window": false}}))
        .expect("known");
    for (fate, label) in [
        (Fate::Delivered, "a-1"),
        (Fate::Failed, "b-2"),
        (Fate::MixedParts, "a-3"),
    ] {
        let spec = MessageSpec {
            accepted_ms_ago: 60_000,
            label: Some(label.to_owned()),
            ..fate.into()
        };
        stage.sim.register(spec).expect("registered");
    }
    stage
}

async fn search(stage: &Stage, query: &str, filters: Value) -> Value {
    let answer = stage
        .post(&format!("/sms/tracking?{WINDOW}&{query}"), &filters)
        .await;
    assert_eq!(answer.status(), StatusCode::OK);
    json(answer).await
}

fn filter(field: &str, operator: &str, term: &str) -> Value {
    json!([{"fieldName": field, "searchOperator": operator, "searchTerm": term}])
}

#[tokio::test]
async fn pages_cover_all_parts() {
    let stage = scene().await;
    let spec = PopulationSpec {
        name: "more".to_owned(),
        count: 7,
        ..Default::default()
    };
    stage.sim.add_population(spec).expect("made");
    let first = search(&stage, "size=5", json!([])).await;
    assert_eq!(
        (
            &first["totalElements"],
            &first["totalPages"],
            &first["numberOfElements"]
        ),
        (&json!(12), &json!(3), &json!(5))
    );
    assert_eq!(
        (&first["first"], &first["last"]),
        (&json!(true), &json!(false))
    );
    let last = search(&stage, "size=5&page=2", json!([])).await;
    assert_eq!(
        (&last["numberOfElements"], &last["last"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(
        search(&stage, "size=5&page=9", json!([])).await["content"],
        json!([])
    );
}

#[tokio::test]
async fn filters_follow_the_documented_operators() {
    let stage = scene().await;
    let count = async |filters| search(&stage, "", filters).await["totalElements"].clone();
    assert_eq!(count(filter("status.status", "is", "Undelivered")).await, 1);
    assert_eq!(
        count(filter("status.status", "is_not", "Delivered")).await,
        2
    );
    assert_eq!(count(filter("label", "starts_with", "a-")).await, 4);
    assert_eq!(count(filter("label", "ends_with", "-2")).await, 1);
    assert_eq!(count(filter("label", "contains", "-")).await, 5);
    assert_eq!(
        count(json!([{"fieldName": "label", "searchTerm": "a-1"}])).await,
        1
    );
}

#[tokio::test]
async fn a_search_needs_a_window_of_the_last_week() {
    let stage = scene().await;
    let none = stage.post("/sms/tracking", &json!([])).await;
    assert_eq!(none.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json(none).await["properties"]["dateStart"], "is required");
    stage
        .sim
        .merge_switches(&json!({"list": null}))
        .expect("known");
    let path = "/sms/tracking?dateStart=2015-11-11T15:00Z&dateEnd=2099-01-01T00:00:00Z";
    let old = stage.post(path, &json!([])).await;
    assert_eq!(old.status(), StatusCode::BAD_REQUEST);
    assert_eq!(json(old).await["code"], "400000000");
}

#[tokio::test]
async fn rows_can_be_sorted() {
    let stage = scene().await;
    let sorted = search(&stage, "sort=label,desc&size=1", json!([])).await;
    assert_eq!(sorted["content"][0]["label"], "b-2");
    assert_eq!(sorted["totalElements"], 5);
}

#[tokio::test]
async fn a_search_serves_changes_too() {
    let stage = scene().await;
    search(&stage, "size=2", json!([])).await;
    assert_eq!(stage.sim.stats().changes_served, 2);
}
