//! What callers that nobody asked for get to see, and what they cannot bring about.

use smswatch_http::{ApiToken, Scope};
use smswatch_plugin::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::{House, PATIENCE};

#[tokio::test]
async fn a_cursor_made_by_hand_is_a_bad_request_and_no_trouble_of_the_store() {
    let house = House::open().await;
    for list in ["/v1/watches", "/v1/events", "/v1/deliveries"] {
        for cursor in [
            "x",
            "0",
            "-1",
            "1~",
            "18446744073709551615~9223372036854775807",
            "9223372036854775808",
            "0~5-99999",
            "33.6162",
            "6d2d31",
            "%00",
            "%F0%9F%92%A9",
            "0123456789abcdef.1",
        ] {
            let answer = house.get(&format!("{list}?cursor={cursor}")).await;
            let code = answer.error_code();
            assert_eq!(
                (answer.status, code.as_str()),
                (400, "invalid_cursor"),
                "{list} {cursor}"
            );
        }
    }
    assert!(house.engine.service().health().is_well());
    house.close().await;
}

#[tokio::test]
async fn a_cursor_of_one_list_means_nothing_to_another() {
    let house = House::open().await;
    house.add(&["a", "b"]).await;
    let page = house.get("/v1/watches?limit=1").await.json();
    let cursor = page["next"].as_str().expect("there is more").to_owned();
    assert_eq!(
        house
            .get(&format!("/v1/watches?cursor={cursor}"))
            .await
            .status,
        200
    );
    assert_eq!(
        house
            .get(&format!("/v1/events?cursor={cursor}"))
            .await
            .status,
        400
    );
    house.close().await;
}

#[tokio::test]
async fn without_a_token_no_web_page_can_speak_to_the_api() {
    let house = House::open().await;
    let own = house.address.to_string();
    let foreign = format!("evil.example:{}", house.address.port());
    let body = r#"{"messages":[{"message_id":"a"}]}"#;
    for path in [
        "/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/watches",
        "/nowhere",
    ] {
        for (host, origin, is_refused) in [
            (own.as_str(), None, false),
            (own.as_str(), Some(format!("http://{own}")), false),
            (own.as_str(), Some("http://evil.example".to_owned()), true),
            (own.as_str(), Some("null".to_owned()), true),
            (foreign.as_str(), None, true),
            (foreign.as_str(), Some(format!("http://{foreign}")), true),
        ] {
            let origin = origin.as_deref().map(|origin| ("origin", origin));
            let headers: Vec<_> = origin
                .into_iter()
                .chain([("content-type", "application/json")])
                .collect();
            let answer = house.send_to(host, "POST", path, &headers, body).await;
            assert_eq!(
                answer.status == 403,
                is_refused,
                "{path} {host} {headers:?}"
            );
            if is_refused {
                assert_eq!(answer.error_code(), "forbidden");
            }
        }
    }
    house.close().await;
}

#[tokio::test]
async fn with_a_token_the_host_does_not_matter() {
    let token = ApiToken {
        name: "token".to_owned(),
        token: Secret::new("hunter2"),
        scope: Scope::Write,
    };
    let house = House::with_tokens(vec![token]).await;
    let headers = [("authorization", "Bearer hunter2")];
    for path in ["/v1/watches", "/healthz", "/readyz"] {
        let answer = house
            .send_to("sms.example.com", "GET", path, &headers, "")
            .await;
        assert_eq!(answer.status, 200, "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn the_words_of_others_are_for_who_has_a_token() {
    let token = ApiToken {
        name: "token".to_owned(),
        token: Secret::new("s3cret-token"),
        scope: Scope::Read,
    };
    let house = House::with_tokens(vec![token]).await;
    let service = house.engine.service();
    service.part_is_in_trouble("heartbeat", "the receiver answered: hunter2");
    for (authorization, knows) in [
        (None, false),
        (Some("Bearer wrong"), false),
        (Some("Bearer s3cret-token"), true),
    ] {
        let headers: Vec<_> = authorization
            .iter()
            .map(|value| ("authorization", *value))
            .collect();
        let ready = house.send("GET", "/readyz", &headers, "").await;
        assert_eq!(ready.status, 200);
        let part = &ready.json()["parts"]["heartbeat"];
        assert_eq!(part["ok"], false);
        let trouble = part["trouble"].as_str().expect("it is told");
        assert_eq!(trouble.contains("hunter2"), knows, "{trouble}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_closes_the_connection() {
    let house = House::open().await;
    let mut streams = Vec::new();
    for beginning in ["", "GET /healthz HTTP/1.1\r\nhost: loc"] {
        let mut stream = TcpStream::connect(house.address)
            .await
            .expect("a connection");
        stream
            .write_all(beginning.as_bytes())
            .await
            .expect("it is taken");
        streams.push(stream);
    }
    // One that has had an answer, and says no more.
    let mut idle = TcpStream::connect(house.address)
        .await
        .expect("a connection");
    let call = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
    idle.write_all(call).await.expect("it is taken");
    streams.push(idle);
    for mut stream in streams {
        let mut said = Vec::new();
        let closed = stream.read_to_end(&mut said);
        let closed = tokio::time::timeout(PATIENCE, closed).await;
        closed.expect("it is closed").expect("in order");
    }
    house.close().await;
}

#[tokio::test]
async fn every_answer_says_who_gave_it_and_that_it_is_not_to_be_kept() {
    let house = House::open().await;
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("HEAD", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/v1/watches"),
        ("OPTIONS", "/v1/watches"),
        ("GET", "/nowhere"),
    ] {
        let answer = house.send(method, path, &[], "").await;
        for (name, value) in [
            ("smswatch-version", smswatch_plugin::VERSION),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{method} {path}");
        }
    }
    house.close().await;
}
