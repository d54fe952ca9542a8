//! What history costs: the same work with a page of it and with very much, on SQLite and on Redis.

mod fill;
pub(super) mod pages;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use self::fill::{Amounts, fill};
use super::Programs;
use super::receiver::Receiver;
use super::redis::Redis;
use super::report::{Ledger, Report};
use super::simulator::Simulator;
use super::spread::Spread;
use super::subject::{CHANGES, Outlet, Plan, Subject};

/// What the store without history holds: enough for a page of everything.
const LITTLE: Amounts = Amounts {
    entries: 2_000,
    deliveries: 2_000,
    watches: 1_000,
};

/// What the full store holds besides.
const FULL: Amounts = Amounts {
    entries: 1_000_000,
    deliveries: 200_000,
    watches: 500_000,
};

/// How many messages are registered and then change.
const MESSAGES: u64 = 10_000;

/// How often each page is asked for in a round.
const REQUESTS: u32 = 100;

/// How many rounds of requests there are. What a page costs is that of the middle round: the rounds in which the service
/// trimmed its history, or counted it for its gauges, do not count.
const ROUNDS: usize = 10;

/// The gap between two polls of one message: long enough for every message to be polled once before the first one is
/// polled again, so that each figure has one poll in it.
const GAP: Duration = Duration::from_secs(20);

/// Polls that were answered, whatever they found.
const POLLS: &str = "smswatch_polls_total";

/// How many times as much something may cost with history as without.
const MOST: f64 = 1.3;

/// How long a page may take, in milliseconds: at least 98 of a hundred do.
const MOST_MILLIS: f64 = 10.0;

/// Differences of a request below this are of the clock, which counts processor time in steps of 10 ms.
const LEAST: Duration = Duration::from_micros(100);

/// Where everything is kept.
enum Keep {
    Sqlite(tempfile::TempDir),
    Redis(Redis),
}

impl Keep {
    fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Redis(_) => "Redis",
        }
    }

    fn path(directory: &tempfile::TempDir) -> PathBuf {
        directory.path().join("smswatch.db")
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(directory) => format!("sqlite:{}", Self::path(directory).display()),
            Self::Redis(redis) => redis.url(),
        }
    }

    /// Processor time of smswatch, and of Redis where there is one.
    fn cpu(&self, subject: &Subject) -> anyhow::Result<Duration> {
        let own = subject.process.cpu()?;
        Ok(match self {
            Self::Sqlite(_) => own,
            Self::Redis(redis) => own + redis.cpu()?,
        })
    }

    /// A smswatch that keeps everything there, a simulated Routee and a receiver.
    async fn start(&self, programs: &Programs) -> anyhow::Result<(Simulator, Receiver, Subject)> {
        let simulator = Simulator::start(programs)?;
        let receiver = Receiver::start().await?;
        let plan = Plan {
            simulator: &simulator,
            store: &self.url(),
            gap: GAP,
            outlets: &[Outlet::of(&receiver)],
            rules: &[],
        };
        let subject = Subject::start(programs, &plan)?;
        Ok((simulator, receiver, subject))
    }

    async fn fill(&self, amounts: Amounts, first: u64) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(directory) => {
                let store = smswatch_store_sqlite::SqliteStore::open(&Self::path(directory))?;
                fill(&store, amounts, first).await
            }
            Self::Redis(redis) => {
                let options = smswatch_store_redis::RedisOptions {
                    url: smswatch_plugin::Secret::new(redis.url()),
                    key_prefix: "smswatch".to_owned(),
                    shards: 16,
                };
                let (store, _) = smswatch_store_redis::RedisStore::open(options).await?;
                fill(&store, amounts, first).await
            }
        }
    }
}

/// What one kind of work costs.
struct Cost {
    what: &'static str,
    cpu: Duration,
    /// How long each request took, where it is about requests.
    times: Option<Spread>,
}

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    let directory = tempfile::tempdir().context("could not make a directory")?;
    for keep in [Keep::Sqlite(directory), Keep::Redis(Redis::start())] {
        eprintln!("measuring {} with little history", keep.name());
        keep.fill(LITTLE, 0).await?;
        let without = costs(programs, &keep, "without", report).await?;
        eprintln!("filling {}", keep.name());
        keep.fill(FULL, LITTLE.watches.max(LITTLE.deliveries))
            .await?;
        eprintln!("measuring {} with much history", keep.name());
        let with = costs(programs, &keep, "with", report).await?;
        for (without, with) in without.into_iter().zip(with) {
            tell(report, keep.name(), &without, &with);
        }
    }
    Ok(())
}

