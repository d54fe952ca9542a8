//! The messages of a run: their fates, their registration, and what is true of them at the end.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use fastrand::Rng;
use routee_sim::{Fate, FaultKind, FaultRule, MessageReport, MessageSpec, Sim, SimConfig, Step};
use tokio::sync::watch;

use super::book::Fact;
use super::ledger::{self, fact};
use super::registration::{client, register};
use super::turns;
use super::verdict::Truth;

/// Fates and their shares; each ends in a state that stays, so that it can be seen at any later
/// moment.
const FATES: [(Fate, u32); 20] = [
    (Fate::Delivered, 400),
    (Fate::CarrierViolation, 100),
    (Fate::UnknownNumber, 60),
    (Fate::UndeliveredOnHandset, 40),
    (Fate::Roaming, 20),
    (Fate::CallBarred, 20),
    (Fate::UnknownStatus, 20),
    (Fate::Expired, 20),
    (Fate::Failed, 60),
    (Fate::Unsent, 20),
    (Fate::MultiPart, 50),
    (Fate::MixedParts, 50),
    (Fate::LatePart, 20),
    (Fate::Flip, 30),
    (Fate::FlipBack, 30),
    (Fate::Refined, 30),
    (Fate::Stale, 30),
    (Fate::Late, 20),
    (Fate::UnknownWord, 15),
    (Fate::Stuck, 5),
];

/// The longest that any message takes to come to rest, counted from its acceptance; statuses that
/// flip do so within half of it.
pub(super) const LONGEST_LIFE: Duration = Duration::from_secs(8);

/// The fastest pace of a life. Finals that flip lie more than a second apart, so that their dates
/// tell which is the later one.
const FASTEST: f64 = 0.3;

/// How many messages are registered with one call at most.
const BATCH: usize = 200;

/// The pace of registrations.
const BEAT: Duration = Duration::from_millis(200);

/// A simulator with small troubles of its own, and the messages it was given.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) sim: Sim,
    ids: Vec<String>,
}

impl Story {
    /// Starts a simulator without messages.
    pub(super) fn start(seed: u64) -> anyhow::Result<Self> {
        let sim = Sim::start(SimConfig {
            seed,
            ..SimConfig::default()
        })?;
        let troubles = [
            FaultKind::Status {
                status: 503,
                body: None,
            },
            FaultKind::Reset,
            FaultKind::CutBody,
            FaultKind::Slow { ms: 700 },
        ];
        for kind in troubles {
            sim.add_fault(FaultRule {
                kind,
                probability: 0.004,
                ..FaultRule::default()
            });
        }
        Ok(Self {
            sim,
            ids: Vec::new(),
        })
    }

    /// Lets `count` messages begin their lives, spread over `length`, and registers each with
    /// whichever replica takes it. Beside them are some whose finals change as soon as they were seen.
    ///
    /// # Errors
    ///
    /// A registration was refused.
    pub(super) async fn tell(
        &mut self,
        count: usize,
        length: Duration,
        rng: &mut Rng,
        doors: &[watch::Receiver<Option<String>>],
    ) -> anyhow::Result<()> {
        let mut turns = rng.fork();
        let (begun, turned) = tokio::join!(
            self.begin(count, length, rng, doors),
            turns::play(&self.sim, length, &mut turns, doors),
        );
        self.ids.extend(begun?);
        self.ids.extend(turned?);
        Ok(())
    }

    /// How many messages there are.
    pub(super) fn n_messages(&self) -> u64 {
        self.ids.len() as u64
    }

