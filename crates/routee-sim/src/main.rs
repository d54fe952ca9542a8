//! The simulator as a program of its own.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use routee_sim::{Sim, SimConfig};
use tokio::signal::unix::{SignalKind, signal};

/// A simulated Routee on loopback, for demos, tests and benchmarks.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one. [default: 127.0.0.1:0]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The application id that gets tokens. [default: sim-app]
    #[arg(long, value_name = "ID")]
    application_id: Option<String>,
    /// The secret of the application. [default: sim-secret]
    #[arg(long, value_name = "SECRET")]
    application_secret: Option<String>,
    /// Where the changes of all messages are told.
    #[arg(long, value_name = "URL")]
    callback_url: Option<String>,
    /// A JSON file with the whole configuration; the other options win over it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Arguments {
    fn into_config(self) -> anyhow::Result<SimConfig> {
        let mut config = match &self.config {
            None => SimConfig::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("could not read `{}`", path.display()))?;
                serde_json::from_str(&text)
                    .with_context(|| format!("could not understand `{}`", path.display()))?
            }
        };
        config.listen = self.listen.unwrap_or(config.listen);
        config.application_id = self.application_id.unwrap_or(config.application_id);
        config.application_secret = self.application_secret.unwrap_or(config.application_secret);
        if self.callback_url.is_some() {
            config.switches.callbacks.url = self.callback_url;
        }
        Ok(config)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let config = Arguments::parse().into_config()?;
    let mut terminate = signal(SignalKind::terminate()).context("could not wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("could not wait for Ctrl-C")?;
    let sim = Sim::start(config).context("could not start")?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "routee-sim listening on {}", sim.url())
        .and_then(|()| stdout.flush())
        .context("could not tell the address")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    sim.stop().await;
    Ok(())
}
