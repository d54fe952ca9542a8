//! Watches are added, shown and removed.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a_message_is_watched_shown_and_removed() {
    let house = House::open().await;
    let added = house.add(&["message-1", "message/2?"]).await;
    assert_eq!(added.status, 202);
    assert_eq!(added.json(), json!({"accepted": 2, "already_watched": 0}));
    let again = house.add(&["message-1", "message-3"]).await;
    assert_eq!(again.json(), json!({"accepted": 1, "already_watched": 1}));
    let twice = house.add(&["message-4", "Message-4"]).await;
    assert_eq!(twice.json(), json!({"accepted": 1, "already_watched": 1}));

    let shown = house.get("/v1/watches/message%2F2%3F").await;
    assert_eq!(shown.status, 200);
    let watch = shown.json();
    assert_eq!(watch["message_id"], "message/2?");
    assert_eq!(watch["state"], "watching");
    assert_eq!(watch["outcome"], "pending");
    assert_eq!(watch["tags"], json!({"team": "crm"}));
    assert_eq!(watch["parts"], json!([]));
    assert!(watch["next_poll_at"].is_string() && watch["registered_at"].is_string());

    let removed = house.send("DELETE", "/v1/watches/message-1", &[], "").await;
    assert_eq!((removed.status, removed.body.as_str()), (204, ""));
    let removed = house.send("DELETE", "/v1/watches/message-1", &[], "").await;
    assert_eq!(
        (removed.status, removed.error_code().as_str()),
        (404, "not_found")
    );
    assert_eq!(house.get("/v1/watches/message-1").await.status, 404);
    house.close().await;
}

#[tokio::test]
async fn pages_show_every_watch_once() {
    let house = House::open().await;
    house.add(&["a", "b", "c", "d", "e"]).await;
    let mut seen = Vec::new();
    let mut path = "/v1/watches?limit=2".to_owned();
    loop {
        let page = house.get(&path).await.json();
        let items = page["items"].as_array().expect("items").clone();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|watch| watch["message_id"].to_string()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/v1/watches?limit=2&cursor={}", encoded(next));
    }
    seen.sort();
    assert_eq!(seen, ["\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"e\""]);
    house.close().await;
}

#[tokio::test]
async fn a_call_with_anything_wrong_adds_nothing() {
    let house = House::open().await;
    let n_messages = |n: usize| {
        let messages: Vec<_> = (0..n)
            .map(|n| json!({"message_id": format!("m{n}")}))
            .collect();
        json!({ "messages": messages })
    };
    let cases = [
        (json!({}), "`messages`"),
        (json!({"messages": []}), "`messages`"),
        (n_messages(10_001), "10001 are too many"),
        (
            json!({"messages": [{"message_id": "a"}, {"message_id": "b c"}]}),
            "`messages[1].message_id`",
        ),
        (
            json!({"messages": [{"message_id": "a"}, {"message_id": ""}]}),
            "`messages[1].message_id`",
        ),
        (
            json!({"messages": [{"message_id": "a"}, {"id": "b"}]}),
            "`messages[1].id`",
        ),
        (
            json!({"messages": [{"message_id": "a", "tags": {"": "x"}}]}),
            "`messages[0].tags`",
        ),
        (
            json!({"messages": [{"message_id": "a", "tags": {"n": 1}}]}),
            "`messages[0].tags.n`",
        ),
        (
            json!({"messages": [{"message_id": "a"}], "extra": 1}),
            "`extra`",
        ),
        (json!([{"message_id": "a"}]), "map"),
    ];
    for (body, hint) in cases {
        let answer = house.post("/v1/watches", &body.to_string()).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (422, "invalid")
        );
        assert!(
            answer.body.contains(hint),
            "{hint} is not in {}",
            answer.body
        );
    }
    let watches = house.get("/v1/watches").await.json();
    assert_eq!(watches, json!({"items": [], "next": null}));
    assert_eq!(
        house
            .post("/v1/watches", &n_messages(10_000).to_string())
            .await
            .status,
        202
    );
    house.close().await;
}

#[tokio::test]
async fn a_campaign_is_followed_shown_and_let_go() {
    let house = House::open().await;
    let both = json!({
        "campaigns": [{"tracking_id": "Spring-1", "tags": {"team": "crm"}}],
        "messages": [{"message_id": "a"}],
    });
    let answer = house.post("/v1/watches", &both.to_string()).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({"accepted": 2, "already_watched": 0}));
    let again = house.post("/v1/watches", &both.to_string()).await;
    assert_eq!(again.json(), json!({"accepted": 0, "already_watched": 2}));
    let shown = house.get("/v1/watches/spring-1").await.json();
    assert_eq!(shown["tracking_id"], "Spring-1");
    assert_eq!(shown["state"], "watching");
    assert_eq!(shown["tags"], json!({"team": "crm"}));
    assert_eq!(house.delete("/v1/watches/spring-1").await.status, 204);
    assert_eq!(house.get("/v1/watches/spring-1").await.status, 404);
    let bad = json!({"campaigns": [{"tracking_id": ""}]});
    let answer = house.post("/v1/watches", &bad.to_string()).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("campaigns[0].tracking_id"),
        "{}",
        answer.body
    );
    house.close().await;
}

/// Percent-encodes every byte, which is always allowed.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
