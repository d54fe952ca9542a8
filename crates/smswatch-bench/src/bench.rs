//! `cargo xtask bench`: what smswatch costs, beside a simulated Routee and a real Redis, in one run.

mod bare;
mod child;
mod fleet;
mod history;
mod matching;
mod neighbors;
mod polls;
mod receiver;
mod redis;
mod report;
mod rules;
mod simulator;
mod sinks;
mod spread;
mod stage;
mod storm;
mod subject;
mod trickle;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

pub(crate) use bare::{COMMAND as BARE_LOOP, run as run_bare_loop};
use report::Report;

/// How many polls, and how many attempts at the sink, run at once.
const CONCURRENCY: usize = 64;

/// The part that plays days on a clock of its own, and has arguments of its own. It is not run with all others: it
/// measures no time.
const SOURCES: &str = "sources";

/// The programs that are measured, or that the measured one needs.
#[derive(Debug)]
struct Programs {
    smswatch: PathBuf,
    simulator: PathBuf,
    /// This program: the bare loop is a process of its own, so that its time can be told apart.
    bench: PathBuf,
}

impl Programs {
    /// The optimized ones beside `bench`.
    fn beside(bench: &Path) -> anyhow::Result<Self> {
        let directory = bench.parent().context("a program lies in a directory")?;
        Ok(Self {
            smswatch: directory.join("smswatch"),
            simulator: directory.join("routee-sim"),
            bench: bench.to_owned(),
        })
    }
}

/// Measures the programs beside this one; `arguments` name the parts to measure, all of them when there is
/// none, or [`SOURCES`] with its own arguments.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    if let Some((SOURCES, rest)) = arguments
        .split_first()
        .map(|(part, rest)| (part.as_str(), rest))
    {
        return smswatch_bench::sources::run(rest);
    }
    let parts = Part::read(arguments)?;
    let this = std::env::current_exe().context("could not find this program")?;
    if cfg!(debug_assertions) {
        bail!("figures of an unoptimized program mean nothing; `cargo xtask bench` builds another");
    }
    smswatch_testkit::install_tls_provider();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    let programs = Programs::beside(&this)?;
    let report = runtime.block_on(measure(&programs, &parts))?;
    print!("{report}");
    if report.is_void() {
        bail!("the ledger does not balance: this run is void");
    }
    Ok(())
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Polls that find nothing new, and what a watch takes.
    Polls,
    /// Everything changes at once.
    Storm,
    /// Two hundred changes a second.
    Trickle,
    /// Sinks in trouble beside a healthy one.
    Neighbors,
    /// Three replicas, of which two die.
    Fleet,
    /// The same work without and with much history, on both stores.
    History,
    /// The first byte of each page with much history, on both stores.
    Pages,
    /// Rules alone: few and many.
    Matching,
    /// The same changes with one rule and with twenty of all kinds.
    Rules,
    /// A delivery in each kind of sink.
    Sinks,
}

impl Part {
    const ALL: [Self; 10] = [
        Self::Polls,
        Self::Storm,
        Self::Trickle,
        Self::Neighbors,
        Self::Fleet,
        Self::History,
        Self::Pages,
        Self::Matching,
        Self::Rules,
        Self::Sinks,
    ];

    fn read(arguments: &[String]) -> anyhow::Result<Vec<Self>> {
        if arguments.is_empty() {
            return Ok(Self::ALL.to_vec());
        }
        let read = |word: &String| match word.as_str() {
            "polls" => Ok(Self::Polls),
            "storm" => Ok(Self::Storm),
            "trickle" => Ok(Self::Trickle),
            "neighbors" => Ok(Self::Neighbors),
            "fleet" => Ok(Self::Fleet),
            "history" => Ok(Self::History),
            "pages" => Ok(Self::Pages),
            "matching" => Ok(Self::Matching),
            "rules" => Ok(Self::Rules),
            "sinks" => Ok(Self::Sinks),
            other => bail!(
                "there is no part `{other}`: polls, storm, trickle, neighbors, fleet, history, pages, matching, rules, sinks, sources"
            ),
        };
        arguments.iter().map(read).collect()
    }
}

async fn measure(programs: &Programs, parts: &[Part]) -> anyhow::Result<Report> {
    let mut report = Report::default();
    for part in parts {
        match part {
            Part::Polls => polls::measure(programs, &mut report).await?,
            Part::Storm => storm::measure(programs, &mut report).await?,
            Part::Trickle => trickle::measure(programs, &mut report).await?,
            Part::Neighbors => neighbors::measure(programs, &mut report).await?,
            Part::Fleet => fleet::measure(programs, &mut report).await?,
            Part::History => history::measure(programs, &mut report).await?,
            Part::Pages => history::pages::measure(programs, &mut report).await?,
            Part::Matching => matching::measure(&mut report)?,
            Part::Rules => rules::measure(programs, &mut report).await?,
            Part::Sinks => sinks::measure(&mut report).await?,
        }
    }
    Ok(report)
}
