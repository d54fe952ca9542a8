//! One sink hangs, one refuses everything and one is gone: what the healthy one notices of it.

use std::time::{Duration, Instant};

use serde_json::json;
use smswatch_testkit::proxy::Proxy;

use super::Programs;
use super::receiver::{Mood, Receiver};
use super::report::{Ledger, Report};
use super::spread::Spread;
use super::stage::Stage;
use super::subject::{CHANGES, Outlet};

/// Messages that change at once in each race.
const MESSAGES: u64 = 400;

/// The gap between two polls of one message, far below what is usual. A race is mostly waiting for it
/// even so; what comes behind the poll is told besides.
const GAP: Duration = Duration::from_millis(200);

/// Rounds that do not count: connections are opened, and memory is taken that stays.
const WARM_UP: usize = 2;

/// How often everything is measured.
const ROUNDS: usize = 8;

/// What messages are labeled with of which the neighbors hear too.
const SHARED: &str = "shared";

/// How many sinks are told of such a message.
const LISTENERS: u64 = 4;

/// How much memory may stay behind from the first round that counts to the last: what the allocator
/// keeps for itself differs by this much.
const ALLOCATOR: f64 = 2.0;

pub(super) async fn measure(programs: &Programs, report: &mut Report) -> anyhow::Result<()> {
    eprintln!("letting {MESSAGES} messages change beside sinks in trouble");
    let neighbors = Neighbors::start().await?;
    let stage = Stage::set_with(programs, GAP, &neighbors.outlets(), &[]).await?;
    let mut meeting = Meeting {
        stage,
        races: 0,
        ledger: Ledger {
            part: "neighbors",
            served: 0,
            events: 0,
            alerts: 0,
            received: 0,
            queued: 0,
        },
    };
    let mut rounds = Vec::new();
    for round in 0..WARM_UP + ROUNDS {
        rounds.push(meeting.round(round, &neighbors).await?);
    }
    tell(report, &rounds.split_off(WARM_UP))?;
    let highest = meeting.stage.subject.process.memory()?.highest;
    report.tell(
        "the same at its highest",
        format!("{:.1} MB", megabytes(highest)),
    );
    report.balance(meeting.ledger(&neighbors).await?);
    Ok(())
}

fn tell(report: &mut Report, rounds: &[Round]) -> anyhow::Result<()> {
    let alone = Races::of(rounds.iter().map(|round| &round.alone))?;
    let crowd = Races::of(rounds.iter().map(|round| &round.crowd))?;
    let onset = Races::of(rounds.iter().map(|round| &round.onset))?;
    let ill = Races::of(rounds.iter().map(|round| &round.ill))?;
    alone.tell(report, "the healthy sink alone");
    crowd.tell(report, "beside three that are well");
    onset.tell(report, "beside three that fall ill");
    ill.tell(report, "beside three that are ill");
    for (condition, races) in [("fall", &onset), ("are", &ill)] {
        report.at_most(
            format!("the median beside three that {condition} ill, to the one alone"),
            races.took.median() / alone.took.median(),
            1.1,
            "",
        );
    }
    let resident = |round: Option<&Round>| megabytes(round.map_or(0, |round| round.resident));
    let (first, last) = (resident(rounds.first()), resident(rounds.last()));
    report.tell(
        "resident memory after the first and the last round",
        format!("{first:.1}, {last:.1} MB"),
    );
    report.at_most("what it grew by", last - first, ALLOCATOR, "MB");
    Ok(())
}

/// What all races under one condition came to.
#[derive(Debug)]
struct Races {
    took: Spread,
    p50: Spread,
    p99: Spread,
}

impl Races {
    fn of<'a>(races: impl Iterator<Item = &'a Race> + Clone) -> anyhow::Result<Self> {
        Ok(Self {
            took: Spread::of(races.clone().map(|race| race.took))?,
            p50: Spread::of(races.clone().map(|race| race.p50))?,
            p99: Spread::of(races.map(|race| race.p99))?,
        })
    }

    fn tell(&self, report: &mut Report, condition: &str) {
        let Self { took, p50, p99 } = self;
        report.tell(
            format!("from change to the last of {MESSAGES} webhooks, {condition}"),
            format!(
                "{:.0}, {:.0}, {:.0} ms (least, median, most)",
                took.least(),
                took.median(),
                took.highest()
            ),
        );
        report.tell(
            format!("from answer read to webhook received, {condition}"),
            format!("p50 {:.1}, p99 {:.1} ms", p50.median(), p99.median()),
        );
    }
}

/// As many messages four times over: for the healthy sink alone, and for all of them while the others
/// are well, as they fall ill, and when they are.
#[derive(Debug)]
struct Round {
    alone: Race,
    crowd: Race,
    onset: Race,
    ill: Race,
    /// Resident memory when all queues are empty again.
    resident: u64,
}

