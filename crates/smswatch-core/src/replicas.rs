//! Which processes share the store, who comes first in which shard, whether they all run with the same
//! configuration, and what they leave of the calls that the provider's limit allows them together.
//!
//! Each announces itself in one memo; who has not done so for a while is gone, however it ended.
//! No process owns a shard: leases alone keep processes apart. But if all were to claim what is due at
//! the same moment, the quickest by a hair would do all the work, so each comes first in its share of
//! the shards, and a little later in the others, if no other process has come.

mod calls;
mod shard_share;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use smswatch_model::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};

use self::calls::RecentCalls;
use self::shard_share::ShardShare;
use crate::context::Context;
use crate::form;
use crate::health::REPLICAS;
use crate::inbox::PollInbox;
use crate::memo::{Decision, Memo};
use crate::store::StoreError;

/// The memo's name.
const MEMO: &str = "replicas";

/// How often a process reads who the others are.
const BEAT: Duration = Duration::from_secs(2);

/// How often it announces itself.
const RENEWAL: Duration = Duration::from_secs(5);

/// After how long of silence a process is gone.
const SILENCE: Duration = Duration::from_secs(15);

const FORMAT: u8 = 1;

/// What the processes that share a store announce of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Roster(BTreeMap<String, Announcement>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Announcement {
    config_hash: u64,
    at: Timestamp,
    /// How many calls of the provider's API it made in the last minute.
    #[serde(default)]
    calls: u64,
    /// What a later version announces besides.
    #[serde(flatten)]
    other: serde_json::Map<String, serde_json::Value>,
}

impl Roster {
    /// Reads what [`Self::encode`] wrote; `None` if another version wrote it.
    fn decode(bytes: &[u8]) -> Option<Self> {
        form::decode(FORMAT, bytes)
    }

    fn encode(&self) -> Vec<u8> {
        form::encode(FORMAT, self)
    }

    /// Forgets who has been silent too long.
    fn prune(&mut self, now: Timestamp) {
        self.0
            .retain(|_, announced| now.since(announced.at) <= SILENCE);
    }

    /// Announces a process where that is due; returns whether it was.
    fn announce(&mut self, process: &str, config_hash: u64, calls: u64, now: Timestamp) -> bool {
        let is_fresh = self.0.get(process).is_some_and(|announced| {
            announced.config_hash == config_hash && now.since(announced.at) < RENEWAL
        });
        if !is_fresh {
            let announcement = Announcement {
                config_hash,
                at: now,
                calls,
                other: serde_json::Map::new(),
            };
            self.0.insert(process.to_owned(), announcement);
        }
        !is_fresh
    }

    /// How many calls all processes made together in the last minute.
    fn calls(&self) -> u64 {
        self.0.values().map(|announced| announced.calls).sum()
    }

    /// The shards in which a process comes first: every process the same number, or one more.
    fn shard_share(&self, process: &str) -> ShardShare {
        let place = self.0.keys().position(|name| name == process);
        place.map_or(ShardShare::ALL, |place| {
            ShardShare::new(place, self.0.len())
        })
    }

    /// What is wrong when not all have the `config_hash` of `process`, which may be about to announce it.
    fn trouble(&self, process: &str, config_hash: u64) -> Option<String> {
        let others = self.0.iter().filter(|(name, _)| *name != process);
        let hashes = others.map(|(_, announced)| announced.config_hash);
        let mut others: Vec<u64> = hashes.filter(|hash| *hash != config_hash).collect();
        let (n_others, n_all) = (others.len(), self.0.len());
        others.sort_unstable();
        others.dedup();
        let others: Vec<_> = others.iter().map(u64::to_string).collect();
        let run = if n_others == 1 { "runs" } else { "run" };
        (n_others > 0).then(|| {
            format!(
                "{n_others} of {n_all} replicas {run} with another configuration: config_hash {} \
                 there, {config_hash} here",
                others.join(" and "),
            )
        })
    }
}

/// What sharing the work touches.
#[derive(Debug)]
pub(crate) struct Replicas {
    pub(crate) context: Arc<Context>,
    pub(crate) polls: Arc<PollInbox>,
}

/// Announces this process, reads who the others are, and shares the work with them; runs until it is cancelled.
pub(crate) async fn run(stage: Arc<Replicas>) {
    let mut beat = tokio::time::interval(BEAT);
    let mut ask = tokio::time::interval(shard_share::ASK);
    for interval in [&mut beat, &mut ask] {
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let mut shard_share = ShardShare::ALL;
    let mut recent_calls = RecentCalls::default();
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            _ = ask.tick() => {
                shard_share.ask(&stage);
                continue;
            }
        }
        let metrics = &stage.context.metrics;
        let calls = recent_calls.note(metrics.provider_calls.get(), Instant::now());
        let Ok(roster) = announce(&stage, calls).await else {
            continue;
        };
        let allowed = stage
            .context
            .settings()
            .provider
            .rate
            .permits_in(calls::SPAN);
        let left = allowed.saturating_sub(roster.calls());
        metrics
            .provider_calls_left
            .set(i64::try_from(left).unwrap_or(i64::MAX));
        let changed = roster.shard_share(&stage.context.process);
        if changed != shard_share {
            shard_share = changed;
            shard_share.settle(&stage);
        }
        let config_hash = stage.context.settings().config_hash;
        match roster.trouble(&stage.context.process, config_hash) {
            Some(trouble) => stage.context.health.trouble(REPLICAS, &trouble),
            None => stage.context.health.well(REPLICAS),
        }
    }
}

