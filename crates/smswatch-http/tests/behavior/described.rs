//! What the OpenAPI document says holds, figures are counted, and every answer has a name.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use smswatch_http::{ApiToken, Scope};
use smswatch_plugin::Secret;

use crate::house::House;

#[tokio::test]
async fn every_answer_has_the_name_of_its_request() {
    let house = House::open().await;
    for path in ["/healthz", "/nowhere", "/v1/watches", "/v1/events?limit=0"] {
        let named = house
            .send("GET", path, &[("x-request-id", "job-17.3")], "")
            .await;
        assert_eq!(named.header("x-request-id"), Some("job-17.3"), "{path}");
        let odd = house
            .send("GET", path, &[("x-request-id", "a b\"c")], "")
            .await;
        let given = odd
            .header("x-request-id")
            .expect("a name of ours")
            .to_owned();
        assert_eq!(given.len(), 16, "{path}");
        let other = house.get(path).await;
        assert_ne!(other.header("x-request-id"), Some(given.as_str()));
    }
    house.close().await;
}

#[tokio::test]
async fn figures_tell_what_became_of_messages() {
    let house = House::open().await;
    let empty = house.get("/v1/stats").await.json();
    assert_eq!(
        (&empty["window"], &empty["messages"]),
        (&"24h".into(), &0.into())
    );
    house.add(&["failed-1", "failed-2", "unknown"]).await;
    let is_counted = |stats: &Value| stats["by_outcome"]["failed"] == 2;
    let stats = house.wait_for("/v1/stats?window=1h", is_counted).await;
    assert_eq!(stats["messages"], 2, "{stats}");
    assert_eq!(stats["by_status"], json!({"Undelivered": 2}));
    assert_eq!(stats["percent_by_outcome"]["failed"], 100.0);
    assert_eq!(stats["by_country"]["unknown"]["messages"], 2, "{stats}");
    assert_eq!(stats["by_operator"]["unknown"]["by_outcome"]["failed"], 2);
    for window in ["8d", "0s", "59s", "1w", "-1h", "yesterday", "24"] {
        let answer = house.get(&format!("/v1/stats?window={window}")).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (422, "invalid"),
            "{window}"
        );
    }
    assert_eq!(house.get("/v1/stats?window=7d").await.status, 200);
    house.close().await;
}

#[tokio::test]
async fn every_route_of_the_document_is_answered_and_each_needs_what_it_says() {
    let token = ApiToken {
        name: "all".to_owned(),
        token: Secret::new("s3cret"),
        scope: Scope::Write,
    };
    let house = House::with_tokens(vec![token]).await;
    let answer = house.get("/openapi.json").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, smswatch_http::openapi());
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(names.insert(name.to_owned()), "{name} names two");
            let needs_token = operation["security"][0]["bearer"].is_array();
            assert_eq!(needs_token, path.starts_with("/v1/"), "{path}");
            let called = path.replace(['{', '}'], "");
            let answer = house.send(&method.to_uppercase(), &called, &[], "").await;
            match needs_token {
                true => assert_eq!(answer.status, 401, "{path}"),
                false => assert_ne!(answer.status, 405, "{path}"),
            }
            let told = operation["responses"].as_object().expect("answers");
            assert!(
                told.contains_key(&answer.status.to_string()),
                "{method} {path}: {}",
                answer.status
            );
        }
    }
    assert!(names.len() > 20, "{names:?}");
    house.close().await;
}
