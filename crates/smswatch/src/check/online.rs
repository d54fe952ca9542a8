//! `smswatch check --online`: tries whether the store can be used, Routee accepts the credentials, every sink's receiver
//! can be reached and traces would be taken, without sending or leaving anything.

mod store;

use std::io::Write as _;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};
use smswatch_plugin::provider::Provider as _;
use smswatch_plugin::sink::Probe;
use smswatch_routee::RouteeProvider;

use crate::plain::plain;
use crate::report::Failure;
use crate::settings::Configuration;
use crate::traces::Traces;

/// How long one part may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of the try of one part, or why it failed.
type Tried = Result<Probe, String>;

/// Tries all parts at once, each by its name.
pub(super) async fn try_all(configuration: Configuration) -> Vec<(String, Tried)> {
    let mut parts = Vec::new();
    let store = store::probe(configuration.store);
    parts.push(("store".to_owned(), tokio::spawn(within_patience(store))));
    let provider = RouteeProvider::new(configuration.routee);
    let routee = async {
        match provider {
            Ok(provider) => provider.probe().await.map_err(|error| error.to_string()),
            Err(error) => Err(format!("{:#}", anyhow::Error::from(error))),
        }
    };
    parts.push(("routee".to_owned(), tokio::spawn(within_patience(routee))));
    for (name, (sink, _)) in configuration.sinks {
        let probing = async move { sink.probe().await.map_err(|error| error.detail()) };
        parts.push((name, tokio::spawn(within_patience(probing))));
    }
    if let Some(traces) = &configuration.traces {
        let probing = Traces::probe(traces);
        let probing = async { probing.await.map(Probe::Answered) };
        parts.push(("traces".to_owned(), tokio::spawn(within_patience(probing))));
    }
    let mut tried = Vec::new();
    for (name, probing) in parts {
        let came_of_it = probing.await;
        let panicked = |_| Err("it has a bug: it panicked".to_owned());
        tried.push((name, came_of_it.unwrap_or_else(panicked)));
    }
    tried
}

async fn within_patience(probing: impl Future<Output = Tried>) -> Tried {
    let tried = tokio::time::timeout(PATIENCE, probing).await;
    tried.unwrap_or_else(|_| Err(format!("no answer within {} s", PATIENCE.as_secs())))
}

/// What came of each part, for programs.
pub(super) fn as_json(tried: &[(String, Tried)]) -> Value {
    let part = |(name, tried): &(String, Tried)| match tried {
        Ok(Probe::Answered(said)) => json!({"name": name, "ok": true, "detail": said}),
        Ok(Probe::Nothing) => json!({"name": name, "ok": true, "detail": null}),
        Err(trouble) => json!({"name": name, "ok": false, "detail": trouble}),
    };
    tried.iter().map(part).collect()
}

/// Prints a line for each part.
pub(super) fn print(tried: &[(String, Tried)]) -> Result<(), Failure> {
    let width = tried.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut stdout = anstream::stdout().lock();
    for (name, tried) in tried {
        let said = match tried {
            Ok(Probe::Answered(said)) => format!("ok      {said}"),
            Ok(Probe::Nothing) => "ok      there is nothing to try".to_owned(),
            Err(trouble) => format!("failed  {trouble}"),
        };
        writeln!(stdout, "{name:width$}  {}", plain(&said)).context("could not print")?;
    }
    Ok(())
}

/// Whether all parts are well.
///
/// # Errors
///
/// One of them failed.
pub(super) fn judge(tried: &[(String, Tried)]) -> Result<(), Failure> {
    let failed: Vec<&str> = tried
        .iter()
        .filter(|(_, tried)| tried.is_err())
        .map(|(name, _)| name.as_str())
        .collect();
    match failed.as_slice() {
        [] => Ok(()),
        failed => Err(Failure::Failed(anyhow!("failed: {}", failed.join(", ")))),
    }
}
