//! Sinks are held back and let go.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a_sink_is_paused_and_resumed() {
    let house = House::open().await;
    let paused = house.post("/v1/sinks/crm/pause", "").await;
    assert_eq!(paused.status, 200);
    let state = paused.json();
    assert_eq!(
        (&state["sink"], &state["state"]),
        (&json!("crm"), &json!("paused"))
    );
    assert!(state["paused_since"].is_string());
    let again = house.post("/v1/sinks/crm/pause", "").await.json();
    assert_eq!(again["paused_since"], state["paused_since"]);
    house.add(&["failed-1"]).await;
    let queued = "/v1/deliveries?state=pending";
    house
        .wait_for(queued, |page| page["items"][0]["sink"] == "crm")
        .await;
    let ready = house.get("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json()["parts"]["sink:crm"]["ok"], false);

    let resumed = house.post("/v1/sinks/crm/resume", "").await;
    assert_eq!(resumed.status, 200);
    assert_eq!(
        resumed.json(),
        json!({
            "sink": "crm", "state": "delivering", "paused_since": null, "open_since": null,
            "open_reason": null, "held_until": null,
        })
    );
    let delivered = "/v1/deliveries?state=delivered";
    house
        .wait_for(delivered, |page| page["items"][0]["sink"] == "crm")
        .await;
    house.close().await;
}

#[tokio::test]
async fn only_a_sink_that_is_configured_is_paused_or_resumed() {
    let house = House::open().await;
    for action in ["pause", "resume"] {
        let answer = house.post(&format!("/v1/sinks/nobody/{action}"), "").await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (404, "not_found")
        );
    }
    house.close().await;
}
