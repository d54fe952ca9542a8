//! What Redis itself says that it did and holds.

use std::time::Duration;

use anyhow::Context as _;
use redis::Connection;
use smswatch_testkit::redis_server::RedisServer;

/// A Redis that writes its AOF every second, as most people run it. It does not rewrite the AOF
/// meanwhile: that takes a core of its own for seconds, at a moment that differs from run to run.
#[derive(Debug)]
pub(super) struct Redis {
    server: RedisServer,
}

impl Redis {
    pub(super) fn start() -> Self {
        let arguments = [
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--auto-aof-rewrite-percentage",
            "0",
        ];
        Self {
            server: RedisServer::start_with(&arguments),
        }
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Bytes of the data set with all its overhead.
    pub(super) fn dataset_bytes(&self) -> anyhow::Result<u64> {
        let text = self.info("memory")?;
        let total = number(&text, "used_memory:")?;
        // The log that is on its way to the disk and the clients' buffers are no data.
        let passing: u64 = ["mem_aof_buffer:", "mem_clients_normal:"]
            .into_iter()
            .map(|name| number(&text, name))
            .sum::<anyhow::Result<u64>>()?;
        Ok(total - passing)
    }

    /// Processor time so far, in user and kernel mode together.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let text = self.info("cpu")?;
        let seconds = |name: &str| -> anyhow::Result<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            Ok(line.context("Redis tells it")?.trim().parse()?)
        };
        let total = seconds("used_cpu_user:")? + seconds("used_cpu_sys:")?;
        Ok(Duration::from_secs_f64(total))
    }

    /// How many calls clients made so far.
    pub(super) fn calls(&self) -> anyhow::Result<u64> {
        let text = self.info("commandstats")?;
        let mut calls = 0;
        for line in text
            .lines()
            .filter(|line| line.contains("cmdstat_evalsha:"))
        {
            calls += number(line, "calls=")?;
        }
        Ok(calls)
    }

    /// How many commands Redis carried out so far, those inside of scripts included.
    pub(super) fn commands(&self) -> anyhow::Result<u64> {
        let text = self.info("commandstats")?;
        let mut calls = 0;
        for line in text.lines().filter(|line| line.starts_with("cmdstat_")) {
            calls += number(line, "calls=")?;
        }
        Ok(calls)
    }

    fn info(&self, section: &str) -> anyhow::Result<String> {
        let client = redis::Client::open(self.url()).context("a URL of Redis")?;
        let mut connection: Connection = client.get_connection().context("Redis is there")?;
        let command = redis::cmd("INFO").arg(section).to_owned();
        command.query(&mut connection).context("Redis tells it")
    }
}

/// The number that follows `name`.
fn number(text: &str, name: &str) -> anyhow::Result<u64> {
    let (_, rest) = text
        .split_once(name)
        .with_context(|| format!("Redis does not tell `{name}`"))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}
