//! Sending: what is accepted can be tracked, alone and as a campaign.

use reqwest::StatusCode;
use routee_sim::{Fate, SendConfig, SimConfig, WeightedFate};
use serde_json::json;

use crate::{json, stage};

#[tokio::test]
async fn a_sent_message_can_be_tracked() {
    let send = SendConfig {
        fates: vec![WeightedFate::from(Fate::Failed)],
        fate_by_recipient: [("+306900000009".to_owned(), Fate::CarrierViolation)].into(),
        ..SendConfig::default()
    };
    let stage = stage(SimConfig {
        send,
        ..SimConfig::default()
    })
    .await;
    let order = json!({"from": "MyShop", "to": "+306900000009", "label": "order-17",
        "body": "x".repeat(200)});
    let answer = stage.post("/sms", &order).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let receipt = json(answer).await;
    assert_eq!(receipt["status"], "Queued");
    assert_eq!(receipt["bodyAnalysis"]["parts"], 2);
    let id = receipt["trackingId"].as_str().expect("an id");
    stage.sim.advance_clock(60_000);
    let parts = stage.parts(id).await;
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[1]["label"], "order-17");
    assert_eq!(
        parts[1]["status"]["reason"]["detailedStatus"],
        "Carrier Violation"
    );
}

#[tokio::test]
async fn a_bad_order_is_refused() {
    let stage = stage(SimConfig::default()).await;
    let check = async |order, code: &str| {
        let answer = stage.post("/sms", &order).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(json(answer).await["code"], code);
    };
    check(
        json!({"from": "MyShop", "to": "nobody", "body": "Hi"}),
        "400000000",
    )
    .await;
    check(
        json!({"from": "MyShop", "to": "+306900000001", "body": ""}),
        "400000000",
    )
    .await;
    check(json!({"to": "+306900000001", "body": "Hi"}), "400005000").await;
}

#[tokio::test]
async fn a_campaign_is_tracked_by_its_own_id() {
    let stage = stage(SimConfig::default()).await;
    let order = json!({"from": "MyShop", "to": ["+306900000001", "+306900000002"], "body": "Sale!",
        "campaignName": "summer"});
    let receipt = json(stage.post("/sms/campaign", &order).await).await;
    let id = receipt["trackingId"].as_str().expect("an id");
    stage.sim.advance_clock(60_000);
    let page = json(
        stage
            .get(&format!("/sms/tracking/campaign/{id}?size=1"))
            .await,
    )
    .await;
    assert_eq!(
        (&page["totalElements"], &page["size"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(page["content"][0]["campaignName"], "summer");
    assert_eq!(page["content"][0]["campaignTrackingId"], id);
    let summary = json(stage.get(&format!("/campaigns/{id}")).await).await;
    assert_eq!(
        (&summary["state"], &summary["statuses"]),
        (&json!("Finished"), &json!({"Delivered": 2}))
    );
    assert_eq!(
        stage.post("/sms/campaign", &order).await.status(),
        StatusCode::CONFLICT
    );
    assert_eq!(
        stage.get("/campaigns/none").await.status(),
        StatusCode::NOT_FOUND
    );
}
