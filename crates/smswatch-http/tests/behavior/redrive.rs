//! Dead letters are sent again or dropped, one by one or all that a filter names.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::house::{House, PATIENCE};
use crate::parts::{BrokenSink, TiredSink};

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items").iter();
    let mut ids: Vec<_> = items
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort();
    ids
}

async fn wait_for_state(house: &House, state: &str, n: usize) -> Vec<String> {
    let path = format!("/v1/deliveries?state={state}");
    let page = house.wait_for(&path, |page| ids(page).len() == n).await;
    ids(&page)
}

/// A house whose sink is broken, and the ids of `n` dead letters in it.
async fn with_dead_letters(n: usize) -> (House, Arc<BrokenSink>, Vec<String>) {
    let sink = Arc::new(BrokenSink::default());
    let house = House::with_sink(Arc::clone(&sink) as _).await;
    let messages: Vec<_> = (0..n).map(|n| format!("failed-{n}")).collect();
    let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
    house.add(&messages).await;
    let dead = wait_for_state(&house, "dead", n).await;
    (house, sink, dead)
}

#[tokio::test]
async fn a_dead_letter_is_sent_again_under_its_own_id_and_keeps_its_attempts() {
    let (house, sink, dead) = with_dead_letters(1).await;
    let path = format!("/v1/deliveries/{}", dead[0]);
    let before = house.get(&path).await.json();
    assert_eq!(before["attempts"][0]["result"], "dead");
    assert_eq!(before["attempts"][0]["detail"], "it is broken");
    sink.mend();
    let retried = house.send("POST", &format!("{path}/retry"), &[], "").await;
    assert_eq!(
        (retried.status, retried.json()),
        (202, json!({"id": dead[0]}))
    );
    let after = house
        .wait_for(&path, |delivery| delivery["state"] == "delivered")
        .await;
    let attempts = after["attempts"].as_array().expect("attempts");
    let results: Vec<_> = attempts.iter().map(|attempt| &attempt["result"]).collect();
    assert_eq!(results, ["dead", "delivered"]);
    assert_eq!(after["created_at"], before["created_at"]);
    let taken: Vec<_> = sink.taken().iter().map(ToString::to_string).collect();
    assert_eq!(taken, dead);
    let metrics = house.get("/metrics").await.body;
    let counted = "smswatch_redriven_total{sink=\"crm\",action=\"retried\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    house.close().await;
}

#[tokio::test]
async fn a_dropped_dead_letter_is_gone_and_anything_else_stays() {
    let (house, sink, dead) = with_dead_letters(2).await;
    let path = |id: &str| format!("/v1/deliveries/{id}");
    assert_eq!(house.delete(&path(&dead[0])).await.status, 204);
    assert_eq!(house.get(&path(&dead[0])).await.status, 404);
    let again = house.delete(&path(&dead[0])).await;
    assert_eq!(
        (again.status, again.error_code().as_str()),
        (404, "not_found")
    );
    let unknown = house.post("/v1/deliveries/dlv_none/retry", "").await;
    assert_eq!(unknown.status, 404);
    sink.mend();
    let retry = format!("{}/retry", path(&dead[1]));
    assert_eq!(house.post(&retry, "").await.status, 202);
    wait_for_state(&house, "delivered", 1).await;
    let refused = house.delete(&path(&dead[1])).await;
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (409, "conflict")
    );
    assert_eq!(wait_for_state(&house, "delivered", 1).await, dead[1..]);
    let metrics = house.get("/metrics").await.body;
    let counted = "smswatch_redriven_total{sink=\"crm\",action=\"dropped\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    house.close().await;
}

#[tokio::test]
async fn what_is_on_its_way_is_neither_sent_again_nor_dropped() {
    let house = House::with_sink(Arc::new(TiredSink)).await;
    house.add(&["failed-1"]).await;
    let is_tried = |page: &Value| page["items"][0]["attempts"][0]["result"] == "retry";
    let page = house
        .wait_for("/v1/deliveries?state=pending", is_tried)
        .await;
    let before = &page["items"][0];
    let path = format!("/v1/deliveries/{}", ids(&page)[0]);
    for answer in [
        house.post(&format!("{path}/retry"), "").await,
        house.delete(&path).await,
    ] {
        let told = (answer.status, answer.error_code());
        assert_eq!(told, (409, "conflict".to_owned()));
    }
    let after = house.get(&path).await.json();
    assert_eq!(after["queued_at"], before["queued_at"]);
    assert_eq!(after["state"], "pending");
    house.close().await;
}

