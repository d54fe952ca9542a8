//! Two hundred changes a second: how long one takes from the answer read to the webhook received.

use std::time::Duration;

use super::Programs;
use super::receiver::Receiver;
use super::redis::Redis;
use super::report::Report;
use super::simulator::Simulator;
use super::storm::ledger;
use super::subject::{Plan, Subject};

const MESSAGES: u64 = 4_000;
const PER_SECOND: f64 = 200.0;

/// The gap between two looks at one message.
const GAP: Duration = Duration::from_secs(2);

/// In how many parts the messages are registered.
const PARTS: u64 = 40;

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("letting {PER_SECOND} messages a second change");
    let redis = Redis::start();
    let simulator = Simulator::start(programs)?;
    let receiver = Receiver::start().await?;
    let subject = Subject::start(
        programs,
        &Plan {
            simulator: &simulator,
            redis: &redis.url(),
            gap: &format!("{}ms", GAP.as_millis()),
            webhook: Some(&receiver.url),
        },
    )?;
    simulator.held("trickle", MESSAGES).await?;
    // Spread over the gap, as messages are in life: registered at once they would all be looked at
    // in the same moment, and their changes come in bursts.
    for part in 0..PARTS {
        let count = MESSAGES / PARTS;
        subject
            .watch_some(&simulator, "trickle", part * count, count)
            .await?;
        tokio::time::sleep(GAP / u32::try_from(PARTS)?).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let all = MESSAGES as f64;
    subject.reaches("smswatch_events_total", all).await?;
    subject.empties("smswatch_unrouted").await?;

    simulator.advance("trickle", Some(PER_SECOND)).await?;
    let arrived = receiver.wait_for(MESSAGES).await?;
    subject.empties("smswatch_queue_depth").await?;
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    let percentile = |percent: usize| {
        let position = (arrived.ages.len() * percent / 100).min(arrived.ages.len() - 1);
        milliseconds(arrived.ages[position])
    };
    report.at_most(
        "p50 from answer read to webhook received",
        percentile(50),
        2.0,
        "ms",
    );
    report.at_most(
        "p99 from answer read to webhook received",
        percentile(99),
        10.0,
        "ms",
    );
    report.tell("repeated webhooks", arrived.repeats.to_string());
    report.balance(ledger("trickle", MESSAGES, &simulator, &subject, &receiver).await?);
    Ok(())
}
