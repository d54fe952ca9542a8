//! Polls that find nothing new: what one costs, how many there are a second, what a watch takes.

use std::time::{Duration, Instant};

use super::Programs;
use super::bare;
use super::redis::Redis;
use super::report::{Ledger, Report};
use super::simulator::{CHUNK, Simulator};
use super::subject::{CHANGES, Plan, Subject};

/// How long is measured at a time.
const WINDOW: Duration = Duration::from_secs(8);

/// Numbers of watched messages, each with a gap that keeps the process busy all the time.
const SIZES: [(u64, Duration); 3] = [
    (1_000, Duration::from_millis(20)),
    (10_000, Duration::from_millis(200)),
    (100_000, Duration::from_secs(1)),
];

/// What was measured with this many messages watched.
#[derive(Debug)]
struct Seen {
    /// Processor time of one poll.
    cost: Duration,
    /// The same of the bare loop, the mean of just before and just after.
    bare: Duration,
    polls_per_second: f64,
    resident: u64,
    calls_per_poll: f64,
    commands_per_poll: f64,
    redis_bytes: f64,
    ledger: Ledger,
}

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    let mut costs = Vec::new();
    for (count, gap) in SIZES {
        let seen = watch(programs, count, gap).await?;
        costs.push(seen.cost);
        tell(report, count, seen);
    }
    if let (Some(fewest), Some(most)) = (costs.first(), costs.last()) {
        report.at_most(
            "CPU per unchanged poll, 100,000 watched to 1,000",
            most.as_secs_f64() / fewest.as_secs_f64(),
            1.2,
            "",
        );
    }
    Ok(())
}

async fn watch(programs: &Programs, count: u64, gap: Duration) -> anyhow::Result<Seen> {
    eprintln!("polling {count} messages");
    let redis = Redis::start();
    let empty = redis.dataset_bytes()?;
    let simulator = Simulator::start(programs)?;
    simulator.still("still", count).await?;
    let plan = Plan {
        simulator: &simulator,
        store: &redis.url(),
        gap,
        outlets: &[],
        rules: &[],
    };
    let ids = simulator.ids("still", 0, CHUNK).await?;
    let before = bare::cost(programs, &simulator, &ids, WINDOW / 2)?;
    // The bare loop's polls were first sights of the simulator too: a ledger of its own begins.
    simulator.reset("still", count).await?;

    let subject = Subject::start(programs, &plan)?;
    subject.watch(&simulator, "still", count).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let all = count as f64;
    subject.reaches(CHANGES, count).await?;
    // The log of the first sights is history; it goes within a few rounds of trimming.
    subject
        .reaches("smswatch_trimmed_total", count / 100 * 98)
        .await?;

    let calls = redis.calls()?;
    let commands = redis.commands()?;
    let polls = subject.metric("smswatch_polls_total").await?;
    let cpu = subject.process.cpu()?;
    let started = Instant::now();
    tokio::time::sleep(WINDOW).await;
    let cpu = subject.process.cpu()? - cpu;
    let elapsed = started.elapsed();
    let polls = subject.metric("smswatch_polls_total").await? - polls;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let [calls, commands] =
        [redis.calls()? - calls, redis.commands()? - commands].map(|n| n as f64);

    let resident = subject.process.memory()?.resident;
    let served = simulator.served("still").await?;
    let events = subject.count(CHANGES).await?;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let redis_bytes = redis.dataset_bytes()?.saturating_sub(empty) as f64 / all;
    drop(subject);
    let after = bare::cost(programs, &simulator, &ids, WINDOW / 2)?;
    Ok(Seen {
        cost: cpu.div_f64(polls),
        bare: (before + after) / 2,
        polls_per_second: polls / elapsed.as_secs_f64(),
        resident,
        calls_per_poll: calls / polls,
        commands_per_poll: commands / polls,
        redis_bytes,
        ledger: Ledger {
            part: "polls",
            served: served.changes,
            events,
            alerts: 0,
            received: 0,
            queued: 0,
        },
    })
}

fn tell(report: &mut Report, count: u64, seen: Seen) {
    let watched = format!("{count} watched");
    let microseconds = |duration: Duration| duration.as_secs_f64() * 1e6;
    report.tell(
        format!("CPU per unchanged poll, {watched}"),
        format!(
            "{:.1} µs; bare loop {:.1} µs",
            microseconds(seen.cost),
            microseconds(seen.bare)
        ),
    );
    report.at_most(
        format!("the same to the bare loop, {watched}"),
        seen.cost.as_secs_f64() / seen.bare.as_secs_f64(),
        1.6,
        "",
    );
    report.tell(
        format!("polls a second, {watched}"),
        format!("{:.0}", seen.polls_per_second),
    );
    report.tell(
        format!("calls and commands in Redis per poll, {watched}"),
        format!(
            "{:.3} and {:.2}",
            seen.calls_per_poll, seen.commands_per_poll
        ),
    );
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (resident, most) = (seen.resident as f64 / 1e6, 30.0 + 64.0 * count as f64 / 1e6);
    report.at_most(format!("resident memory, {watched}"), resident, most, "MB");
    if count >= 10_000 {
        report.at_most(
            format!("bytes in Redis per message, {watched}"),
            seen.redis_bytes,
            250.0,
            "",
        );
    }
    report.balance(seen.ledger);
}
