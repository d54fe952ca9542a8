//! Sweeps: messages that nobody registered, found and followed by pages.

use std::path::PathBuf;

use routee_sim::{Endpoint, Fate, FaultRule, MessageSpec, Sim, SimConfig};
use serde_json::Value;
use smswatch_testkit::receiver::Receiver;
use smswatch_testkit::redis_server::RedisServer;

use crate::ask::{metrics, until, watch_that};
use crate::process::Process;
use crate::stage::sqlite_in;

struct Stage {
    sim: Sim,
    crm: Receiver,
    directory: tempfile::TempDir,
}

impl Stage {
    async fn new() -> Self {
        smswatch_testkit::install_tls_provider();
        Self {
            sim: Sim::start(SimConfig::default()).expect("a simulator"),
            crm: Receiver::start().await,
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    fn sqlite(&self) -> String {
        sqlite_in(self.directory.path())
    }

    /// Writes a configuration with a sweep.
    fn config(&self, store: &str, sweep: &str) -> PathBuf {
        let path = self.directory.path().join("smswatch.yaml");
        let text = format!(
            r#"
routee:
  application_id: sim-app
  application_secret: sim-secret
  api_url: {sim}
  auth_url: {sim}
store: {{url: "{store}"}}
watch: {{sweep: {sweep}}}
http: {{listen: "127.0.0.1:0"}}
sinks:
  crm: {{type: webhook, url: "{crm}", allow_private: true}}
rules:
  - {{name: failed, match: {{status: [Undelivered, Failed]}}, notify: [crm]}}
"#,
            sim = self.sim.url(),
            crm = self.crm.url("/hook"),
        );
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Messages of which every tenth fails.
    fn messages(&self, count: usize) -> Vec<String> {
        let message = |n: usize| {
            let spec = MessageSpec {
                fate: Some(if n.is_multiple_of(10) {
                    Fate::UnknownNumber
                } else {
                    Fate::Delivered
                }),
                time_scale: 0.1,
                ..MessageSpec::default()
            };
            self.sim.register(spec).expect("a message")
        };
        (0..count).map(message).collect()
    }

    /// How many requests there were at an endpoint, whatever was answered.
    fn requests(&self, endpoint: &str) -> u64 {
        let stats = self.sim.stats();
        stats
            .requests
            .get(endpoint)
            .map_or(0, |answers| answers.values().sum())
    }

    fn told(&self) -> Vec<Value> {
        let requests = self.crm.requests();
        let events = requests
            .iter()
            .map(|request| request.json()["data"]["events"].clone());
        let events = events.filter_map(|events| events.as_array().cloned());
        events.flatten().collect()
    }
}

/// How many watches the store has written, as far as the process counts.
async fn commits(process: &Process) -> String {
    let metrics = metrics(process).await;
    let mut lines = metrics.lines();
    let line = lines.find(|line| line.starts_with("smswatch_store_seconds_count{op=\"commit\"}"));
    line.unwrap_or_default().to_owned()
}

async fn found_and_followed(stage: Stage, store: &str) {
    let process = Process::start(&stage.config(store, "{every: 500ms, window: 2h}"));
    let ids = stage.messages(250);
    for id in &ids {
        watch_that(&process, id, |watch| watch["state"] == "final").await;
    }
    until("each failure is told", async || stage.told().len() == 25).await;
    for event in stage.told() {
        assert_eq!(event["source"], "sweep", "{event}");
        assert_eq!(event["current"]["detailed_status"], "Unknown Number");
    }
    assert_eq!(stage.requests("tracking_single"), 0);
    // All is told: the sweeps go on, say nothing and write nothing.
    let before = commits(&process).await;
    let n_sweeps = stage.requests("tracking_range");
    until("it sweeps again", async || {
        stage.requests("tracking_range") >= n_sweeps + 3
    })
    .await;
    assert_eq!(commits(&process).await, before);
    assert_eq!(stage.told().len(), 25);
    assert_eq!(process.terminate(), Some(0));
}

#[tokio::test]
async fn messages_that_nobody_registered_are_found_and_followed_without_a_poll() {
    let stage = Stage::new().await;
    let store = stage.sqlite();
    found_and_followed(stage, &store).await;
}

#[tokio::test]
async fn messages_that_nobody_registered_are_found_and_followed_without_a_poll_on_redis() {
    let redis = RedisServer::start();
    found_and_followed(Stage::new().await, &redis.url()).await;
}

#[tokio::test]
async fn a_sweep_that_routee_refuses_is_told_and_goes_on_later() {
    let stage = Stage::new().await;
    stage.sim.add_fault(FaultRule {
        on: Endpoint::TrackingRange,
        next: Some(6),
        ..FaultRule::default()
    });
    let ids = stage.messages(20);
    let process = Process::start(&stage.config(
        &stage.sqlite(),
        "[{every: 200ms}, {every: 1s, window: 7d, register: false}]",
    ));
    until("it is told", async || {
        metrics(&process)
            .await
            .contains("smswatch_sweeps_total{result=\"failed\"}")
    })
    .await;
    for id in &ids {
        watch_that(&process, id, |watch| watch["state"] == "final").await;
    }
    assert_eq!(process.terminate(), Some(0));
}
