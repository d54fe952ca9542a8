//! Events are told as they come, and whoever comes back goes on where it was.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::house::{House, PATIENCE};

/// A reader of a stream, over a plain connection.
struct Reader {
    stream: TcpStream,
    text: String,
}

/// What a frame says: its id, and its event if it has one.
#[derive(Debug, PartialEq)]
struct Frame {
    id: String,
    event: Option<Value>,
}

impl Reader {
    async fn open(house: &House, query: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(house.address)
            .await
            .expect("a connection");
        let head = format!(
            "GET /v1/events/stream{query} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n",
            house.address
        );
        stream.write_all(head.as_bytes()).await.expect("it is sent");
        let mut reader = Self {
            stream,
            text: String::new(),
        };
        let begun = reader.until("\r\n\r\n").await.expect("an answer");
        assert!(begun.starts_with("HTTP/1.1 200"), "{begun}");
        assert!(begun.contains("text/event-stream"), "{begun}");
        reader
    }

    /// What comes up to `end`; `None` if the stream ends before.
    async fn until(&mut self, end: &str) -> Option<String> {
        let reading = async {
            loop {
                if let Some(at) = self.text.find(end) {
                    let rest = self.text.split_off(at + end.len());
                    return Some(std::mem::replace(&mut self.text, rest));
                }
                let mut bytes = [0; 4096];
                let n_read = self.stream.read(&mut bytes).await.unwrap_or(0);
                if n_read == 0 {
                    return None;
                }
                self.text
                    .push_str(&String::from_utf8_lossy(&bytes[..n_read]));
            }
        };
        let read = tokio::time::timeout(PATIENCE, reading).await;
        read.expect("something comes in time")
    }

    async fn frame(&mut self) -> Option<Frame> {
        let text = self.until("\n\n").await?;
        let field = |name: &str| {
            let lines = text.lines();
            let mut found = lines.filter_map(|line| line.strip_prefix(name));
            found.next().map(str::to_owned)
        };
        Some(Frame {
            id: field("id: ").expect("every frame has an id"),
            event: field("data: ").map(|data| serde_json::from_str(&data).expect("JSON")),
        })
    }

    /// The message of the next event, and its id.
    async fn event(&mut self) -> (String, String) {
        loop {
            let frame = self.frame().await.expect("the stream goes on");
            if let Some(event) = frame.event {
                let message = event["message"]["message_id"].as_str().unwrap_or_default();
                return (message.to_owned(), frame.id);
            }
        }
    }
}

#[tokio::test]
async fn a_stream_tells_what_comes_and_goes_on_behind_its_last_id() {
    let house = House::open().await;
    house.add(&["failed-0"]).await;
    house
        .wait_for("/v1/events", |events| events["items"][0].is_object())
        .await;
    let mut reader = Reader::open(&house, "", "").await;
    let first = reader.frame().await.expect("a comment");
    assert_eq!(first.event, None, "what was before is not told");
    house.add(&["failed-1"]).await;
    let (message, id) = reader.event().await;
    assert_eq!(message, "failed-1");
    drop(reader);

    house.add(&["failed-2"]).await;
    house
        .wait_for("/v1/watches/failed-2", |watch| watch["state"] == "final")
        .await;
    for (query, headers) in [
        (String::new(), format!("last-event-id: {id}\r\n")),
        (format!("?cursor={id}"), String::new()),
        (
            format!("?cursor={}", first.id),
            format!("last-event-id: {id}\r\n"),
        ),
    ] {
        let mut reader = Reader::open(&house, &query, &headers).await;
        assert_eq!(reader.event().await.0, "failed-2", "{query} {headers}");
    }
    let mut from_start = Reader::open(&house, &format!("?cursor={}", first.id), "").await;
    assert_eq!(from_start.event().await.0, "failed-1");
    assert_eq!(from_start.event().await.0, "failed-2");
    house.close().await;
}

#[tokio::test]
async fn a_stream_tells_only_what_its_filters_want() {
    let house = House::open().await;
    let mut of_message = Reader::open(&house, "?message_id=FAILED-2&type=", "").await;
    let mut of_kind = Reader::open(&house, "?type=status_changed", "").await;
    let mut of_other = Reader::open(&house, "?type=gave_up", "").await;
    house.add(&["failed-1"]).await;
    assert_eq!(of_kind.event().await.0, "failed-1");
    house.add(&["failed-2"]).await;
    assert_eq!(of_message.event().await.0, "failed-2");
    assert_eq!(of_kind.event().await.0, "failed-2");
    let (stop, cut) = (house.stop.clone(), house.cut.clone());
    stop.cancel();
    let mut last = None;
    while let Some(frame) = of_other.frame().await {
        last = frame.event;
    }
    assert_eq!(last, None, "it ends, and told nothing");
    assert!(!cut.is_cancelled());
    house.close().await;
}

#[tokio::test]
async fn a_stream_with_a_place_that_nobody_gave_out_is_refused() {
    let house = House::open().await;
    for (path, status, code) in [
        ("/v1/events/stream?cursor=made-up", 400, "invalid_cursor"),
        ("/v1/events/stream?type=exploded", 422, "invalid"),
        ("/v1/events/stream?limit=3", 422, "invalid"),
    ] {
        let answer = house.get(path).await;
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (status, code),
            "{path}"
        );
    }
    house.close().await;
}

#[tokio::test]
async fn only_so_many_streams_are_open_at_once_and_one_that_ends_makes_room() {
    let house = House::open().await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(Reader::open(&house, "", "").await);
    }
    let answer = house.get("/v1/events/stream").await;
    assert_eq!((answer.status, answer.error_code().as_str()), (503, "busy"));
    assert_eq!(house.get("/healthz").await.status, 200);
    open.pop();
    let reopened = async {
        while house
            .send("HEAD", "/v1/events/stream", &[], "")
            .await
            .status
            != 200
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let reopened = tokio::time::timeout(PATIENCE, reopened).await;
    reopened.expect("there is room again");
    house.close().await;
}
