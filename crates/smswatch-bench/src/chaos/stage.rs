//! One run from its start to its verdict: who takes part, what they do, what is compared.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use fastrand::Rng;
use smswatch_testkit::redis_server::RedisServer;
use tokio::sync::watch;

use super::Options;
use super::book::Book;
use super::faults::{self, Counts};
use super::leftovers;
use super::plan::Plan;
use super::receiver::{Mood, Receiver};
use super::replica::Replica;
use super::report::Report;
use super::rules::{self, ARCHIVES, Files, SINKS};
use super::settle::Books;
use super::story::{LONGEST_LIFE, Story};
use super::verdict::{Truth, judge};
use super::wanted::Wanted;
use crate::memory::Peak;
use smswatch_testkit::proxy::Proxy;

/// How long after the last fault everything must have arrived: a watch whose holder was killed waits
/// for its lease of 40 s, and its deliveries may do so again. Counted in polls, so that a machine
/// that was paused does not use it up.
const MOST_POLLS: u32 = 360;

/// How long after each other the polls are.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Plays one run.
pub(super) async fn play(binary: &Path, options: &Options) -> anyhow::Result<Report> {
    smswatch_testkit::install_tls_provider();
    let directory = tempfile::tempdir()?;
    let report = play_in(directory.path(), binary, options).await;
    if !report.as_ref().is_ok_and(Report::is_clean) {
        println!("logs and configurations: {}", directory.keep().display());
    }
    report
}

async fn play_in(directory: &Path, binary: &Path, options: &Options) -> anyhow::Result<Report> {
    let began = Instant::now();
    let mut rng = Rng::with_seed(options.seed);
    let plan = Plan::new(options.seed, options.length);
    let mut story = Story::start(options.seed)?;
    let redis = tokio::task::spawn_blocking(RedisServer::start).await?;
    let receivers = [
        Receiver::start().await?,
        Receiver::start().await?,
        Receiver::start().await?,
    ];
    let way_out = Proxy::start(receivers[2].address()).await?;
    let addresses = [
        receivers[0].address(),
        receivers[1].address(),
        way_out.address(),
    ];
    let redis_address = SocketAddr::from((Ipv4Addr::LOCALHOST, redis.port()));
    let ways_in = [
        Proxy::start(redis_address).await?,
        Proxy::start(redis_address).await?,
    ];
    let peak = Peak::default();
    let rules = rules::rules()?;
    let mut replicas = Vec::new();
    for (n, way_in) in ways_in.iter().enumerate() {
        let file = directory.join(format!("replica-{n}.yaml"));
        let files = Files::new(&story.sim.url(), way_in.address(), addresses, &rules);
        let mut replica = Replica::new(binary, file, files, peak.clone());
        replica.start().await?;
        replicas.push(replica);
    }
    let doors: Vec<_> = replicas.iter().map(Replica::door).collect();
    let names = [ARCHIVES, SINKS].concat();
    let mut account = Books::open(Wanted::all(&rules, &names)?, &doors).await?;
    let [first, second] = <[Replica; 2]>::try_from(replicas).ok().context("two")?;

    let counts = Counts::default();
    receivers[0].set_mood(Mood::Flaky);
    let [first_plan, second_plan] = plan.replicas;
    let [first_cuts, second_cuts] = plan.cuts;
    let mut fates = rng.fork();
    let (first, second, redis, told, (), (), (), ()) = tokio::join!(
        faults::of_replica(first, first_plan, &counts),
        faults::of_replica(second, second_plan, &counts),
        faults::of_redis(redis, plan.redis, &counts),
        story.tell(options.messages, options.length, &mut fates, &doors),
        faults::of_door(&ways_in[0], first_cuts, &counts.cuts),
        faults::of_door(&ways_in[1], second_cuts, &counts.cuts),
        faults::of_hanging(&receivers[1], plan.hangs, &counts),
        faults::of_door(&way_out, plan.outages, &counts.outages),
    );
    // They live until the verdict.
    let (mut first, mut second, _redis) = (first?, second?, redis?);
    told?;
    receivers[0].set_mood(Mood::Well);

    tokio::time::sleep(LONGEST_LIFE).await;
    let mut truth = story.truth()?;
    let waiting = quiet(&truth, &receivers, &doors).await;
    truth.served = story.served()?;
    for replica in [&mut first, &mut second] {
        counts.has_ended(replica);
    }
    let balance = account.settle(&receivers, &doors).await?;
    truth.other_numbers = account.other_numbers();
    let mut report = Report::new(options.seed, story.n_messages(), counts);
    for delivery in waiting {
        report.unfinished.add(|| delivery);
    }
    for list in [leftovers::DEAD, leftovers::SET_ASIDE] {
        let left = leftovers::ask(&doors, list).await;
        for one in left.unwrap_or_else(|| vec![format!("no replica answers with {list}")]) {
            report.given_up.add(|| one);
        }
    }
    let books = receivers.each_ref().map(Receiver::book);
    let books: Vec<(&str, &Book)> = ARCHIVES
        .into_iter()
        .zip(books.iter().map(|book| &**book))
        .collect();
    report.settle(balance);
    judge(&mut report, &truth, &books);
    report.took = began.elapsed();
    report.memory = peak.bytes();
    Ok(report)
}

/// Waits until everything has arrived and all queues are empty, or patience ends; returns which
/// deliveries wait even then.
async fn quiet(
    truth: &Truth,
    receivers: &[Receiver; 3],
    doors: &[watch::Receiver<Option<String>>],
) -> Vec<String> {
    let mut polls = 0;
    loop {
        polls += 1;
        let misses = |receiver: &Receiver| {
            let book = receiver.book();
            truth.must_arrive.iter().any(|fact| !book.has_taken(fact))
        };
        let is_complete = !receivers.iter().any(misses);
        // Asked afterwards: what is told before the last news is queued before it.
        let waiting = leftovers::ask(doors, leftovers::WAITING).await;
        let is_empty = waiting.as_ref().is_some_and(Vec::is_empty);
        if is_complete && is_empty || polls > MOST_POLLS {
            return waiting.unwrap_or_else(|| vec!["no replica answers".to_owned()]);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
