//! The admin calls: everything that the methods do, as JSON.

use reqwest::StatusCode;
use routee_sim::{Sim, SimConfig};
use serde_json::json;

use crate::{json, stage};

#[tokio::test]
async fn a_message_is_registered_moved_and_forgotten_by_json() {
    let stage = stage(SimConfig::default()).await;
    let order = json!([{"id": "one", "fate": "carrier_violation", "hold": true},
        {"parts": [{"steps": [{"status": "Sent"}]}]}]);
    let answer = stage.post("/_sim/messages", &order).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let ids = json(answer).await;
    assert_eq!(ids["ids"][0], "one");
    assert_eq!(ids["ids"].as_array().map(Vec::len), Some(2));
    let moved = json(stage.post("/_sim/messages/one/advance", &json!({})).await).await;
    assert_eq!(moved, json!({"moved": 1}));
    assert_eq!(stage.parts("one").await[0]["status"]["status"], "Sent");
    let change = json!({"status": "Undelivered", "detailed_status": "Roaming"});
    let report = json(stage.post("/_sim/messages/one/status", &change).await).await;
    assert_eq!(report["current"][0]["detailed_status"], "Roaming");
    let report = json(stage.get("/_sim/messages/one").await).await;
    assert_eq!(
        (&report["polls"], &report["changes_served"]),
        (&json!(1), &json!(1))
    );
    let url = format!("{}/_sim/messages/one", stage.sim.url());
    assert_eq!(
        stage
            .client
            .delete(url)
            .send()
            .await
            .expect("an answer")
            .status(),
        StatusCode::OK
    );
    assert_eq!(stage.track("one").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn switches_faults_tokens_clock_and_reset_work_by_json() {
    let stage = stage(SimConfig::default()).await;
    let put = async |patch: serde_json::Value| {
        let url = format!("{}/_sim/switches", stage.sim.url());
        stage
            .client
            .put(url)
            .body(patch.to_string())
            .send()
            .await
            .expect("an answer")
    };
    let switches = json(put(json!({"shape": {"groups": "null"}})).await).await;
    assert_eq!(switches["shape"]["groups"], "null");
    let refused = put(json!({"shpae": {}})).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let cause = json(refused).await["cause"].to_string();
    assert!(cause.contains("shpae"), "{cause}");

    let fault = json!({"kind": "status", "status": 502, "next": 1});
    assert_eq!(
        json(stage.post("/_sim/faults", &fault).await).await,
        json!({"added": 1})
    );
    assert_eq!(stage.track("any").await.status(), StatusCode::BAD_GATEWAY);
    let stats = json(stage.get("/_sim/stats").await).await;
    assert_eq!(
        stats["faults"],
        json!([{"kind": "status", "served": 1, "left": 0}])
    );
    assert_eq!(stats["requests"]["tracking_single"], json!({"502": 1}));
    let revoked = stage.post("/_sim/tokens/revoke", &json!({})).await;
    assert_eq!(json(revoked).await, json!({"revoked": 1}));

    let population = json!({"name": "p", "count": 3});
    assert_eq!(
        stage.post("/_sim/populations", &population).await.status(),
        StatusCode::CREATED
    );
    assert_eq!(
        stage.post("/_sim/populations", &population).await.status(),
        StatusCode::CONFLICT
    );
    let ids = stage
        .get("/_sim/populations/p/ids?offset=1")
        .await
        .text()
        .await
        .expect("text");
    assert_eq!(ids.lines().count(), 2);
    let moved = stage
        .post("/_sim/populations/p/advance", &json!({"from": 1}))
        .await;
    assert_eq!(json(moved).await, json!({"moved": 2}));
    assert_eq!(
        stage
            .post("/_sim/clock", &json!({"advance_ms": 5}))
            .await
            .status(),
        StatusCode::OK
    );

    stage.post("/_sim/reset", &json!({})).await;
    assert_eq!(
        stage.get("/_sim/populations/p").await.status(),
        StatusCode::NOT_FOUND
    );
    let stats = json(stage.get("/_sim/stats").await).await;
    assert_eq!(
        (&stats["requests_total"], &stats["faults"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(
        stage.get("/_sim/nothing").await.status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_reset_brings_back_what_the_configuration_says() {
    let config: SimConfig = serde_json::from_value(json!({
        "messages": [{"id": "one", "fate": "failed"}],
        "populations": [{"name": "p", "count": 2}],
        "switches": {"latency_ms": 1},
    }))
    .expect("valid");
    let stage = stage(config).await;
    stage.sim.forget("one");
    stage
        .sim
        .merge_switches(&json!({"latency_ms": null}))
        .expect("known");
    stage.sim.reset();
    assert!(stage.sim.message("one").is_some());
    assert_eq!(stage.sim.switches().latency_ms, 1);
    assert_eq!(stage.sim.population("p").expect("known").count, 2);
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_port() {
    let sim = Sim::start(SimConfig::default()).expect("a free port");
    let address = sim.address();
    sim.stop().await;
    let again = Sim::start(SimConfig {
        listen: address,
        ..SimConfig::default()
    });
    assert!(again.is_ok(), "{again:?}");
}

#[test]
fn unknown_keys_are_refused() {
    let refused = serde_json::from_value::<SimConfig>(json!({"lisen": "127.0.0.1:0"}));
    assert!(refused.is_err());
}

#[tokio::test]
async fn an_unknown_word_is_answered_with_those_there_are() {
    let stage = stage(SimConfig::default()).await;
    let orders = [
        json!({"fate": "CarrierViolation"}),
        json!([{"fate": "CarrierViolation"}]),
    ];
    for order in orders {
        let answer = stage.post("/_sim/messages", &order).await;
        assert_eq!(answer.status().as_u16(), 400);
        let cause = json(answer).await["cause"].to_string();
        for word in ["CarrierViolation", "carrier_violation", "unknown_number"] {
            assert!(cause.contains(word), "{cause}");
        }
    }
}
