//! The process tells how it is, and ends its calls well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use smswatch_model::Timestamp;
use smswatch_testkit::memory_store::{Hanging, MemoryStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::House;

#[tokio::test]
async fn a_process_at_work_is_alive_and_ready() {
    let house = House::open().await;
    assert_eq!(house.get("/healthz").await.json(), json!({"ok": true}));
    let ready = house.get("/readyz").await;
    assert_eq!(ready.status, 200);
    let parts = ["polling", "provider", "replicas", "sink:crm", "store"];
    let parts: BTreeMap<_, _> = parts.map(|part| (part, json!({"ok": true}))).into();
    assert_eq!(ready.json(), json!({"ready": true, "parts": parts}));
    house.close().await;
}

#[tokio::test]
async fn a_process_that_is_about_to_stop_is_alive_and_not_ready() {
    let house = House::open().await;
    house.engine.announce_stop();
    let ready = house.get("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["ready"], false);
    assert_eq!(house.get("/healthz").await.status, 200);
    house.close().await;
}

#[tokio::test]
async fn a_process_that_hangs_is_not_alive() {
    let store = MemoryStore::new(Timestamp::from_seconds(1_777_636_800), 2);
    let house = House::with_store(Arc::new(store.clone())).await;
    store.hang(Hanging::Everything);
    // Nothing but the engine waits for anything meanwhile.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(130)).await;
    tokio::time::resume();
    let alive = house.get("/healthz").await;
    assert_eq!((alive.status, alive.json()), (503, json!({"ok": false})));
    store.hang(Hanging::Nothing);
    house.close().await;
}

#[tokio::test]
async fn the_status_counts_what_there_is() {
    let house = House::open().await;
    house.add(&["a", "b"]).await;
    house.send("DELETE", "/v1/watches/b", &[], "").await;
    let status = house.get("/v1/status").await.json();
    assert_eq!(status["version"], smswatch_plugin::VERSION);
    assert_eq!(status["ready"], true);
    assert_eq!(status["parts"]["store"], json!({"ok": true}));
    let watches = json!({"watching": 1, "final": 0, "gave_up": 0, "not_found": 0});
    assert_eq!(status["watches"], watches);
    assert_eq!(status["unrouted"], 0);
    assert!(status["queues"].is_array());
    house.close().await;
}

#[tokio::test]
async fn metrics_are_what_prometheus_reads() {
    let house = House::open().await;
    let metrics = house.get("/metrics").await;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(metrics.header("content-type"), Some(content_type));
    assert!(metrics.body.contains("smswatch_build_info{"));
    assert!(metrics.body.ends_with("# EOF\n"));
    house.close().await;
}

#[tokio::test]
async fn the_front_page_needs_nothing_from_elsewhere() {
    let house = House::open().await;
    let page = house.get("/").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(
        page.body
            .contains(&format!("smswatch {}", smswatch_plugin::VERSION))
    );
    for foreign in ["src=", "http://", "https://", "@import", "<script"] {
        assert!(!page.body.contains(foreign), "{foreign}");
    }
    for path in page.body.split("href=\"").skip(1) {
        let path = path.split('"').next().expect("a path");
        assert_eq!(house.get(path).await.status, 200, "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn an_idle_connection_does_not_keep_the_server_from_ending() {
    let house = House::open().await;
    let idle = TcpStream::connect(house.address)
        .await
        .expect("a connection");
    assert_eq!(house.get("/healthz").await.status, 200);
    let address = house.address;
    house.close().await;
    drop(idle);
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
}

#[tokio::test]
async fn a_call_under_way_is_answered_before_the_server_ends() {
    let house = House::open().await;
    let mut stream = half_a_call(&house).await;
    house.stop.cancel();
    while TcpStream::connect(house.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream
        .write_all(BODY.as_bytes())
        .await
        .expect("it still listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    house.close().await;
}

#[tokio::test]
async fn a_caller_that_never_finishes_is_cut_off_when_the_server_must_end() {
    let house = House::open().await;
    let stream = half_a_call(&house).await;
    house.stop.cancel();
    while TcpStream::connect(house.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!house.serving.is_finished(), "the call is under way");
    house.cut.cancel();
    house.close().await;
    drop(stream);
}

const BODY: &str = r#"{"messages":[{"message_id":"a"}]}"#;

/// Begins to add a message; the server waits for [`BODY`] when this returns.
async fn half_a_call(house: &House) -> TcpStream {
    let mut stream = TcpStream::connect(house.address)
        .await
        .expect("a connection");
    let head = format!(
        "POST /v1/watches HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.expect("it listens");
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream
        .read_exact(&mut go_on)
        .await
        .expect("it wants the body");
    stream
}
