//! What most parts begin with: Redis, a simulated Routee, a receiver, and smswatch between them.

use std::time::Duration;

use serde_json::Value;

use super::Programs;
use super::receiver::Receiver;
use super::redis::Redis;
use super::report::Ledger;
use super::simulator::{Served, Simulator};
use super::subject::{CHANGES, Outlet, Plan, Subject};

/// In how many parts messages are registered that are to be spread over a gap.
const PARTS: u32 = 40;

/// A smswatch that watches and tells, with everything around it.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) subject: Subject,
    pub(super) simulator: Simulator,
    pub(super) receiver: Receiver,
    redis: Redis,
    gap: Duration,
}

impl Stage {
    /// Starts it; polls of one message are `gap` apart.
    pub(super) async fn set(programs: &Programs, gap: Duration) -> anyhow::Result<Self> {
        Self::set_with(programs, gap, &[], &[]).await
    }

    /// Starts it with sinks besides the one that is measured, and with rules below those of the sinks.
    pub(super) async fn set_with(
        programs: &Programs,
        gap: Duration,
        neighbors: &[Outlet],
        rules: &[Value],
    ) -> anyhow::Result<Self> {
        let redis = Redis::start();
        let simulator = Simulator::start(programs)?;
        let receiver = Receiver::start().await?;
        let mut outlets = vec![Outlet::of(&receiver)];
        outlets.extend_from_slice(neighbors);
        let plan = Plan {
            simulator: &simulator,
            store: &redis.url(),
            gap,
            outlets: &outlets,
            rules,
        };
        Ok(Self {
            subject: Subject::start(programs, &plan)?,
            simulator,
            receiver,
            redis,
            gap,
        })
    }

    /// Starts one more replica on the same Redis.
    pub(super) fn another(&self, programs: &Programs) -> anyhow::Result<Subject> {
        let plan = Plan {
            simulator: &self.simulator,
            store: &self.redis.url(),
            gap: self.gap,
            outlets: &[Outlet::of(&self.receiver)],
            rules: &[],
        };
        Subject::start(programs, &plan)
    }

    /// Registers the messages of a population a few at a time, spread over the gap, as they are in
    /// life: registered at once they would all be polled in the same moment, and their changes
    /// come in bursts.
    pub(super) async fn watch_spread(&self, population: &str, count: u64) -> anyhow::Result<()> {
        for part in 0..u64::from(PARTS) {
            let [from, to] = [part, part + 1].map(|part| count * part / u64::from(PARTS));
            self.subject
                .watch_some(&self.simulator, population, from, to - from)
                .await?;
            tokio::time::sleep(self.gap / PARTS).await;
        }
        Ok(())
    }

    /// Waits until `events` were made in all, and have been routed.
    pub(super) async fn settles(&self, events: u64) -> anyhow::Result<()> {
        self.subject.reaches(CHANGES, events).await?;
        self.subject.empties("smswatch_unrouted").await
    }

    /// Holds what was served against what was told and received; each of `messages` had one alert
    /// due.
    pub(super) async fn ledger(&self, part: &'static str, messages: u64) -> anyhow::Result<Ledger> {
        let Served {
            changes,
            first_sights,
        } = self.simulator.served(part).await?;
        let arrived = self.receiver.wait_for(messages).await?;
        Ok(Ledger {
            part,
            served: changes,
            events: self.subject.count(CHANGES).await?,
            alerts: changes - first_sights,
            received: arrived.unique,
            queued: self.subject.count("smswatch_queue_depth").await?,
        })
    }
}
