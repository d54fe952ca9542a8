//! Whatever goes wrong is told in the one shape.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::House;
use crate::parts::CURSED;

#[tokio::test]
async fn every_error_has_the_one_shape() {
    let house = House::open().await;
    let long = format!("/v1/watches/{}", "x".repeat(201));
    for (method, path, status, code) in [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/nowhere", 404, "not_found"),
        ("GET", "/v1/watches/nobody", 404, "not_found"),
        ("GET", "/v1/watches/nobody/timeline", 404, "not_found"),
        ("GET", "/v1/deliveries/dlv_none", 404, "not_found"),
        ("POST", "/", 405, "method_not_allowed"),
        ("PUT", "/v1/watches", 405, "method_not_allowed"),
        ("POST", "/v1/watches", 415, "unsupported_media_type"),
        ("GET", "/v1/watches/a%20b", 400, "invalid_id"),
        ("GET", "/v1/watches/%C3%A9", 400, "invalid_id"),
        ("GET", "/v1/watches/%FF", 400, "invalid_path"),
        ("GET", &long, 400, "invalid_id"),
        ("GET", "/v1/deliveries/a%20b", 400, "invalid_id"),
        ("GET", "/v1/events?cursor=made-up", 400, "invalid_cursor"),
        (
            "GET",
            "/v1/deliveries?cursor=made-up",
            400,
            "invalid_cursor",
        ),
        ("GET", "/v1/set-aside?cursor=made-up", 400, "invalid_cursor"),
        ("GET", "/v1/set-aside?limit=0", 422, "invalid"),
        ("GET", "/v1/watches?limit=0", 422, "invalid"),
        ("GET", "/v1/events?limit=1001", 422, "invalid"),
        ("GET", "/v1/events?type=sms.exploded", 422, "invalid"),
        ("GET", "/v1/events?message_id=a%20b", 422, "invalid"),
        ("GET", "/v1/events?kind=sms.gave_up", 422, "invalid"),
        ("GET", "/v1/deliveries?state=lost", 422, "invalid"),
    ] {
        let answer = house.send(method, path, &[], "").await;
        assert!(answer.status >= 400, "{method} {path}");
        let told = (answer.status, answer.error_code());
        assert_eq!(told, (status, code.to_owned()), "{method} {path}");
    }
    let broken = house.post("/v1/watches", r#"{"messages":["#).await;
    assert_eq!(
        (broken.status, broken.error_code().as_str()),
        (400, "invalid_json")
    );
    house.close().await;
}

#[tokio::test]
async fn what_does_not_fit_is_told_in_the_words_of_the_request() {
    let house = House::open().await;
    let told = async |path: &str, body: &str| {
        let answer = match body {
            "" => house.get(path).await,
            body => house.post(path, body).await,
        };
        answer.json()["error"]["message"]
            .as_str()
            .map(str::to_owned)
    };
    let mut all = String::new();
    for (path, body) in [
        ("/v1/watches", "7"),
        ("/v1/watches", r#"{"messages":["one"]}"#),
        ("/v1/deliveries/retry", "true"),
        ("/v1/events?kind=sms.gave_up", ""),
    ] {
        let message = told(path, body).await.expect("a message");
        all.push_str(&format!("{path} {body}: {message}\n"));
    }
    insta::assert_snapshot!(all, @r#"
    /v1/watches 7: invalid type: integer `7`, expected an object with `messages` at line 1 column 1
    /v1/watches {"messages":["one"]}: `messages[0]`: invalid type: string "one", expected an object with a `message_id` at line 1 column 18
    /v1/deliveries/retry true: invalid type: boolean `true`, expected an object with a filter at line 1 column 4
    /v1/events?kind=sms.gave_up : the query cannot be read: kind: unknown field `kind`, expected one of `message_id`, `type`, `cursor`, `limit`
    "#);
    house.close().await;
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let house = House::open().await;
    for (path, expected) in [("/v1/watches", "GET,HEAD,POST"), ("/readyz", "GET,HEAD")] {
        let answer = house.send("PATCH", path, &[], "").await;
        assert_eq!(answer.header("allow"), Some(expected), "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_before_it_is_sent() {
    let house = House::open().await;
    let mut stream = TcpStream::connect(house.address)
        .await
        .expect("a connection");
    let request = "POST /v1/watches HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
                   content-type: application/json\r\ncontent-length: 16777217\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.contains(r#"{"error":{"code":"too_large""#),
        "{answer}"
    );
    house.close().await;
}

/// Most clients read nothing until they have sent everything.
#[tokio::test]
async fn a_client_that_sends_far_too_much_reads_why_it_is_refused() {
    let house = House::open().await;
    let large = vec![b'x'; 24 * 1024 * 1024];
    let length = format!("content-length: {}\r\n", large.len());
    let chunked = "transfer-encoding: chunked\r\n".to_owned();
    let in_one_chunk = [
        format!("{:x}\r\n", large.len()).as_bytes(),
        &large,
        b"\r\n0\r\n\r\n",
    ]
    .concat();
    for (head, body, kind, status) in [
        (&length, &large, "application/json", "413"),
        (&chunked, &in_one_chunk, "application/json", "413"),
        (&length, &large, "text/plain", "415"),
    ] {
        let mut stream = TcpStream::connect(house.address)
            .await
            .expect("a connection");
        let head = format!(
            "POST /v1/watches HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {kind}\r\n{head}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("it listens");
        stream.write_all(body).await.expect("it takes everything");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
    house.close().await;
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_is_not_told_to_send_what_is_too_much() {
    let house = House::open().await;
    let mut stream = TcpStream::connect(house.address)
        .await
        .expect("a connection");
    let head = "POST /v1/watches HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nexpect: 100-continue\r\n\
                content-type: application/json\r\ncontent-length: 16777217\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    house.close().await;
}

#[tokio::test]
async fn a_panic_costs_one_request_and_no_more() {
    let house = House::open().await;
    house.add(&[CURSED]).await;
    let path = format!("/v1/watches/{CURSED}");
    house
        .wait_for(&path, |watch| watch["state"] == "final")
        .await;
    let answer = house.get(&format!("{path}/timeline")).await;
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (500, "internal")
    );
    assert_eq!(house.get(&path).await.status, 200);
    house.close().await;
}
