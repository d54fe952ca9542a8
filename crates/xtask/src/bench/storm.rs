//! Everything changes at once: how fast the webhooks come, and what memory it takes.

use std::time::Instant;

use super::Programs;
use super::receiver::Receiver;
use super::redis::Redis;
use super::report::{Ledger, Report};
use super::simulator::Simulator;
use super::subject::{Plan, Subject};

const MESSAGES: u64 = 40_000;

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("letting {MESSAGES} messages change at once");
    let redis = Redis::start();
    let simulator = Simulator::start(programs)?;
    let receiver = Receiver::start().await?;
    let subject = Subject::start(
        programs,
        &Plan {
            simulator: &simulator,
            redis: &redis.url(),
            gap: "1s",
            webhook: Some(&receiver.url),
        },
    )?;
    simulator.held("storm", MESSAGES).await?;
    subject.watch(&simulator, "storm", MESSAGES).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let all = MESSAGES as f64;
    subject.reaches("smswatch_events_total", all).await?;
    subject.empties("smswatch_unrouted").await?;
    let (calm, _) = subject.process.memory()?;

    let cpu = subject.process.cpu()?;
    let started = Instant::now();
    simulator.advance("storm", None).await?;
    let arrived = receiver.wait_for(MESSAGES).await?;
    let elapsed = arrived.last.duration_since(started);
    let cpu = subject.process.cpu()? - cpu;
    subject.empties("smswatch_queue_depth").await?;

    report.at_least(
        "events a second, from change to webhook",
        all / elapsed.as_secs_f64(),
        8_000.0,
        "",
    );
    report.tell(
        "CPU per event, from change to webhook",
        format!("{:.0} µs", cpu.as_secs_f64() * 1e6 / all),
    );
    let (_, highest) = subject.process.memory()?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let [calm, highest] = [calm, highest].map(|bytes| bytes as f64 / 1e6);
    report.tell(
        format!("resident memory, {MESSAGES} watched, before the storm"),
        format!("{calm:.1} MB"),
    );
    report.at_most(
        "the same at its highest in the storm",
        highest,
        30.0 + 64.0 * all / 1e6,
        "MB",
    );
    report.balance(ledger("storm", MESSAGES, &simulator, &subject, &receiver).await?);
    Ok(())
}

/// Holds what was served against what was told and received; each message had one alert due.
pub(super) async fn ledger(
    part: &'static str,
    messages: u64,
    simulator: &Simulator,
    subject: &Subject,
    receiver: &Receiver,
) -> anyhow::Result<Ledger> {
    let served = simulator.served(part).await?;
    let arrived = receiver.wait_for(messages).await?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts"
    )]
    let [events, queued] = [
        subject.metric("smswatch_events_total").await? as u64,
        subject.metric("smswatch_queue_depth").await? as u64,
    ];
    Ok(Ledger {
        part,
        served: served.changes,
        events,
        alerts: served.changes - served.first_sights,
        received: arrived.unique,
        queued,
    })
}
