//! An engine with its server on loopback, and a client for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use smswatch_api::problem::ProblemReply;
use smswatch_core::settings::{
    AlarmSettings, PrivacySettings, ProviderLimits, Settings, SinkSettings, WatchSettings,
};
use smswatch_core::{Engine, Parts, Privacy};
use smswatch_http::{ApiToken, CallbackOptions, HttpOptions, Server};
use smswatch_plugin::Secret;
use smswatch_plugin::sink::Sink;
use smswatch_plugin::store::{Bound, HistoryBounds, Rate, Shard, Store};
use smswatch_store_sqlite::SqliteStore;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::parts::{EveryEvent, FakeProvider, WillingSink};

/// How long a test waits for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) cut: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    _directory: tempfile::TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the answer is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The code of an error, which has the one shape that all errors have.
    pub(crate) fn error_code(&self) -> String {
        let problem: ProblemReply = serde_json::from_str(&self.body).expect("a problem");
        let all = serde_json::to_string(&problem).expect("it is JSON");
        assert_eq!(all, self.body, "there is nothing else in it");
        assert!(!problem.error.message.is_empty());
        problem.error.code.to_string()
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with_tokens(Vec::new()).await
    }

    pub(crate) async fn with_tokens(tokens: Vec<ApiToken>) -> Self {
        Self::with(tokens, Arc::new(WillingSink)).await
    }

    pub(crate) async fn with_sink(sink: Arc<dyn Sink>) -> Self {
        Self::with(Vec::new(), sink).await
    }

    async fn with(tokens: Vec<ApiToken>, sink: Arc<dyn Sink>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(&directory.path().join("store.db")).expect("a store");
        Self::on(Arc::new(store), directory, tokens, sink).await
    }

    /// One that keeps everything in `store`.
    pub(crate) async fn with_store(store: Arc<dyn Store>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        Self::on(store, directory, Vec::new(), Arc::new(WillingSink)).await
    }

    async fn on(
        store: Arc<dyn Store>,
        directory: tempfile::TempDir,
        tokens: Vec<ApiToken>,
        sink: Arc<dyn Sink>,
    ) -> Self {
        let now = store.now(Shard(0)).await.expect("the store is there");
        let parts = Parts {
            store,
            provider: Arc::new(FakeProvider),
            rules: Arc::new(EveryEvent),
            sinks: BTreeMap::from([("crm".to_owned(), (sink, SinkSettings::default()))]),
            privacy: Privacy::new(
                PrivacySettings::default(),
                &Secret::new("a key of this test"),
            ),
            settings: settings(),
            tracer: None,
        };
        let engine = Engine::start(parts, now);
        let options = HttpOptions {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            tokens,
            callbacks: CallbackOptions::default(),
            rules: None,
        };
        let server = Server::bind(options).await.expect("a free port");
        server.door().open(engine.service());
        let address = server.local_addr();
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let serving = tokio::spawn(server.serve(stop.clone(), cut.clone()));
        Self {
            engine,
            address,
            stop,
            cut,
            serving,
            _directory: directory,
        }
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let host = self.address.to_string();
        self.send_to(&host, method, path, headers, body).await
    }

    /// The same for whoever believes to speak to `host`.
    pub(crate) async fn send_to(
        &self,
        host: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("it speaks HTTP");
        let driving = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::from(body.to_owned()));
        let request = request.body(body).expect("a request");
        let (head, body) = sender
            .send_request(request)
            .await
            .expect("an answer")
            .into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        driving.abort();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).expect("text"),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let json = [("content-type", "application/json")];
        self.send("POST", path, &json, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], "").await
    }

    pub(crate) async fn add(&self, message_ids: &[&str]) -> Answer {
        self.add_as("", message_ids).await
    }

    /// The same for who has a token.
    pub(crate) async fn add_as(&self, token: &str, message_ids: &[&str]) -> Answer {
        let messages: Vec<_> = message_ids
            .iter()
            .map(|id| serde_json::json!({"message_id": id, "tags": {"team": "crm"}}))
            .collect();
        let body = serde_json::json!({ "messages": messages });
        let authorization = format!("Bearer {token}");
        let headers = [
            ("content-type", "application/json"),
            ("authorization", &*authorization),
        ];
        self.send("POST", "/v1/watches", &headers, &body.to_string())
            .await
    }

    /// Asks until `is_met` holds for the answer.
    pub(crate) async fn wait_for(&self, path: &str, is_met: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let answer = self.get(path).await;
                if answer.status == 200 && is_met(&answer.json()) {
                    return answer.json();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking)
            .await
            .expect("it comes to pass")
    }

    /// Ends the server and the engine.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.serving.await.expect("the server does not panic");
        assert!(self.engine.stop().await, "everything was finished");
    }
}

fn settings() -> Settings {
    let plenty = Bound {
        keep_for: Duration::from_secs(3600),
        max: 10_000,
    };
    Settings {
        watch: WatchSettings::default(),
        provider: ProviderLimits {
            rate: Rate {
                permits: 1000,
                per: Duration::from_secs(1),
            },
            concurrency: 8,
            timeout: Duration::from_secs(5),
        },
        history: HistoryBounds {
            events: plenty,
            deliveries: plenty,
            dead: plenty,
        },
        alarms: AlarmSettings::default(),
        callbacks: None,
        sweeps: Vec::new(),
        config_hash: 17,
        shutdown_timeout: Duration::from_secs(10),
    }
}
