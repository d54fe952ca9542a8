//! What a delivery costs in each kind of sink: connections, processor time, and how many there are in a second.

mod receiver;
mod relay;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use smswatch_plugin::sink::{ConfiguredSink, Sink, SinkContext};
use smswatch_sink_email::EmailSink;
use smswatch_sink_slack::SlackSink;
use smswatch_sink_webhook::WebhookSink;
use smswatch_testkit::sample;

use self::receiver::Receiver;
use self::relay::Relay;
use super::report::Report;

/// How many notifications each sink gets, and again for each number of connections.
const DELIVERIES: usize = 1_000;

/// How many mails go through one connection in a second, at least.
const LEAST_ON_ONE: f64 = 2_000.0;

/// How many go through sixteen.
const LEAST_ON_SIXTEEN: f64 = 10_000.0;

/// What deliveries to one sink came to.
#[derive(Debug)]
struct Cost {
    connections: u64,
    per_second: f64,
    /// Of the sink's own thread.
    cpu: Duration,
}

pub(super) async fn measure(report: &mut Report) -> anyhow::Result<()> {
    measure_with(report, DELIVERIES).await
}

async fn measure_with(report: &mut Report, deliveries: usize) -> anyhow::Result<()> {
    eprintln!("{deliveries} deliveries to each kind of sink");
    for at_once in [1, 16] {
        let relay = Relay::start().await?;
        let sink = sink::<EmailSink>(json!({
            "smtp": format!("smtp://127.0.0.1:{}", relay.port),
            "from": "SMS alerts <alerts@example.com>",
            "to": ["oncall@example.com"],
        }))?;
        let cost = cost(sink, deliveries, at_once, || relay.connections()).await?;
        ensure!(relay.mails() == count(2 * deliveries), "mails are missing");
        let least = match at_once {
            1 => LEAST_ON_ONE,
            _ => LEAST_ON_SIXTEEN,
        };
        let figure = format!("mails, {at_once} at once: in a second");
        report.at_least(figure, cost.per_second, least, "");
        cost.tell(report, "mails", at_once);
    }
    for at_once in [1, 16] {
        let receiver = Receiver::start().await?;
        let sink = sink::<SlackSink>(json!({
            "bot_token": "xoxb-1", "channel": "C1", "api_url": receiver.url,
        }))?;
        tell_http(
            report,
            "messages to Slack",
            sink,
            deliveries,
            at_once,
            &receiver,
        )
        .await?;
    }
    for at_once in [1, 16] {
        let receiver = Receiver::start().await?;
        let sink = sink::<WebhookSink>(json!({
            "url": receiver.url, "secret": "a-key", "allow_private": true,
        }))?;
        tell_http(report, "webhooks", sink, deliveries, at_once, &receiver).await?;
    }
    Ok(())
}

async fn tell_http(
    report: &mut Report,
    what: &str,
    sink: Arc<dyn Sink>,
    deliveries: usize,
    at_once: usize,
    receiver: &Receiver,
) -> anyhow::Result<()> {
    let cost = cost(sink, deliveries, at_once, || receiver.connections()).await?;
    ensure!(
        receiver.requests() == count(2 * deliveries),
        "requests are missing"
    );
    report.tell(
        format!("{what}, {at_once} at once: in a second"),
        format!("{:.0}", cost.per_second),
    );
    cost.tell(report, what, at_once);
    Ok(())
}

impl Cost {
    fn tell(&self, report: &mut Report, what: &str, at_once: usize) {
        report.tell(
            format!("{what}, {at_once} at once: connections"),
            self.connections.to_string(),
        );
        report.tell(
            format!("{what}, {at_once} at once: processor time of each"),
            format!("{} µs", self.cpu.as_micros()),
        );
    }
}

fn sink<S: ConfiguredSink>(config: Value) -> anyhow::Result<Arc<dyn Sink>> {
    let config = serde_json::from_value(config).context("the options have changed")?;
    let sink = S::configure(config, &SinkContext::new("measured"))?;
    Ok(Arc::new(sink))
}

/// Delivers to `sink` twice: once to count connections and to warm up, and once to measure. It runs on a thread of
/// its own, as in the engine.
async fn cost(
    sink: Arc<dyn Sink>,
    deliveries: usize,
    at_once: usize,
    connections: impl Fn() -> u64,
) -> anyhow::Result<Cost> {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("could not start the runtime")?;
        let notifications: Vec<_> = (0..deliveries).map(sample::numbered).collect();
        let deliver = || {
            let deliveries = futures::stream::iter(&notifications);
            let deliveries = deliveries.map(|one| sink.deliver(one));
            runtime.block_on(
                deliveries
                    .buffer_unordered(at_once)
                    .try_for_each(|_| std::future::ready(Ok(()))),
            )
        };
        deliver()?;
        let (begun, cpu) = (Instant::now(), thread_time()?);
        deliver()?;
        anyhow::Ok((begun.elapsed(), thread_time()? - cpu))
    };
    let (took, cpu) = tokio::task::spawn_blocking(run).await??;
    let n = u32::try_from(deliveries).context("they are few")?;
    Ok(Cost {
        connections: connections(),
        per_second: f64::from(n) / took.as_secs_f64(),
        cpu: cpu / n,
    })
}

/// Processor time of this thread so far, which Linux counts in nanoseconds.
fn thread_time() -> anyhow::Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat");
    let text = text.context("Linux tells no processor time of threads here")?;
    let nanoseconds = text.split(' ').next().context("a line of numbers")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_kind_of_sink_reuses_its_connections() {
        smswatch_testkit::install_tls_provider();
        let mut report = Report::default();
        measure_with(&mut report, 40).await.expect("all arrive");
        let told = report.to_string();
        for connections in [
            " 1 at once: connections | 1 |",
            " 16 at once: connections | 16 |",
        ] {
            assert_eq!(told.matches(connections).count(), 3, "{told}");
        }
    }
}
