//! Three replicas share the polls: how late one is, and what becomes of the work of two that die.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::Programs;
use super::report::{Ledger, Report};
use super::simulator::Course;
use super::spread::Spread;
use super::stage::Stage;
use super::subject::CHANGES;

const MESSAGES: u64 = 600;

/// The gap between two polls of one message, to which up to a tenth is added.
const GAP: Duration = Duration::from_secs(2);

/// How long the simulated Routee takes for an answer.
const LATENCY: Duration = Duration::from_millis(100);

/// How long the polls are watched.
const WINDOW: Duration = Duration::from_secs(30);

/// How many polls are under way when two replicas are killed.
const IN_HAND: u64 = 50;

/// By how much the clocks of Redis and of the simulator may seem to differ, each rounded.
const CLOCKS: Duration = Duration::from_millis(5);

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("polling {MESSAGES} messages with three replicas");
    let stage = Stage::set(programs, GAP).await?;
    let others = [stage.another(programs)?, stage.another(programs)?];
    let ids = stage.simulator.scripted(MESSAGES).await?;
    stage.simulator.answer_after(LATENCY).await?;
    let registered = epoch();
    stage.subject.watch_ids(&ids).await?;
    tokio::time::sleep(WINDOW).await;
    tell_polls(report, registered, &courses(&stage, &ids).await?)?;

    // Those who die have something in hand.
    stage.simulator.is_busy(IN_HAND).await?;
    let mut events = 0;
    for replica in &others {
        events += replica.count(CHANGES).await?;
    }
    let (killed, clock) = (Instant::now(), epoch());
    drop(others);
    for id in &ids {
        stage.simulator.move_on(id).await?;
    }
    let told = stage.receiver.wait_for(MESSAGES).await?;
    let courses = courses(&stage, &ids).await?;
    // The last replica had some in hand, which were final then, and had no need of another poll.
    let again = courses.iter().filter_map(|course| {
        let mut polls = course.polls.iter();
        polls.find(|poll| **poll > clock)
    });
    let again = Spread::of(again.map(|poll| (*poll - clock).as_secs_f64()))?;
    report.at_most(
        format!("two killed amid {IN_HAND} polls, until all messages were polled again"),
        again.highest(),
        45.0,
        "s",
    );
    report.at_most(
        "the same until the last status of every message was told",
        told.last.duration_since(killed).as_secs_f64(),
        45.0,
        "s",
    );
    let served = courses.iter().map(|course| course.changes_served).sum();
    events += stage.subject.count(CHANGES).await?;
    report.balance(Ledger {
        part: "fleet",
        served,
        events,
        alerts: served.saturating_sub(MESSAGES),
        received: told.unique + told.repeats,
        queued: stage.subject.count("smswatch_queue_depth").await?,
    });
    Ok(())
}

fn tell_polls(report: &mut Report, registered: Duration, courses: &[Course]) -> anyhow::Result<()> {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    let first = courses.iter().filter_map(|course| course.polls.first());
    let first = Spread::of(first.map(|poll| milliseconds(poll.saturating_sub(registered))))?;
    let gaps = courses.iter().flat_map(|course| course.polls.windows(2));
    let gaps = Spread::of(gaps.map(|pair| milliseconds(pair[1] - pair[0])))?;
    let [earliest, latest] = [GAP, GAP.mul_f64(1.1)].map(|gap| milliseconds(LATENCY + gap));
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let twice = gaps.below(earliest - milliseconds(CLOCKS)) as f64;
    report.at_most(
        "polled twice for one due time, three replicas",
        twice,
        0.0,
        "",
    );
    report.tell(
        format!("between two polls, when {earliest:.0} to {latest:.0} ms are due"),
        format!(
            "p50 {:.0}, p99 {:.0}, max {:.0} ms",
            gaps.median(),
            gaps.percentile(99),
            gaps.highest()
        ),
    );
    report.at_most(
        "the latest poll, later than due",
        (gaps.highest() - latest).max(0.0),
        1_000.0,
        "ms",
    );
    report.tell(
        format!("{MESSAGES} registered at once, until the last was polled"),
        format!("{:.0} ms", first.highest()),
    );
    Ok(())
}

async fn courses(stage: &Stage, ids: &[String]) -> anyhow::Result<Vec<Course>> {
    let mut courses = Vec::new();
    for id in ids {
        courses.push(stage.simulator.course(id).await?);
    }
    Ok(courses)
}

/// This machine's clock, which is also the simulator's.
fn epoch() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("this is later than 1970")
}