#[tokio::test]
async fn dead_letters_are_sent_again_and_dropped_by_filter() {
    // One more in a row would be trouble of the sink.
    let (house, sink, dead) = with_dead_letters(4).await;
    for body in [
        json!({"sink": "crm", "since": "2099-01-01T00:00:00Z"}),
        json!({"rule": "no-such-rule"}),
        json!({"state": "suppressed"}),
    ] {
        let none = house.post("/v1/deliveries/retry", &body.to_string()).await;
        assert_eq!(
            (none.status, none.json()),
            (202, json!({"retried": 0})),
            "{body}"
        );
    }
    let one = format!("/v1/deliveries/{}", dead[0]);
    assert_eq!(house.delete(&one).await.status, 204);
    sink.mend();
    let body = r#"{"sink":"crm","rule":"every-event","since":"1h","state":"dead"}"#;
    let retried = house.post("/v1/deliveries/retry", body).await;
    assert_eq!(
        (retried.status, retried.json()),
        (202, json!({"retried": 3}))
    );
    assert_eq!(wait_for_state(&house, "delivered", 3).await, dead[1..]);

    let body = r#"{"sink":"crm","since":"1h","state":"delivered"}"#;
    let replayed = house.post("/v1/deliveries/retry", body).await;
    assert_eq!(
        (replayed.status, replayed.json()),
        (202, json!({"retried": 3}))
    );
    let all_arrive = async {
        while sink.taken().len() < 6 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, all_arrive).await;
    in_time.expect("all arrive");
    let mut taken: Vec<_> = sink.taken().iter().map(ToString::to_string).collect();
    taken.sort();
    let twice: Vec<_> = dead[1..]
        .iter()
        .flat_map(|id| [id.clone(), id.clone()])
        .collect();
    assert_eq!(taken, twice, "each came twice under its one id");
    house.close().await;
}

#[tokio::test]
async fn all_dead_letters_are_dropped_only_when_somebody_says_so() {
    let (house, _, _) = with_dead_letters(3).await;
    let nothing = house.post("/v1/deliveries/drop", "{}").await;
    assert_eq!(
        (nothing.status, nothing.error_code().as_str()),
        (422, "invalid")
    );
    assert_eq!(wait_for_state(&house, "dead", 3).await.len(), 3);
    let all = house
        .post("/v1/deliveries/drop", r#"{"state":"dead"}"#)
        .await;
    assert_eq!((all.status, all.json()), (200, json!({"dropped": 3})));
    wait_for_state(&house, "dead", 0).await;
    house.close().await;
}

#[tokio::test]
async fn a_filter_that_makes_no_sense_is_refused() {
    let house = House::open().await;
    for (path, body, status) in [
        ("retry", "{}", 422),
        ("retry", r#"{"sinks":"crm"}"#, 422),
        ("retry", r#"{"sink":""}"#, 422),
        ("retry", r#"{"sink":"no-such-sink"}"#, 422),
        ("retry", r#"{"since":"yesterday"}"#, 422),
        ("retry", r#"{"since":7}"#, 422),
        ("retry", r#"{"state":"pending"}"#, 422),
        ("retry", r#"{"state":"delivered","sink":"crm"}"#, 422),
        ("drop", r#"{"state":"delivered","since":"2h"}"#, 422),
        ("drop", r#"{"state":"pending"}"#, 422),
        ("drop", r#"{"id":"dlv_1"}"#, 422),
        ("drop", "[", 400),
    ] {
        let answer = house.post(&format!("/v1/deliveries/{path}"), body).await;
        assert_eq!(answer.status, status, "{path} {body}");
        assert_ne!(answer.error_code(), "", "{path} {body}");
    }
    let strange = house.get("/v1/deliveries?since=yesterday").await;
    assert_eq!(
        (strange.status, strange.error_code().as_str()),
        (422, "invalid")
    );
    house.close().await;
}
