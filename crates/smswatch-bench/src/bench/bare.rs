//! The yardstick: a loop that fetches and parses the same answers and does nothing else.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::child::cpu_of;
use super::simulator::Simulator;
use super::{CONCURRENCY, Programs};

/// How long connections are opened and caches filled before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// The part of an answer that a plain poller reads: the status.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "parsing them is what is measured")]
struct Part {
    sms_id: String,
    message_id: String,
    status: Status,
    to: Option<String>,
    from: Option<String>,
    country: Option<String>,
    operator: Option<String>,
    price: Option<f64>,
    latency: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "parsing them is what is measured")]
struct Status {
    status: String,
    date: String,
}

/// The command that runs the loop in a process of its own.
pub(crate) const COMMAND: &str = "bare-loop";

#[derive(Debug, Deserialize)]
struct Token {
    access_token: String,
}

/// Processor time of one request of the bare loop, measured in a process of its own.
pub(super) fn cost(
    programs: &Programs,
    simulator: &Simulator,
    ids: &str,
    duration: Duration,
) -> anyhow::Result<Duration> {
    let file = tempfile::NamedTempFile::new().context("could not make a file")?;
    std::fs::write(file.path(), ids).context("could not write the ids")?;
    let output = Command::new(&programs.bench)
        .arg(COMMAND)
        .arg(&simulator.url)
        .arg(file.path())
        .arg(duration.as_millis().to_string())
        .output()
        .context("could not start the bare loop")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let nanoseconds = std::str::from_utf8(&output.stdout)?.trim().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// The loop itself: `URL FILE MILLISECONDS`; prints nanoseconds of processor time for each request.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let [url, file, milliseconds] = arguments else {
        bail!("usage: {COMMAND} URL FILE MILLISECONDS");
    };
    let ids = std::fs::read_to_string(file).context("could not read the ids")?;
    let ids: Vec<String> = ids.lines().map(str::to_owned).collect();
    let duration = Duration::from_millis(milliseconds.parse()?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    let cost = runtime.block_on(fetch(url, ids, duration))?;
    println!("{}", cost.as_nanos());
    Ok(())
}

async fn fetch(url: &str, ids: Vec<String>, duration: Duration) -> anyhow::Result<Duration> {
    smswatch_testkit::install_tls_provider();
    let client = reqwest::Client::new();
    let token = client
        .post(format!("{url}/oauth/token"))
        .basic_auth("sim-app", Some("sim-secret"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials")
        .send()
        .await?
        .text()
        .await?;
    let token: Token = serde_json::from_str(&token)?;
    let urls: Vec<String> = ids
        .iter()
        .map(|id| format!("{url}/sms/tracking/single/{id}"))
        .collect();
    let urls = Arc::new(urls);
    let (next, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
    for _ in 0..CONCURRENCY {
        let (client, urls) = (client.clone(), Arc::clone(&urls));
        let (next, done) = (Arc::clone(&next), Arc::clone(&done));
        let token = token.access_token.clone();
        tokio::spawn(async move {
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed) % urls.len();
                let request = client.get(&urls[position]).bearer_auth(&token);
                let Ok(body) = async { request.send().await?.bytes().await }.await else {
                    break;
                };
                let Ok(parts) = serde_json::from_slice::<Vec<Part>>(&body) else {
                    break;
                };
                std::hint::black_box(parts);
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let (before, cpu_before) = (done.load(Ordering::Relaxed), cpu_of("self")?);
    tokio::time::sleep(duration).await;
    let cpu = cpu_of("self")? - cpu_before;
    let requests = done.load(Ordering::Relaxed) - before;
    if requests == 0 {
        bail!("the simulator does not answer as it should");
    }
    Ok(cpu.div_f64(count(requests)))
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(number: u64) -> f64 {
    number as f64
}
