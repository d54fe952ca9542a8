//! Messages whose final changes again once it was seen, whenever a busy machine comes to see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use fastrand::Rng;
use routee_sim::{MessageReport, MessageSpec, Sim, Step};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::ledger;
use super::registration::{client, register};

/// How many of them live at a time.
const AT_A_TIME: usize = 3;

/// How many follow on each other after the end of a run's faults as long as none was seen with both finals.
const MORE: u32 = 5;

/// How long after each other the looks at a message are; it must turn before its final is confirmed.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// How long a look is waited for: twice the lease of a watch whose holder was killed.
const MOST: Duration = Duration::from_secs(80);

/// Registers some messages after each other for `length`, and lets the final of each change when it was seen. Goes on
/// until one of them was told on the way, as long as there is hope. Returns their ids.
///
/// # Errors
///
/// A registration was refused.
pub(super) async fn play(
    sim: &Sim,
    length: Duration,
    rng: &mut Rng,
    doors: &[watch::Receiver<Option<String>>],
) -> anyhow::Result<Vec<String>> {
    let end = Instant::now() + length;
    let has_passed = AtomicBool::new(false);
    let client = client()?;
    let lane = |_| follow(sim, &client, end, rng.fork(), doors, &has_passed);
    let lanes: Vec<_> = (0..AT_A_TIME).map(lane).collect();
    let ids = futures::future::try_join_all(lanes).await?;
    Ok(ids.concat())
}

/// One after the other.
async fn follow(
    sim: &Sim,
    client: &reqwest::Client,
    end: Instant,
    mut rng: Rng,
    doors: &[watch::Receiver<Option<String>>],
    has_passed: &AtomicBool,
) -> anyhow::Result<Vec<String>> {
    let mut ids = Vec::new();
    let mut more = 0;
    while Instant::now() < end || more < MORE && !has_passed.load(Ordering::Relaxed) {
        more += u32::from(Instant::now() >= end);
        let id = sim.register(turning())?;
        register(client, doors, std::slice::from_ref(&id), &mut rng).await?;
        let report = seen(sim, &id, 1).await?;
        // One that was asked about again is confirmed, and nobody looks any more.
        if ledger::written(&report).is_empty() {
            sim.advance_message(&id)?;
            let report = seen(sim, &id, 2).await?;
            let is_told = !ledger::written(&report).is_empty();
            has_passed.fetch_or(is_told, Ordering::Relaxed);
        }
        ids.push(id);
    }
    Ok(ids)
}

/// A final, and another one when it is told to change. The later one's date is later whatever the second.
fn turning() -> MessageSpec {
    let first =
        Step::new(0, "Undelivered").because("Undelivered on Handset", "The handset is off.");
    let second = Step {
        date_offset_ms: 2_000,
        ..Step::new(0, "Delivered")
    };
    MessageSpec {
        parts: vec![vec![first, second].into()],
        hold: true,
        ..MessageSpec::default()
    }
}

/// Waits until so many statuses of a message were served, or nobody comes to look.
async fn seen(sim: &Sim, id: &str, n_served: usize) -> anyhow::Result<MessageReport> {
    let since = Instant::now();
    loop {
        let report = sim.message(id).context("the simulator knows it")?;
        if report.served.len() >= n_served || since.elapsed() >= MOST {
            return Ok(report);
        }
        sleep(BETWEEN_LOOKS).await;
    }
}
