//! What happened is told: events, deliveries, and the timeline of a message.

use serde_json::{Value, json};

use crate::house::House;
use crate::parts::POISONOUS;
use crate::watches::encoded;

fn n_items(page: &Value) -> usize {
    page["items"].as_array().expect("items").len()
}

#[tokio::test]
async fn a_timeline_tells_what_happened_what_the_rules_made_of_it_and_who_was_told() {
    let house = House::open().await;
    house.add(&["failed-1"]).await;
    // A timeline reads the watch first, which may be older than the delivery that it shows.
    let is_told = |timeline: &Value| {
        timeline["watch"]["state"] == "final" && timeline["deliveries"][0]["state"] == "delivered"
    };
    let timeline = house
        .wait_for("/v1/watches/failed-1/timeline", is_told)
        .await;

    let watch = &timeline["watch"];
    assert_eq!(
        (&watch["state"], &watch["outcome"]),
        (&json!("final"), &json!("failed"))
    );
    let part = &watch["parts"][0];
    assert_eq!(part["sms_id"], "part-of-failed-1");
    assert_eq!(part["detailed_status"], "Carrier Violation");
    assert_eq!(part["final"], true);

    let tried = &timeline["events"][0];
    assert_eq!(tried["event"]["type"], "sms.status_changed");
    assert_eq!(tried["event"]["message"]["message_id"], "failed-1");
    let rules = json!([{"rule": "every-event", "fired": true, "other_kind": false,
        "because": "it tells of everything"}]);
    assert_eq!(tried["rules"], rules);

    let delivery = &timeline["deliveries"][0];
    assert_eq!(
        (&delivery["sink"], &delivery["rule"]),
        (&json!("crm"), &json!("every-event"))
    );
    assert_eq!(delivery["message_ids"], json!(["failed-1"]));
    assert_eq!(delivery["attempts"][0]["result"], "delivered");
    let id = delivery["id"].as_str().expect("an id");
    let alone = house.get(&format!("/v1/deliveries/{id}")).await;
    assert_eq!((alone.status, &alone.json()), (200, delivery));
    assert!(
        !timeline.to_string().contains("306900000001"),
        "the number is masked"
    );
    house.close().await;
}

#[tokio::test]
async fn lists_hold_what_their_filters_name() {
    let house = House::open().await;
    house.add(&["failed-1", "failed-2", "failed-3"]).await;
    house
        .wait_for("/v1/deliveries?state=delivered", |page| n_items(page) == 3)
        .await;
    for (path, expected) in [
        ("/v1/events", 3),
        ("/v1/events?message_id=&type=&cursor=&limit=", 3),
        ("/v1/events?message_id=failed-2", 1),
        ("/v1/events?message_id=nobody", 0),
        ("/v1/events?type=sms.status_changed", 3),
        ("/v1/events?type=status_changed", 3),
        ("/v1/events?type=any", 3),
        ("/v1/events?type=sms.gave_up", 0),
        ("/v1/deliveries?sink=crm", 3),
        ("/v1/deliveries?sink=mail", 0),
        ("/v1/deliveries?state=dead", 0),
        ("/v1/deliveries?rule=every-event&since=1h", 3),
        ("/v1/deliveries?rule=no-such-rule", 0),
        ("/v1/deliveries?since=2099-01-01T00:00:00Z", 0),
        (
            "/v1/deliveries?state=delivered&sink=crm&message_id=failed-3",
            1,
        ),
    ] {
        let page = house.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(n_items(&page.json()), expected, "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn pages_tell_every_event_once() {
    let house = House::open().await;
    house.add(&["failed-1", "failed-2", "failed-3"]).await;
    house
        .wait_for("/v1/events", |page| n_items(page) == 3)
        .await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = house
            .get(&format!("/v1/events?limit=1&cursor={cursor}"))
            .await
            .json();
        let items = page["items"].as_array().expect("items").clone();
        seen.extend(items.iter().map(|event| event["event_id"].to_string()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = encoded(next);
    }
    let n_seen = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((n_seen, seen.len()), (3, 3));
    house.close().await;
}

#[tokio::test]
async fn a_sink_can_be_tested() {
    let house = House::open().await;
    let tested = house.post("/v1/sinks/crm/test", "{}").await;
    assert_eq!(tested.status, 200);
    let test = tested.json();
    assert_eq!(
        (&test["result"], &test["detail"]),
        (&"delivered".into(), &"taken".into())
    );
    let id = test["id"].as_str().expect("an id");
    let kept = house.get(&format!("/v1/deliveries/{id}")).await;
    assert_eq!(kept.status, 404, "a test is not kept");
    let unknown = house.post("/v1/sinks/crn/test", "").await;
    assert_eq!(unknown.status, 404);
    let message = &unknown.json()["error"]["message"];
    let expected = "no sink is named crn; there are: crm. Did you mean crm?";
    assert_eq!(message, expected);
    house.close().await;
}

#[tokio::test]
async fn an_event_on_which_the_rules_panic_is_set_aside_and_its_neighbors_are_told() {
    let house = House::open().await;
    let ids = ["failed-1", POISONOUS, "failed-2"];
    house.add(&ids).await;
    house
        .wait_for("/v1/deliveries?state=delivered", |page| n_items(page) == 2)
        .await;
    let status = house
        .wait_for("/v1/status", |status| status["set_aside"] == 1)
        .await;
    assert_eq!(status["unrouted"], 0);
    let list = house.get("/v1/set-aside").await.json();
    assert_eq!((n_items(&list), &list["next"]), (1, &Value::Null));
    let entry = &list["items"][0];
    let error = "the rules panicked 3 times: the rules cannot bear this one";
    assert_eq!(entry["error"], error);
    assert_eq!(entry["shard"], 0);
    assert!(entry["at"].is_string() && entry["position"].is_string());
    let body = entry["body"].as_str().expect("a text");
    assert!(body.contains(POISONOUS), "{body}");
    let metrics = house.get("/metrics").await.body;
    assert!(metrics.contains("smswatch_set_aside_total 1"), "{metrics}");
    house.close().await;
}
