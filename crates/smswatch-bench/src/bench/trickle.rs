//! Two hundred changes a second: how long one takes from the answer read to the webhook received.

use std::time::Duration;

use super::Programs;
use super::report::Report;
use super::stage::Stage;

const MESSAGES: u64 = 4_000;
const PER_SECOND: f64 = 200.0;

/// The gap between two polls of one message.
const GAP: Duration = Duration::from_secs(2);

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("letting {PER_SECOND} messages a second change");
    let stage = Stage::set(programs, GAP).await?;
    stage.simulator.held("trickle", MESSAGES).await?;
    stage.watch_spread("trickle", MESSAGES).await?;
    stage.settles(MESSAGES).await?;

    let advance = stage.simulator.advance("trickle", Some(PER_SECOND));
    advance.await?;
    let arrived = stage.receiver.wait_for(MESSAGES).await?;
    stage.subject.empties("smswatch_queue_depth").await?;
    let ages = &arrived.ages;
    report.at_most(
        "p50 from answer read to webhook received",
        ages.median(),
        2.0,
        "ms",
    );
    report.at_most(
        "p99 from answer read to webhook received",
        ages.percentile(99),
        10.0,
        "ms",
    );
    report.tell("repeated webhooks", arrived.repeats.to_string());
    report.balance(stage.ledger("trickle", MESSAGES).await?);
    Ok(())
}
