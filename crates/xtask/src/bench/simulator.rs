//! The simulated Routee as a process of its own, and what it is told to do.

use std::process::Command;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Programs;
use super::child::{Measured, Stream};

/// How many messages are registered at once where nothing speaks against it.
pub(super) const CHUNK: u64 = 10_000;

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
        let spec = json!({
            "name": name, "count": count, "ledger": true, "hold": true,
            "fates": [{"parts": [{"steps": [
                {"status": "Sent"},
                {"after_ms": 1, "status": "Undelivered", "detailed_status": "Carrier Violation"},
            ]}]}],
        });
        self.post("populations", &spec).await.map(drop)
    }

    /// Lets held messages change: all at once, or so many a second.
    pub(super) async fn advance(&self, name: &str, per_second: Option<f64>) -> anyhow::Result<()> {
        let order = json!({"per_second": per_second});
        self.post(&format!("populations/{name}/advance"), &order)
            .await
            .map(drop)
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
