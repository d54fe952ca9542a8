//! The searches: window, filters, pages, campaigns.

use reqwest::StatusCode;
use routee_sim::{Endpoint, Fate, FaultKind, FaultRule, MessageSpec, PopulationSpec, SimConfig};
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

#[tokio::test]
async fn rows_can_shift_between_pages() {
    let stage = stage(SimConfig::default()).await;
    let spec = PopulationSpec {
        name: "more".to_owned(),
        count: 12,
        ..Default::default()
    };
    stage.sim.add_population(spec).expect("made");
    let pages = async |shift: i64| {
        let switches = json!({"list": {"reject_old_window": false, "shift": shift}});
        stage.sim.merge_switches(&switches).expect("known");
        let mut ids = Vec::new();
        for number in 0..3 {
            let page = search(&stage, &format!("size=4&page={number}"), json!([])).await;
            let rows = page["content"].as_array().expect("rows").clone();
            ids.extend(rows.into_iter().map(|row| row["smsId"].to_string()));
        }
        let count = ids.len();
        ids.sort();
        ids.dedup();
        (count, ids.len())
    };
    assert_eq!(pages(0).await, (12, 12));
    assert_eq!(pages(-1).await, (12, 10), "two rows are on two pages");
    assert_eq!(pages(1).await, (10, 10), "two rows are on none");
}

#[tokio::test]
async fn a_window_finds_the_messages_of_a_population_that_were_accepted_in_it() {
    let stage = stage(SimConfig::default()).await;
    let spec = PopulationSpec {
        name: "more".to_owned(),
        count: 100,
        start_ms: Some(1_767_225_600_000),
        spread_ms: 100_000,
        ..Default::default()
    };
    stage.sim.add_population(spec).expect("made");
    let switches =
        json!({"list": {"reject_old_window": false, "window_ms": 1_000_000_000_000_u64}});
    stage.sim.merge_switches(&switches).expect("known");
    let count = async |from: &str, to: &str| {
        let path = format!("/sms/tracking?dateStart={from}&dateEnd={to}");
        let page = json(stage.post(&path, &json!([])).await).await;
        page["totalElements"].as_u64().expect("a number")
    };
    assert_eq!(
        count("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z").await,
        10
    );
    assert_eq!(
        count("2026-01-01T00:01:30Z", "2026-01-01T00:09:00Z").await,
        10
    );
    assert_eq!(
        count("2026-01-01T00:09:00Z", "2026-01-01T00:10:00Z").await,
        0
    );
    assert_eq!(
        count("2025-12-31T00:00:00Z", "2026-01-02T00:00:00Z").await,
        100
    );
}

#[tokio::test]
async fn a_population_can_be_a_campaign() {
    let stage = stage(SimConfig::default()).await;
    let spec = PopulationSpec {
        name: "more".to_owned(),
        count: 30,
        hold: true,
        campaign_name: Some("summer".to_owned()),
        campaign_tracking_id: Some("c-1".to_owned()),
        ..Default::default()
    };
    stage.sim.add_population(spec).expect("made");
    stage.sim.register(Fate::Delivered).expect("registered");
    let page = json(stage.get("/sms/tracking/campaign/c-1?size=20&page=1").await).await;
    assert_eq!(
        (&page["totalElements"], &page["last"]),
        (&json!(30), &json!(true))
    );
    assert_eq!(page["content"][0]["campaignName"], "summer");
    let summary = json(stage.get("/campaigns/c-1").await).await;
    assert_eq!(
        (&summary["state"], &summary["statuses"]),
        (&json!("Running"), &json!({"Queued": 30}))
    );
    let other = json(stage.get("/sms/tracking/campaign/c-2").await).await;
    assert_eq!(other["content"], json!([]));
}

#[tokio::test]
async fn a_single_page_can_go_wrong() {
    let stage = scene().await;
    let rule = FaultRule {
        kind: FaultKind::Status {
            status: 503,
            body: None,
        },
        on: Endpoint::TrackingRange,
        page: Some(1),
        ..FaultRule::default()
    };
    stage.sim.add_fault(rule);
    let status = async |page| {
        let path = format!("/sms/tracking?{WINDOW}&size=2&page={page}");
        stage.post(&path, &json!([])).await.status().as_u16()
    };
    assert_eq!(
        (status(0).await, status(1).await, status(2).await),
        (200, 503, 200)
    );
}

#[tokio::test]
async fn a_bad_row_comes_on_top_of_the_others() {
    let stage = scene().await;
    let rule = FaultRule {
        kind: FaultKind::BadRow,
        on: Endpoint::TrackingRange,
        ..FaultRule::default()
    };
    stage.sim.add_fault(rule);
    let answer = stage
        .post(&format!("/sms/tracking?{WINDOW}"), &json!([]))
        .await;
    let text = answer.text().await.expect("a body");
    assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
    assert_eq!(text.matches("messageId").count(), 5, "all rows are there");
}