/// How long the healthy sink's webhooks took, in milliseconds.
#[derive(Debug)]
struct Race {
    /// From the first change to the last webhook.
    took: f64,
    /// From the answer read to the webhook received.
    p50: f64,
    p99: f64,
}

/// What runs in all rounds, and what was due so far.
#[derive(Debug)]
struct Meeting {
    stage: Stage,
    races: u64,
    ledger: Ledger,
}

impl Meeting {
    async fn round(&mut self, round: usize, neighbors: &Neighbors) -> anyhow::Result<Round> {
        let alone = self.race(&format!("alone-{round}"), None, || {}).await?;
        let crowd = format!("crowd-{round}");
        let crowd = self.race(&crowd, Some(SHARED), || {}).await?;
        let onset = format!("onset-{round}");
        let onset = self
            .race(&onset, Some(SHARED), || neighbors.fall_ill())
            .await?;
        let open = "smswatch_breaker_open";
        self.stage.subject.reaches(open, LISTENERS - 1).await?;
        let ill = self
            .race(&format!("ill-{round}"), Some(SHARED), || {})
            .await?;
        neighbors.recover();
        self.stage.subject.empties("smswatch_queue_depth").await?;
        self.stage.subject.empties(open).await?;
        let resident = self.stage.subject.process.memory()?.resident;
        Ok(Round {
            alone,
            crowd,
            onset,
            ill,
            resident,
        })
    }

    /// Lets the messages of a new population change at once, just after `before`.
    async fn race(
        &mut self,
        population: &str,
        label: Option<&str>,
        before: impl FnOnce(),
    ) -> anyhow::Result<Race> {
        let Stage {
            subject,
            simulator,
            receiver,
            ..
        } = &self.stage;
        let events = self.races * 2 * MESSAGES + MESSAGES;
        self.races += 1;
        simulator.held_as(population, MESSAGES, label).await?;
        self.stage.watch_spread(population, MESSAGES).await?;
        self.stage.settles(events).await?;
        receiver.forget_ages();
        before();
        let started = Instant::now();
        simulator.advance(population, None).await?;
        let arrived = receiver.wait_for(self.races * MESSAGES).await?;
        subject.reaches(CHANGES, events + MESSAGES).await?;

        let served = simulator.served(population).await?;
        let alerts = served.changes - served.first_sights;
        let listeners = if label.is_some() { LISTENERS } else { 1 };
        self.ledger.served += served.changes;
        self.ledger.alerts += alerts * listeners;
        Ok(Race {
            took: arrived.last.duration_since(started).as_secs_f64() * 1e3,
            p50: arrived.ages.median(),
            p99: arrived.ages.percentile(99),
        })
    }

    /// A repeat counts for the healthy sink, which must get everything exactly once; the others
    /// may have taken what they did not say that they took.
    async fn ledger(self, neighbors: &Neighbors) -> anyhow::Result<Ledger> {
        let (unique, repeats) = self.stage.receiver.tally();
        let others: u64 = neighbors.receivers().map(|other| other.tally().0).sum();
        Ok(Ledger {
            events: self.stage.subject.count(CHANGES).await?,
            received: unique + repeats + others,
            queued: self.stage.subject.count("smswatch_queue_depth").await?,
            ..self.ledger
        })
    }
}

/// The sinks that fall ill, each in its own way.
#[derive(Debug)]
struct Neighbors {
    hanging: Receiver,
    refusing: Receiver,
    gone: Receiver,
    way_to_gone: Proxy,
}

impl Neighbors {
    async fn start() -> anyhow::Result<Self> {
        let gone = Receiver::start().await?;
        Ok(Self {
            hanging: Receiver::start().await?,
            refusing: Receiver::start().await?,
            way_to_gone: Proxy::start(gone.address).await?,
            gone,
        })
    }

    fn receivers(&self) -> impl Iterator<Item = &Receiver> {
        [&self.hanging, &self.refusing, &self.gone].into_iter()
    }

    fn fall_ill(&self) {
        self.hanging.set_mood(Mood::Hanging);
        self.refusing.set_mood(Mood::Refusing);
        self.way_to_gone.close();
    }

    fn recover(&self) {
        self.hanging.set_mood(Mood::Well);
        self.refusing.set_mood(Mood::Well);
        self.way_to_gone.open();
    }

    fn outlets(&self) -> [Outlet; 3] {
        let outlet = |name, url: &str| Outlet {
            name,
            url: url.to_owned(),
            label: Some(SHARED),
            settings: json!({
                // A round is to see the breakers open and close.
                "concurrency": 8,
                "timeout": "1s",
                "breaker": {"failures": 5, "probe": "1s"},
                "retry": {"schedule": ["1s"], "give_up_after": "24h"},
            }),
        };
        let way_to_gone = format!("http://{}/hook", self.way_to_gone.address());
        [
            outlet("hanging", &self.hanging.url),
            outlet("refusing", &self.refusing.url),
            outlet("gone", &way_to_gone),
        ]
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
