//! The simulated Routee as a process of its own, and what it is told to do.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use routee_sim::{MessageReport, Stats};
use serde_json::{Value, json};

use super::Programs;
use super::child::{Measured, Stream};

/// How many messages are registered at once where nothing speaks against it.
pub(super) const CHUNK: u64 = 10_000;

/// How long it may take until requests come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running simulator.
#[derive(Debug)]
pub(super) struct Simulator {
    pub(super) url: String,
    client: reqwest::Client,
    _process: Measured,
}

/// What the simulator counted of a population.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served {
    /// Statuses that were served and differ from the one served before, first sights included.
    pub(super) changes: u64,
    /// First sights among them.
    pub(super) first_sights: u64,
}

/// What happened to one message.
#[derive(Debug, Clone)]
pub(super) struct Course {
    /// When it was polled, since the beginning of 1970.
    pub(super) polls: Vec<Duration>,
    /// Statuses that were served and differ from the one served before, the first one included.
    pub(super) changes_served: u64,
}

impl Simulator {
    pub(super) fn start(programs: &Programs) -> anyhow::Result<Self> {
        let mut command = Command::new(&programs.simulator);
        let (process, url) = Measured::start(&mut command, Stream::Stdout, "listening on ")?;
        Ok(Self {
            url,
            client: reqwest::Client::new(),
            _process: process,
        })
    }

    /// Makes messages that stay as they are.
    pub(super) async fn still(&self, name: &str, count: u64) -> anyhow::Result<()> {
        let spec = json!({
            "name": name, "count": count, "ledger": true,
            "fates": [{"fate": "queued"}],
        });
        self.post("populations", &spec).await.map(drop)
    }

    /// Forgets what was served of the messages that stay as they are.
    pub(super) async fn reset(&self, name: &str, count: u64) -> anyhow::Result<()> {
        self.post("reset", &json!({})).await?;
        self.still(name, count).await
    }

    /// Makes messages that are Sent, and Undelivered once they are told to.
    pub(super) async fn held(&self, name: &str, count: u64) -> anyhow::Result<()> {
        self.held_as(name, count, None).await
    }

    /// The same with a label.
    pub(super) async fn held_as(
        &self,
        name: &str,
        count: u64,
        label: Option<&str>,
    ) -> anyhow::Result<()> {
        let spec = json!({
            "name": name, "count": count, "label": label, "ledger": true, "hold": true,
            "fates": [{"parts": held_parts()}],
        });
        self.post("populations", &spec).await.map(drop)
    }

    /// Lets held messages change: all at once, or at a rate.
    pub(super) async fn advance(&self, name: &str, per_second: Option<f64>) -> anyhow::Result<()> {
        let order = json!({"per_second": per_second});
        self.post(&format!("populations/{name}/advance"), &order)
            .await
            .map(drop)
    }

    /// Makes such messages of which every poll is written down; returns their ids.
    pub(super) async fn scripted(&self, count: u64) -> anyhow::Result<Vec<String>> {
        let spec = json!({"parts": held_parts(), "hold": true});
        let specs: Value = (0..count).map(|_| spec.clone()).collect();
        let answer: Value = serde_json::from_str(&self.post("messages", &specs).await?)?;
        let ids = answer["ids"].as_array().context("messages have ids")?;
        let id = |id: &Value| id.as_str().map(str::to_owned).context("an id is text");
        ids.iter().map(id).collect()
    }

    /// Lets one of them change.
    pub(super) async fn move_on(&self, id: &str) -> anyhow::Result<()> {
        let path = format!("messages/{id}/advance");
        self.post(&path, &json!({})).await.map(drop)
    }

    /// What happened to one of them.
    pub(super) async fn course(&self, id: &str) -> anyhow::Result<Course> {
        let answer = self.client.get(self.admin(&format!("messages/{id}")));
        let text = answer.send().await?.error_for_status()?.text().await?;
        let report: MessageReport = serde_json::from_str(&text)?;
        let poll = |at_ms: &i64| Duration::from_millis(at_ms.unsigned_abs());
        Ok(Course {
            polls: report.poll_times_ms.iter().map(poll).collect(),
            changes_served: report.changes_served,
        })
    }

    /// How long every answer takes from now on.
    pub(super) async fn answer_after(&self, latency: Duration) -> anyhow::Result<()> {
        let switches = json!({"latency_ms": u64::try_from(latency.as_millis())?});
        let request = self.client.put(self.admin("switches"));
        let answer = request.body(switches.to_string()).send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    /// Waits until this many requests are being answered at once.
    pub(super) async fn is_busy(&self, least: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.client.get(self.admin("stats?messages=false"));
            let stats: Stats = serde_json::from_str(&answer.send().await?.text().await?)?;
            if stats.in_flight >= least {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the simulator never has {least} requests at once");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The ids of messages, a line each.
    pub(super) async fn ids(&self, name: &str, offset: u64, count: u64) -> anyhow::Result<String> {
        let path = format!("populations/{name}/ids?offset={offset}&limit={count}");
        let answer = self.client.get(self.admin(&path)).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    pub(super) async fn served(&self, name: &str) -> anyhow::Result<Served> {
        let url = self.admin(&format!("populations/{name}"));
        let text = self.client.get(url).send().await?.text().await?;
        let report: Value = serde_json::from_str(&text)?;
        let number = |key: &str| report[key].as_u64().context("a ledger has numbers");
        Ok(Served {
            changes: number("changes_served")?,
            first_sights: number("first_sights")?,
        })
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<String> {
        let request = self.client.post(self.admin(path)).body(body.to_string());
        let answer = request.send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    fn admin(&self, path: &str) -> String {
        format!("{}/_sim/{path}", self.url)
    }
}

/// One part that is Sent, and Undelivered once it is told to.
fn held_parts() -> Value {
    json!([{"steps": [
        {"status": "Sent"},
        {"after_ms": 1, "status": "Undelivered", "detailed_status": "Carrier Violation"},
    ]}])
}
