//! What the pages cost with much history: how long the first byte of each takes.

use std::time::Duration;

use anyhow::Context as _;

use super::{FULL, Keep};
use crate::bench::Programs;
use crate::bench::redis::Redis;
use crate::bench::report::Report;
use crate::bench::spread::Spread;

/// How many messages are watched besides, one of which has its story told.
const MESSAGES: u64 = 100;

const POPULATION: &str = "pages";

/// How often each page is asked for.
const VISITS: u32 = 100;

/// How long the first byte of a page may take, in milliseconds.
const MOST_MILLIS: f64 = 50.0;

/// The pages whose address is the same for everybody; the search finds nothing, so that it looks as far as it ever does.
const PAGES: [(&str, &str); 9] = [
    ("the first page", "/"),
    ("messages", "/messages"),
    (
        "a search that finds nothing",
        "/messages?label=no-such-label",
    ),
    ("deliveries", "/deliveries"),
    ("dead letters", "/deliveries?state=dead"),
    ("sinks", "/sinks"),
    ("silences", "/silences"),
    ("rules", "/rules"),
    ("campaigns", "/campaigns"),
];

/// Fills each store, and asks for the pages.
pub(in crate::bench) async fn measure(
    programs: &Programs,
    report: &mut Report,
) -> anyhow::Result<()> {
    let directory = tempfile::tempdir().context("could not make a directory")?;
    for keep in [Keep::Sqlite(directory), Keep::Redis(Redis::start())] {
        eprintln!("filling {}", keep.name());
        keep.fill(FULL, 0).await?;
        eprintln!("asking for pages on {}", keep.name());
        visits(programs, &keep, report).await?;
    }
    Ok(())
}

async fn visits(programs: &Programs, keep: &Keep, report: &mut Report) -> anyhow::Result<()> {
    let (simulator, receiver, subject) = keep.start(programs).await?;
    simulator.held(POPULATION, MESSAGES).await?;
    subject.watch(&simulator, POPULATION, MESSAGES).await?;
    simulator.advance(POPULATION, None).await?;
    receiver.wait_for(MESSAGES).await?;
    let ids = simulator.ids(POPULATION, 0, 1).await?;
    let id = ids.lines().next().context("there are messages")?;
    let story = format!("/messages/{id}");
    for (what, path) in PAGES
        .into_iter()
        .chain([("the story of a message", &*story)])
    {
        // The first request reads from a cold cache.
        subject.first_byte(path).await?;
        let before = keep.cpu(&subject)?;
        let mut times = Vec::new();
        for _ in 0..VISITS {
            times.push(subject.first_byte(path).await?.as_secs_f64() * 1e3);
        }
        let cpu = (keep.cpu(&subject)? - before) / VISITS;
        let store = keep.name();
        let times = Spread::of(times)?;
        let first_byte = format!("{store}, first byte of {what}");
        report.at_most(first_byte, times.percentile(50), MOST_MILLIS, "ms");
        let (p98, cpu) = (times.percentile(98), milliseconds(cpu));
        let besides = format!("{store}, the same, p98, and processor time of the page");
        report.tell(besides, format!("{p98:.1}, {cpu:.1} ms"));
    }
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
