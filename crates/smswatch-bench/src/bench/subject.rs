//! The program under test: started on a configuration, given messages, asked for its numbers.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use smswatch_api::watches::WatchRequest;
use smswatch_model::Tags;

use super::child::{Measured, Stream};
use super::receiver::Receiver;
use super::simulator::{CHUNK, Simulator};
use super::{CONCURRENCY, Programs};

/// The metric that counts the events of messages; smswatch may have told of its own trouble besides.
pub(super) const CHANGES: &str = "smswatch_events_total{type=\"sms.status_changed\"}";

/// How long a state of affairs is waited for.
const PATIENCE: Duration = Duration::from_secs(300);

/// What differs between the parts of the benchmark.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) simulator: &'a Simulator,
    /// Where everything is kept, as `store.url` has it.
    pub(super) store: &'a str,
    /// The gap between two polls of one message.
    pub(super) gap: Duration,
    /// Where alerts of undelivered messages go. Without any, no history is kept either: what a watch
    /// takes is measured without what it once had to tell.
    pub(super) outlets: &'a [Outlet],
    /// Rules below those of the outlets.
    pub(super) rules: &'a [Value],
}

/// A sink, and of which undelivered messages it hears.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    pub(super) name: &'static str,
    pub(super) url: String,
    /// Only of messages with this label.
    pub(super) label: Option<&'static str>,
    /// Settings of the sink besides where it is.
    pub(super) settings: Value,
}

impl Outlet {
    /// The one that is measured: it is told of all messages.
    pub(super) fn of(receiver: &Receiver) -> Self {
        Self {
            name: "receiver",
            url: receiver.url.clone(),
            label: None,
            settings: json!({}),
        }
    }

    fn sink(&self) -> Value {
        let mut sink = json!({
            "type": "webhook",
            "url": self.url,
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "allow_private": true,
            "concurrency": CONCURRENCY,
        });
        for (key, value) in self.settings.as_object().into_iter().flatten() {
            sink[key] = value.clone();
        }
        sink
    }

    fn rule(&self) -> Value {
        let mut rule = json!({
            "name": self.name,
            "match": {"status": "Undelivered"},
            "notify": [self.name],
        });
        if let Some(label) = self.label {
            rule["match"]["label"] = json!(label);
        }
        rule
    }
}

/// A running smswatch.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) process: Measured,
    url: String,
    client: reqwest::Client,
    _directory: tempfile::TempDir,
}

impl Subject {
    pub(super) fn start(programs: &Programs, plan: &Plan<'_>) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir().context("could not make a directory")?;
        let path = directory.path().join("smswatch.yaml");
        let config = config(plan);
        // JSON is YAML.
        std::fs::write(&path, config.to_string()).context("could not write the configuration")?;
        let mut command = Command::new(&programs.smswatch);
        command.arg("run").arg("--config").arg(&path);
        let (process, url) = Measured::start(&mut command, Stream::Stderr, "its API is at ")?;
        Ok(Self {
            process,
            url,
            client: reqwest::Client::new(),
            _directory: directory,
        })
    }

    /// Registers the first `count` messages of a population.
    pub(super) async fn watch(
        &self,
        simulator: &Simulator,
        population: &str,
        count: u64,
    ) -> anyhow::Result<()> {
        for offset in (0..count).step_by(usize::try_from(CHUNK)?) {
            self.watch_some(simulator, population, offset, CHUNK)
                .await?;
        }
        Ok(())
    }

    /// Registers `count` messages of a population, from the one at `offset` on.
    pub(super) async fn watch_some(
        &self,
        simulator: &Simulator,
        population: &str,
        offset: u64,
        count: u64,
    ) -> anyhow::Result<()> {
        let ids = simulator.ids(population, offset, count).await?;
        self.watch_ids(ids.lines()).await
    }

    /// Registers messages by their ids.
    pub(super) async fn watch_ids(
        &self,
        ids: impl IntoIterator<Item = impl Into<String>>,
    ) -> anyhow::Result<()> {
        let wanted = WatchRequest::new(ids, &Tags::new());
        let request = self
            .client
            .post(format!("{}/v1/watches", self.url))
            .header("content-type", "application/json")
            .body(serde_json::to_vec(&wanted)?);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Asks for something, and reads the answer to its end.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<()> {
        let request = self.client.get(format!("{}{path}", self.url));
        request.send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }

    /// Asks for a page as a browser does, reads it to its end, and returns how long its first byte took.
    pub(super) async fn first_byte(&self, path: &str) -> anyhow::Result<Duration> {
        let request = self.client.get(format!("{}{path}", self.url));
        let begun = Instant::now();
        let mut answer = request.header("accept", "text/html").send().await?;
        answer.chunk().await?;
        let first_byte = begun.elapsed();
        answer.error_for_status()?.bytes().await?;
        Ok(first_byte)
    }

    /// The sum of a metric over all its labels.
    pub(super) async fn metric(&self, name: &str) -> anyhow::Result<f64> {
        let url = format!("{}/metrics", self.url);
        let text = self.client.get(url).send().await?.text().await?;
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            if !rest.starts_with(['{', ' ']) {
                return None;
            }
            rest.rsplit_once(' ')?.1.parse::<f64>().ok()
        });
        Ok(values.sum())
    }

    /// The sum of a metric that counts things.
    pub(super) async fn count(&self, name: &str) -> anyhow::Result<u64> {
        let value = self.metric(name).await?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count"
        )]
        let count = value as u64;
        Ok(count)
    }

    /// Waits until a metric is at least this large.
    pub(super) async fn reaches(&self, name: &str, least: u64) -> anyhow::Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let least = least as f64;
        self.wait(name, |value| value >= least).await
    }

    /// Waits until a metric is zero.
    pub(super) async fn empties(&self, name: &str) -> anyhow::Result<()> {
        self.wait(name, |value| value == 0.0).await
    }

    async fn wait(&self, name: &str, is_enough: impl Fn(f64) -> bool) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name).await?;
            if is_enough(value) {
                return Ok(());
            }
            if tokio::time::Instant::now() > deadline {
                bail!("{name} stays at {value}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn config(plan: &Plan<'_>) -> Value {
    let mut config = json!({
        "routee": {
            "application_id": "sim-app",
            "application_secret": "sim-secret",
            "api_url": plan.simulator.url,
            "auth_url": plan.simulator.url,
            "requests_per_second": 1_000_000,
            "concurrency": CONCURRENCY,
        },
        "store": {"url": plan.store},
        "watch": {"schedule": [format!("{}ms", plan.gap.as_millis())], "confirm_after": "0s"},
        "http": {"listen": "127.0.0.1:0"},
    });
    if plan.outlets.is_empty() {
        config["history"] = json!({"events": {"for": "1s", "max": 1000}});
    }
    if !plan.outlets.is_empty() {
        // More than there ever is: to remove history is no part of what is measured.
        let all = json!({"for": "7d", "max": 10_000_000});
        config["history"] = json!({"events": all, "deliveries": all, "dead": all});
    }
    for outlet in plan.outlets {
        config["sinks"][outlet.name] = outlet.sink();
    }
    let rules = plan.outlets.iter().map(Outlet::rule);
    config["rules"] = rules.chain(plan.rules.iter().cloned()).collect();
    config
}
