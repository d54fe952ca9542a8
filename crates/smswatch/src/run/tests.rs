//! The start and the end of a process whose store, callers and providers hang.

use std::net::SocketAddr;

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use smswatch_core::{NewWatch, Service};
use smswatch_plugin::model::Notification;
use smswatch_plugin::model::{MessageId, Tags};
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, NoOverrides, Receipt, Sink, SinkContext,
};
use smswatch_testkit::proxy::Proxy;
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::redis_server::RedisServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::settings::{Configuration, Source};

const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// A process without sinks, on a Redis at `store`, that asks `routee` about messages.
fn configuration(store: SocketAddr, routee: SocketAddr) -> Configuration {
    // Whichever test comes first installs it.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let text = format!(
        "routee:
  application_id: a
  application_secret: b
  api_url: http://{routee}
  auth_url: http://{routee}
  timeout: 15s
store: {{url: \"redis://{store}\"}}
http: {{listen: \"127.0.0.1:0\"}}
shutdown_timeout: 10s
"
    );
    let source = Source {
        file: "smswatch.yaml".into(),
        text,
        environment: Box::new(|_| None),
    };
    let loaded = settings::read(&crate::App::new().into_types(), source);
    loaded.expect("it is sound").configuration
}

/// A server that takes connections and says nothing.
async fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Waits until a poll is under way: it waits for the token that was asked for at the start.
async fn polls(service: &Service) {
    let is_begun = |line: &str| {
        let count = line.strip_prefix("smswatch_poll_lag_seconds_count ");
        count.is_some_and(|count| count != "0")
    };
    while !service.metrics(false).await.lines().any(is_begun) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Begins a call; the server waits for the rest when this returns.
async fn half_a_call(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = "POST /v1/watches HTTP/1.1\r\nhost: smswatch\r\ncontent-length: 9\r\n\
                content-type: application/json\r\nexpect: 100-continue\r\n\r\n";
    let written = stream.write_all(head.as_bytes()).await;
    written.expect("it listens");
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    let read = stream.read_exact(&mut go_on).await;
    read.expect("it wants the body");
    stream
}

#[tokio::test]
async fn the_end_keeps_to_its_time_though_store_provider_and_caller_hang() {
    let redis = RedisServer::start();
    let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], redis.port()))).await;
    let proxy = proxy.expect("a free port");
    let (routee, routee_address) = silent().await;
    let configuration = configuration(proxy.address(), routee_address);
    let stop = CancellationToken::new();
    let started = wiring::start(configuration, &stop).await;
    let process = started.expect("it starts").expect("nobody stops it");
    let watch = NewWatch {
        message_id: MessageId::new("m1").expect("an id"),
        tags: Tags::new(),
    };
    let registered = process.engine.service().register(vec![watch]).await;
    registered.expect("the store is there");
    let _token = routee.accept().await.expect("it asks for a token");
    polls(&process.engine.service()).await;
    let _caller = half_a_call(process.front.address).await;
    proxy.stall();

    // From here on the clock only moves while all wait for it.
    tokio::time::pause();
    stop.cancel();
    let stopped = Instant::now();
    work(process, stop).await.expect("nothing is broken");
    let took = stopped.elapsed();
    assert!(took > SHUTDOWN_TIMEOUT / 2, "something hangs: {took:?}");
    assert!(
        took < SHUTDOWN_TIMEOUT + Duration::from_millis(500),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_start_that_waits_for_a_stalled_store_ends_at_once_when_told_to() {
    let (store, store_address) = silent().await;
    let configuration = configuration(store_address, store_address);
    let stop = CancellationToken::new();
    let token = stop.clone();
    let starting = tokio::spawn(async move { wiring::start(configuration, &token).await });
    let _connection = store.accept().await.expect("it connects");

    // From here on the clock only moves while all wait for it.
    tokio::time::pause();
    stop.cancel();
    let stopped = Instant::now();
    let started = starting.await.expect("it does not panic");
    assert!(started.expect("nothing went wrong").is_none());
    assert_eq!(stopped.elapsed(), Duration::ZERO);
}

/// A sink that never gives back a thread.
#[derive(Debug)]
struct KeepingSink;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct KeepingConfig {}

impl ConfiguredSink for KeepingSink {
    type Config = KeepingConfig;
    type Overrides = NoOverrides;

    fn configure(_: KeepingConfig, _: &SinkContext) -> Result<Self, InvalidConfig> {
        Ok(Self)
    }
}

#[smswatch_plugin::async_trait]
impl Sink for KeepingSink {
    async fn deliver(&self, _: &Notification) -> Result<Receipt, DeliveryError> {
        loop {
            std::thread::park();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_keeps_its_threads_holds_up_neither_others_nor_the_end() {
    const MESSAGES: usize = 40;
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir().expect("a directory");
    let sim = Sim::start(SimConfig::default()).expect("a simulator");
    let healthy = Receiver::start().await;
    let text = format!(
        "routee: {{application_id: sim-app, application_secret: sim-secret, api_url: \"{sim}\", auth_url: \"{sim}\"}}
store: {{url: \"sqlite:{store}\"}}
watch: {{schedule: [50ms]}}
http: {{listen: \"127.0.0.1:0\"}}
shutdown_timeout: 1s
sinks:
  keeping: {{type: keeping, timeout: 1s}}
  healthy: {{type: webhook, url: \"{healthy}\", allow_private: true}}
rules: [{{name: undelivered, match: {{status: Undelivered}}, notify: [keeping, healthy]}}]
",
        sim = sim.url(),
        store = directory.path().join("store.db").display(),
        healthy = healthy.url("/hook"),
    );
    let source = Source {
        file: "smswatch.yaml".into(),
        text,
        environment: Box::new(|_| None),
    };
    let types = crate::App::new()
        .sink::<KeepingSink>("keeping")
        .into_types();
    let configuration = settings::read(&types, source).expect("it is sound");
    let stop = CancellationToken::new();
    let started = wiring::start(configuration.configuration, &stop).await;
    let process = started.expect("it starts").expect("nobody stops it");
    let watches = (0..MESSAGES).map(|_| {
        let spec = MessageSpec {
            fate: Some(Fate::Undelivered),
            time_scale: 0.05,
            ..MessageSpec::default()
        };
        NewWatch {
            message_id: MessageId::new(sim.register(spec).expect("a message")).expect("an id"),
            tags: Tags::new(),
        }
    });
    let registered = process.engine.service().register(watches.collect()).await;
    registered.expect("the store is there");
    healthy.wait_for(MESSAGES).await;

    stop.cancel();
    let ending = tokio::time::timeout(Duration::from_secs(60), work(process, stop));
    let ended = ending.await.expect("it ends although the threads never do");
    ended.expect("nothing is broken");
}
