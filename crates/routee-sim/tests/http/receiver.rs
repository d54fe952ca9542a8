//! Something that takes callbacks and remembers them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server on loopback that answers 200, or what it is told to answer next.
pub(crate) struct Receiver {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    bodies: Vec<Value>,
    /// Statuses of the next answers; 0 stands for none at all.
    next: VecDeque<u16>,
    connections: usize,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().expect("whole").connections += 1;
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            url: format!("http://{address}/callbacks"),
            state,
        }
    }

    /// What the next callbacks are answered with.
    pub(crate) fn answer_next(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state.lock().expect("whole").next.extend(statuses);
    }

    pub(crate) fn bodies(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bodies.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().expect("whole").connections
    }

    /// Waits for so many callbacks; returns all that came.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Value> {
        loop {
            let bodies = self.bodies();
            if bodies.len() >= count {
                return bodies;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The statuses that were told, with their details.
    pub(crate) fn words(&self) -> Vec<String> {
        let word = |body: &Value| {
            let status = &body["status"];
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            format!(
                "{} {}/{}",
                body["part"],
                text(&status["name"]),
                text(&status["reason"]["detailedStatus"])
            )
        };
        self.bodies().iter().map(word).collect()
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.expect("a whole body");
        let status = {
            let mut state = state.lock().expect("whole");
            let body = serde_json::from_slice(&body).expect("JSON");
            state.bodies.push(body);
            state.next.pop_front().unwrap_or(200)
        };
        if status == 0 {
            tokio::time::sleep(Duration::from_secs(3600)).await;
        }
        let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: 2\r\n\r\nok");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