    async fn begin(
        &self,
        count: usize,
        length: Duration,
        rng: &mut Rng,
        doors: &[watch::Receiver<Option<String>>],
    ) -> anyhow::Result<Vec<String>> {
        let client = client()?;
        let mut ids = Vec::with_capacity(count);
        let began = tokio::time::Instant::now();
        let mut beat = tokio::time::interval(BEAT);
        while ids.len() < count {
            beat.tick().await;
            let share = began.elapsed().as_secs_f64() / length.as_secs_f64();
            let wanted = ((share * as_f64(count)).ceil()).min(as_f64(count));
            let mut batch = Vec::new();
            while as_f64(ids.len() + batch.len()) < wanted && batch.len() < BATCH {
                let fate = draw(rng);
                let spec = MessageSpec {
                    time_scale: rng.f64().mul_add(1.0 - FASTEST, FASTEST),
                    operator: Some(operator(fate).to_owned()),
                    campaign_name: campaign(fate, rng),
                    label: rng.bool().then(|| "otp-login".to_owned()),
                    parts: match fate {
                        Fate::Stale => vec![overtaken().into()],
                        _ => Vec::new(),
                    },
                    ..fate.into()
                };
                batch.push(self.sim.register(spec)?);
            }
            if !batch.is_empty() {
                register(&client, doors, &batch, rng).await?;
                ids.append(&mut batch);
            }
        }
        Ok(ids)
    }

    /// What must have arrived by now: what every part ends with, and what was written on the way.
    pub(super) fn truth(&self) -> anyhow::Result<Truth> {
        let mut truth = Truth::default();
        for report in self.reports() {
            let report = report?;
            let ends = report.current.iter().map(|served| fact(&report.id, served));
            let ends: HashSet<Fact> = ends.collect();
            for served in ledger::written(&report) {
                let fact = fact(&report.id, served);
                if ledger::is_final(served) && !ends.contains(&fact) {
                    truth.passing_finals += 1;
                }
                truth.must_arrive.insert(fact);
            }
            truth.must_arrive.extend(ends);
        }
        Ok(truth)
    }

    /// Everything that the simulator served until now, with its dates.
    pub(super) fn served(&self) -> anyhow::Result<HashSet<(Fact, i64)>> {
        let mut facts = HashSet::new();
        for report in self.reports() {
            let report = report?;
            let served = report.served.iter();
            facts.extend(served.map(|one| (fact(&report.id, one), ledger::status(one).date)));
        }
        Ok(facts)
    }

    fn reports(&self) -> impl Iterator<Item = anyhow::Result<MessageReport>> {
        let report = |id: &String| self.sim.message(id).context("the simulator knows it");
        self.ids.iter().map(report)
    }
}

/// One operator brings hardly anything.
fn operator(fate: Fate) -> &'static str {
    match fate {
        Fate::Expired | Fate::UnknownStatus => "Poor Mobile",
        _ => "Example Mobile",
    }
}

/// Of one campaign, most numbers do not exist.
fn campaign(fate: Fate, rng: &mut Rng) -> Option<String> {
    let of_list = fate == Fate::UnknownNumber || rng.u8(..20) == 0;
    of_list.then(|| "win-back".to_owned())
}

/// An answer from before comes between two that are right, while its message is still polled
/// often; that of the simulator's own fate comes when it is final, and hardly ever meets a poll.
fn overtaken() -> Vec<Step> {
    let from_before = |after_ms, status, date_ms: i64| Step {
        date_offset_ms: date_ms - i64::try_from(after_ms).unwrap_or(0),
        ..Step::new(after_ms, status)
    };
    vec![
        Step::new(0, "Queued"),
        Step::new(1_000, "Sent"),
        from_before(2_500, "Queued", -3_500),
        from_before(4_500, "Sent", 1_000),
        Step::new(6_000, "Delivered"),
    ]
}

fn draw(rng: &mut Rng) -> Fate {
    let total: u32 = FATES.iter().map(|(_, weight)| weight).sum();
    let mut left = rng.u32(..total);
    for (fate, weight) in FATES {
        if left < weight {
            return fate;
        }
        left -= weight;
    }
    Fate::Delivered
}

#[expect(clippy::cast_precision_loss, reason = "some thousands of messages")]
fn as_f64(count: usize) -> f64 {
    count as f64
}
