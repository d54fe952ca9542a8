//! An HTTP receiver on loopback that takes everything and counts. What it answers, Slack would, too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

/// A receiver on a free port.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) url: String,
    connections: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

impl Receiver {
    /// Starts one on this runtime.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.context("no port of loopback is free")?;
        let url = format!("http://{}", listener.local_addr()?);
        let connections = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&connections);
        let listener = listener.tap_io(move |stream| {
            counting.fetch_add(1, Ordering::Relaxed);
            // Without it the receiver is slower, and nothing is wrong.
            let _set = stream.set_nodelay(true);
        });
        let requests = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&requests);
        let answer = move |_body: Bytes| {
            counting.fetch_add(1, Ordering::Relaxed);
            let body = r#"{"ok":true,"channel":"C1","ts":"1.2"}"#;
            std::future::ready(([(CONTENT_TYPE, "application/json")], body))
        };
        let routes = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self {
            url,
            connections,
            requests,
        })
    }

    /// How many connections were made.
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many requests came.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}
