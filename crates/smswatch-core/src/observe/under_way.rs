//! The claims that are under way, how much they may bring, and which shards have failed.

use std::collections::HashMap;
use std::time::Duration;

use super::Queue;
use crate::backoff::Backoff;
use crate::store::Shard;

/// How many watches are asked of a shard whose latest claim failed: were it to hang, these would be the
/// room that it keeps from others.
const FEW: usize = 4;

/// The claims that are under way.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    claims: HashMap<Queue, Claim>,
    failing: HashMap<Shard, Backoff>,
}

#[derive(Debug)]
struct Claim {
    limit: usize,
    /// More may have become due meanwhile.
    is_due_again: bool,
}

impl UnderWay {
    /// How many watches they may bring together.
    pub(super) fn asked_for(&self) -> usize {
        self.claims.values().map(|claim| claim.limit).sum()
    }

    /// Whether this queue is being claimed from. If so, its next claim will be due at once.
    pub(super) fn is_claimed(&mut self, queue: Queue) -> bool {
        let claim = self.claims.get_mut(&queue);
        claim.is_some_and(|claim| {
            claim.is_due_again = true;
            true
        })
    }

    /// A claim begins; returns how many watches to ask for when `share` are its share.
    pub(super) fn begin(&mut self, queue: Queue, share: usize) -> u32 {
        let is_failing = self.failing.contains_key(&queue.1);
        let limit = if is_failing { share.min(FEW) } else { share };
        let claim = Claim {
            limit,
            is_due_again: false,
        };
        self.claims.insert(queue, claim);
        u32::try_from(limit).unwrap_or(u32::MAX)
    }

    /// A claim has succeeded; returns whether more may have become due meanwhile.
    pub(super) fn succeed(&mut self, queue: Queue) -> bool {
        self.failing.remove(&queue.1);
        let claim = self.claims.remove(&queue);
        claim.is_some_and(|claim| claim.is_due_again)
    }

    /// A claim has failed; returns when it is worth another one.
    pub(super) fn fail(&mut self, queue: Queue) -> Duration {
        self.claims.remove(&queue);
        let backoff = self.failing.entry(queue.1);
        let backoff = backoff
            .or_insert_with(|| Backoff::new(Duration::from_millis(100), Duration::from_secs(5)));
        backoff.fail()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::WatchPriority;

    #[test]
    fn a_shard_that_failed_keeps_little_room_from_the_others_until_it_works() {
        let (good, bad) = (
            (WatchPriority::New, Shard(0)),
            (WatchPriority::Rest, Shard(1)),
        );
        let mut under_way = UnderWay::default();
        assert_eq!(under_way.begin(bad, 100), 100);
        assert!(under_way.fail(bad) <= Duration::from_millis(100));
        assert_eq!(
            (under_way.begin(bad, 100), under_way.begin(good, 100)),
            (4, 100)
        );
        assert_eq!(under_way.asked_for(), 104);
        assert!(!under_way.succeed(bad));
        assert_eq!(under_way.begin(bad, 100), 100);
    }

    #[test]
    fn what_becomes_due_while_it_is_claimed_is_claimed_next() {
        let queue = (WatchPriority::New, Shard(0));
        let mut under_way = UnderWay::default();
        assert!(!under_way.is_claimed(queue));
        under_way.begin(queue, 1);
        assert!(under_way.is_claimed(queue));
        assert!(under_way.succeed(queue));
        assert!(!under_way.is_claimed(queue));
    }
}