fn tell(report: &mut Report, store: &str, without: &Cost, with: &Cost) {
    let what = with.what;
    let microseconds = |cost: &Cost| cost.cpu.as_secs_f64() * 1e6;
    report.tell(
        format!("{store}, CPU of {what} without and with history"),
        format!("{:.0}, {:.0} µs", microseconds(without), microseconds(with)),
    );
    // There are a hundred times as many watches and events as requests in a round: a step of the clock makes no difference there.
    let least = match with.times {
        Some(_) => LEAST,
        None => Duration::from_micros(1),
    };
    let ratio = with.cpu.max(least).as_secs_f64() / without.cpu.max(least).as_secs_f64();
    report.at_most(
        format!("{store}, the same as a ratio, {what}"),
        ratio,
        MOST,
        "",
    );
    if let Some(times) = &with.times {
        let p98 = times.percentile(98);
        report.at_most(format!("{store}, p98 of {what}"), p98, MOST_MILLIS, "ms");
    }
}

/// Registers messages, lets them change, and asks for pages.
async fn costs(
    programs: &Programs,
    keep: &Keep,
    population: &'static str,
    report: &mut Report,
) -> anyhow::Result<Vec<Cost>> {
    let (simulator, receiver, subject) = keep.start(programs).await?;
    simulator.held(population, MESSAGES).await?;
    let each = |cpu: Duration| cpu / u32::try_from(MESSAGES).unwrap_or(u32::MAX);

    let before = keep.cpu(&subject)?;
    subject.watch(&simulator, population, MESSAGES).await?;
    subject.reaches(CHANGES, MESSAGES).await?;
    subject.empties("smswatch_unrouted").await?;
    let watch = each(keep.cpu(&subject)? - before);
    let first_polls = subject.count(POLLS).await?;

    let before = keep.cpu(&subject)?;
    simulator.advance(population, None).await?;
    let arrived = receiver.wait_for(MESSAGES).await?;
    subject.empties("smswatch_queue_depth").await?;
    let event = each(keep.cpu(&subject)? - before);
    report.tell(
        format!(
            "{}, polls of a message until it is known, and until it has changed",
            keep.name()
        ),
        format!(
            "{:.2}, {:.2}",
            polls_each(first_polls),
            polls_each(subject.count(POLLS).await? - first_polls)
        ),
    );
    let served = simulator.served(population).await?;
    report.balance(Ledger {
        part: "history",
        served: served.changes,
        events: subject.count(CHANGES).await?,
        alerts: served.changes - served.first_sights,
        received: arrived.unique,
        queued: subject.count("smswatch_queue_depth").await?,
    });

    let ids = simulator.ids(population, 0, 1).await?;
    let id = ids.lines().next().context("there are messages")?;
    let mut costs = vec![plain("a watch", watch), plain("an event", event)];
    for (what, path) in [
        ("a page of events", "/v1/events?limit=100".to_owned()),
        (
            "events of one kind",
            "/v1/events?type=smswatch.sink_down".to_owned(),
        ),
        (
            "events of one message",
            format!("/v1/events?message_id={id}"),
        ),
        (
            "a page of dead letters",
            "/v1/deliveries?state=dead".to_owned(),
        ),
        (
            "deliveries of one rule",
            "/v1/deliveries?rule=receiver&state=delivered".to_owned(),
        ),
        ("a page of watches", "/v1/watches?limit=100".to_owned()),
        ("show", format!("/v1/watches/{id}/timeline")),
        ("/metrics", "/metrics".to_owned()),
    ] {
        costs.push(requests(keep, &subject, what, &path).await?);
    }
    Ok(costs)
}

fn polls_each(polls: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let each = polls as f64 / MESSAGES as f64;
    each
}

fn plain(what: &'static str, cpu: Duration) -> Cost {
    Cost {
        what,
        cpu,
        times: None,
    }
}

async fn requests(
    keep: &Keep,
    subject: &Subject,
    what: &'static str,
    path: &str,
) -> anyhow::Result<Cost> {
    // The first request reads from a cold cache.
    subject.get(path).await?;
    let mut times = Vec::new();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let before = keep.cpu(subject)?;
        for _ in 0..REQUESTS {
            let started = Instant::now();
            subject.get(path).await?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        rounds.push(((keep.cpu(subject)? - before) / REQUESTS).as_secs_f64());
    }
    Ok(Cost {
        what,
        cpu: Duration::from_secs_f64(Spread::of(rounds)?.median()),
        times: Some(Spread::of(times)?),
    })
}
