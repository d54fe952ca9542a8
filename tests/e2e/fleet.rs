//! Several replicas on one Redis, and what they watch and tell.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use routee_sim::{Fate, MessageSpec, Sim, SimConfig};
use serde_json::json;
use smswatch_testkit::PATIENCE;
use smswatch_testkit::proxy::Proxy;
use smswatch_testkit::receiver::{Receiver, Request};
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{pause, until};
use crate::process::Process;
use crate::stage::routee;

/// A simulated Routee, one Redis, one webhook receiver, and a configuration for any replica.
pub(crate) struct Fleet {
    pub(crate) sim: Sim,
    pub(crate) webhook: Receiver,
    pub(crate) redis: RedisServer,
    directory: tempfile::TempDir,
}

impl Fleet {
    pub(crate) async fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            webhook: Receiver::start().await,
            redis: RedisServer::start(),
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// The same, whose processes come to Redis through a proxy, with the configuration of one that ends
    /// within three seconds.
    pub(crate) async fn behind_a_proxy() -> (Self, Proxy, PathBuf) {
        let fleet = Self::new().await;
        let redis = SocketAddr::from((Ipv4Addr::LOCALHOST, fleet.redis.port()));
        let proxy = Proxy::start(redis).await.expect("a free port");
        let config = fleet.config("[100ms]", "shutdown_timeout: 3s");
        let text = std::fs::read_to_string(&config).expect("a file");
        let through = format!("redis://{}", proxy.address());
        let text = text.replace(&fleet.redis.url(), &through);
        // What cannot be given back is had again soon.
        let text = text.replace("timeout: 30s", "timeout: 5s");
        std::fs::write(&config, text).expect("a file");
        (fleet, proxy, config)
    }

    /// A configuration whose replicas tell of every undelivered message; `more` are further lines.
    pub(crate) fn config(&self, schedule: &str, more: &str) -> PathBuf {
        let path = self.directory.path().join("smswatch.yaml");
        let text = format!(
            r#"
{routee}
store: {{url: "{redis}"}}
watch: {{schedule: {schedule}, confirm_after: 0s}}
http: {{listen: "127.0.0.1:0"}}
{more}
sinks:
  crm:
    type: webhook
    url: "{webhook}"
    secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
    allow_private: true
    timeout: 30s
    retry: {{schedule: [200ms], give_up_after: 24h}}
rules:
  - name: undelivered
    match: {{status: Undelivered}}
    notify: [crm]
"#,
            routee = routee(&self.sim, "requests_per_second: 2000"),
            redis = self.redis.url(),
            webhook = self.webhook.url("/hook"),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Registers messages that stay queued until they are moved on, with the simulator and then with
    /// `process`.
    pub(crate) async fn watch_held(&self, process: &Process, count: usize) -> Vec<String> {
        let spec = || MessageSpec {
            hold: true,
            ..Fate::CarrierViolation.into()
        };
        let ids: Vec<String> = (0..count)
            .map(|_| self.sim.register(spec()).expect("a message"))
            .collect();
        self.watch(process, &ids).await;
        ids
    }

    /// Registers messages with `process`.
    pub(crate) async fn watch(&self, process: &Process, ids: &[String]) {
        let messages: Vec<_> = ids.iter().map(|id| json!({"message_id": id})).collect();
        let answer = reqwest::Client::new()
            .post(format!("{}/v1/watches", process.url))
            .header("content-type", "application/json")
            .body(json!({"messages": messages}).to_string())
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 202);
    }

    /// Lets messages meet their end.
    pub(crate) fn end(&self, ids: &[String]) {
        for id in ids {
            while self.sim.advance_message(id).expect("it is known") > 0 {}
        }
    }

    /// Waits until every one of `ids` was polled `polls` times.
    pub(crate) async fn polled(&self, ids: &[String], polls: u64) {
        let enough = |id: &String| {
            let report = self.sim.message(id).expect("it is known");
            report.polls >= polls
        };
        let what = format!("each is polled {polls} times");
        until(&what, async || ids.iter().all(enough)).await;
    }

    /// Waits until all of `ids` were told, longer than any lease; answers the ids of the deliveries
    /// that told of each.
    pub(crate) async fn told(&self, ids: &[String]) -> BTreeMap<String, Vec<String>> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let told = deliveries(&self.webhook.requests());
            if ids.iter().all(|id| told.contains_key(id)) {
                return told;
            }
            pause(begun).await;
        }
        let told = deliveries(&self.webhook.requests());
        panic!("{} of {} messages were told", told.len(), ids.len());
    }
}

/// The ids of the deliveries that told of each message, one for each request.
pub(crate) fn deliveries(requests: &[Request]) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in requests {
        let delivery_id = request.header("webhook-id").expect("an id");
        let body = request.json();
        for event in body["data"]["events"].as_array().expect("events") {
            let id = event["message"]["message_id"].as_str().expect("an id");
            let ids = told.entry(id.to_owned()).or_default();
            ids.push(delivery_id.to_owned());
        }
    }
    told
}
