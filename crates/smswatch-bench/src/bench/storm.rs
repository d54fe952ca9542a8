//! Everything changes at once: how fast the webhooks come, and what memory it takes.

use std::time::{Duration, Instant};

use super::Programs;
use super::report::Report;
use super::stage::Stage;

const MESSAGES: u64 = 40_000;

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("letting {MESSAGES} messages change at once");
    let stage = Stage::set(programs, Duration::from_secs(1)).await?;
    let (simulator, subject) = (&stage.simulator, &stage.subject);
    simulator.held("storm", MESSAGES).await?;
    subject.watch(simulator, "storm", MESSAGES).await?;
    stage.settles(MESSAGES).await?;
    let calm = subject.process.memory()?.resident;

    let cpu = subject.process.cpu()?;
    let started = Instant::now();
    simulator.advance("storm", None).await?;
    let arrived = stage.receiver.wait_for(MESSAGES).await?;
    let elapsed = arrived.last.duration_since(started);
    let cpu = subject.process.cpu()? - cpu;
    subject.empties("smswatch_queue_depth").await?;

    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let all = MESSAGES as f64;
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
    let highest = subject.process.memory()?.highest;
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
    report.balance(stage.ledger("storm", MESSAGES).await?);
    Ok(())
}