/// Takes this process out of the roster: it ends in order.
pub(crate) async fn leave(stage: &Replicas) {
    let leaving = change(stage, |roster, _| {
        roster.0.remove(&stage.context.process).is_some()
    });
    // Who cannot say so is silent from now on.
    if let Err(error) = leaving.await {
        tracing::debug!(%error, "could not take leave of the other replicas");
    }
}

async fn announce(stage: &Replicas, calls: u64) -> Result<Roster, StoreError> {
    let config_hash = stage.context.settings().config_hash;
    change(stage, |roster, now| {
        roster.announce(&stage.context.process, config_hash, calls, now)
    })
    .await
}

/// Changes the roster, if `edit` says that it did; returns how it is then.
async fn change(
    stage: &Replicas,
    edit: impl Fn(&mut Roster, Timestamp) -> bool,
) -> Result<Roster, StoreError> {
    let context = &stage.context;
    let memo = Memo::new(context, MEMO, FORMAT, Roster::decode, Roster::encode);
    let change = memo.change(context, |found| {
        let now = context.clock.now();
        let mut roster = found.value.unwrap_or_default();
        roster.prune(now);
        if !edit(&mut roster, now) {
            return Decision::Leave(roster);
        }
        Decision::Write {
            value: roster.clone(),
            entries: Vec::new(),
            answer: roster,
        }
    });
    change.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Shard;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(1_777_636_800 + second)
    }

    #[test]
    fn an_announcement_is_renewed_now_and_then_and_when_the_configuration_changes() {
        let mut roster = Roster::default();
        assert!(roster.announce("a", 1, 0, at(0)));
        assert!(!roster.announce("a", 1, 0, at(4)));
        assert!(roster.announce("a", 2, 0, at(4)));
        assert!(!roster.announce("a", 2, 0, at(8)));
        assert!(roster.announce("a", 2, 0, at(9)));
        assert_eq!(Roster::decode(&roster.encode()), Some(roster));
    }

    #[test]
    fn replicas_that_differ_are_told_until_they_are_silent() {
        let mut roster = Roster::default();
        roster.announce("a", 11, 0, at(0));
        assert_eq!(roster.trouble("a", 11), None);
        assert_eq!(roster.trouble("a", 12), None, "it announces that next");
        roster.announce("b", 11, 0, at(0));
        roster.announce("c", 22, 0, at(10));
        assert_eq!(
            roster.trouble("a", 11).as_deref(),
            Some("1 of 3 replicas runs with another configuration: config_hash 22 there, 11 here")
        );
        assert_eq!(
            roster.trouble("c", 22).as_deref(),
            Some("2 of 3 replicas run with another configuration: config_hash 11 there, 22 here")
        );
        roster.announce("a", 11, 0, at(20));
        roster.prune(at(25));
        assert!(roster.trouble("a", 11).is_some(), "c was heard 15 s ago");
        roster.prune(at(26));
        assert_eq!(roster.trouble("a", 11), None);
    }

    #[test]
    fn the_calls_of_all_are_added_and_those_of_an_earlier_version_are_none() {
        let earlier = b"\x01{\"b\":{\"config_hash\":11,\"at\":\"2026-05-01T12:00:00Z\"}}";
        let mut roster = Roster::decode(earlier).expect("a roster");
        roster.announce("a", 11, 300, at(0));
        roster.announce("c", 11, 7, at(1));
        assert_eq!(roster.calls(), 307);
    }

    #[test]
    fn every_shard_has_one_process_that_comes_first_and_all_have_as_many() {
        let mut roster = Roster::default();
        assert_eq!(roster.shard_share("a"), ShardShare::ALL);
        for process in ["a", "b", "c"] {
            roster.announce(process, 11, 0, at(0));
        }
        let parts = ["a", "b", "c"].map(|process| roster.shard_share(process));
        for shard in (0..16).map(Shard) {
            assert_eq!(
                parts
                    .iter()
                    .filter(|shard_share| shard_share.has(shard))
                    .count(),
                1
            );
        }
        let shares = parts.map(|shard_share| {
            (0..16)
                .filter(|shard| shard_share.has(Shard(*shard)))
                .count()
        });
        assert_eq!(shares, [6, 5, 5]);
    }

    #[test]
    fn what_a_later_version_announces_besides_is_kept() {
        let later =
            b"\x01{\"b\":{\"config_hash\":11,\"at\":\"2026-05-01T12:00:00Z\",\"zone\":\"x\"}}";
        let mut roster = Roster::decode(later).expect("a roster");
        roster.announce("a", 11, 0, at(0));
        let written = String::from_utf8(roster.encode()).expect("text");
        assert!(written.contains("\"zone\":\"x\""), "{written}");
    }

    #[test]
    fn what_another_version_wrote_is_not_read() {
        for bytes in [&b""[..], b"\x02{}", b"\x01["] {
            assert_eq!(Roster::decode(bytes), None);
        }
    }
}
