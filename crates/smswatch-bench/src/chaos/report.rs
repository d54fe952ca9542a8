//! What a run came to, as a table.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::account::Balance;
use super::faults::Counts;
use super::findings::Findings;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Report {
    /// What the plan followed from.
    pub seed: u64,
    /// How long it took, the quiet at the end included.
    pub took: Duration,
    /// The most resident memory that a replica took, in bytes.
    pub memory: u64,
    /// How many messages were registered.
    pub messages: u64,
    /// How often a replica was killed.
    pub kills: u64,
    /// How often a replica was stopped for longer than a lease.
    pub stops: u64,
    /// How often Redis was killed and started again.
    pub redis_kills: u64,
    /// How often connections to Redis were cut, stalled or refused.
    pub cuts: u64,
    /// How often a receiver began to hang.
    pub hangs: u64,
    /// How often a receiver went down.
    pub outages: u64,
    /// How often a replica took over another configuration.
    pub reloads: u64,
    /// How often it refused one.
    pub refusals: u64,
    /// How often the sinks of the default rules and those beside them were told of an event.
    pub told: u64,
    /// How often an event was counted in a notification that did not show it.
    pub omitted: u64,
    /// How often an event was held back from a sink with a reason.
    pub held_back: u64,
    /// How many requests the receivers got.
    pub requests: u64,
    /// How many events the archive told them, each once per receiver.
    pub events: u64,
    /// How many deliveries of the archive they took, each once.
    pub deliveries: u64,
    /// How often they took one that they had taken before.
    pub repeats: u64,
    /// How many final statuses changed again after they had been written, and had to arrive as well.
    pub passing_finals: u64,
    /// Statuses that did not arrive, and numbers that are missing.
    pub lost: Findings,
    /// What was told and never was, or does not follow from what was told before.
    pub untrue: Findings,
    /// Events and deliveries that came again, and not under the id or with the words of the first.
    pub unrecognizable: Findings,
    /// What was still waiting when patience ended.
    pub unfinished: Findings,
    /// Deliveries that were given up, and entries that could not be routed.
    pub given_up: Findings,
    /// Good configurations that were refused, and bad ones that were not.
    pub wrong_reloads: Findings,
    /// Replicas that ended without being killed.
    pub ends: Findings,
}

impl Report {
    /// One in which nothing happened yet but what was counted.
    pub(super) fn new(seed: u64, messages: u64, counts: Counts) -> Self {
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            seed,
            messages,
            kills: load(&counts.kills),
            stops: load(&counts.stops),
            redis_kills: load(&counts.redis_kills),
            cuts: load(&counts.cuts),
            hangs: load(&counts.hangs),
            outages: load(&counts.outages),
            reloads: load(&counts.reloads),
            refusals: load(&counts.refusals),
            wrong_reloads: counts.wrong_reloads.into_inner().unwrap_or_default(),
            ends: counts.ends.into_inner().unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Adds the account of what rules told.
    pub(super) fn settle(&mut self, balance: Balance) {
        let Balance {
            told,
            omitted,
            held_back,
            lost,
            untrue,
            doubled,
        } = balance;
        (self.told, self.omitted, self.held_back) = (told, omitted, held_back);
        self.lost.add_all(lost);
        self.untrue.add_all(untrue);
        self.unrecognizable.add_all(doubled);
    }

    /// Whether nothing was lost, nothing false was told, every repeat was recognizable, nothing waits
    /// or was given up at the end, reloads did what they should, and no replica ended by itself.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings().iter().all(|(_, found)| found.count == 0)
    }

    fn findings(&self) -> [(&'static str, &Findings); 7] {
        [
            ("lost", &self.lost),
            ("false", &self.untrue),
            ("repeats that cannot be recognized", &self.unrecognizable),
            ("still waiting", &self.unfinished),
            ("given up or set aside", &self.given_up),
            ("reloads that went wrong", &self.wrong_reloads),
            ("replicas that ended by themselves", &self.ends),
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [
            ("seed", self.seed),
            ("seconds", self.took.as_secs()),
            ("messages", self.messages),
            ("kills of replicas", self.kills),
            ("kills of Redis", self.redis_kills),
            ("replicas stopped past a lease", self.stops),
            ("cuts, stalls and refusals before Redis", self.cuts),
            ("hangs of a receiver", self.hangs),
            ("outages of a receiver", self.outages),
            ("configurations taken over", self.reloads),
            ("configurations refused", self.refusals),
            ("requests to receivers", self.requests),
            ("finals that changed again", self.passing_finals),
            ("events", self.events),
            ("deliveries", self.deliveries),
            ("told by other rules than the archive", self.told),
            ("counted in their notifications", self.omitted),
            ("held back with a reason", self.held_back),
        ];
        for (name, figure) in figures {
            row(f, name, &figure.to_string())?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let share = 100.0 * self.repeats as f64 / self.deliveries.max(1) as f64;
        row(f, "repeats", &format!("{} ({share:.2} %)", self.repeats))?;
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let megabytes = self.memory as f64 / 1e6;
        row(
            f,
            "resident memory of a replica, at most",
            &format!("{megabytes:.1} MB"),
        )?;
        for (name, found) in self.findings() {
            row(f, name, &found.count.to_string())?;
        }
        for (name, found) in self.findings() {
            for example in &found.examples {
                writeln!(f, "{name}: {example}")?;
            }
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, figure: &str) -> fmt::Result {
    writeln!(f, "| {name:<38} | {figure:>18} |")
}
