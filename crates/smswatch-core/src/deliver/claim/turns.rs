//! Whose turn it is: which shards are claimed from, and what else the next claims depend on.

use std::collections::HashMap;
use std::time::Duration;

use smswatch_model::Timestamp;

use super::Queue;
use crate::backoff::Backoff;
use crate::deliver::SinkUnit;
use crate::store::{Priority, Shard};

/// How often it is looked how much waits of each rule, while what waits makes no digest.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Which shards are not claimed from just now.
#[derive(Debug, Default)]
pub(super) struct Shards {
    /// Queues from which a claim was not answered yet, and whether more was queued in them meanwhile.
    pub(super) under_way: HashMap<Queue, bool>,
    /// Queues from which the latest claim failed, and until when they are left alone.
    pub(super) failing: HashMap<Queue, (Backoff, Timestamp)>,
    /// Some of what was claimed last was left to a later version: there may be much more of it, which must
    /// not be in the way of the others.
    pub(super) is_sifted: bool,
}

impl Shards {
    /// Whether a queue may be claimed from. Otherwise its turn comes when what it waits for is over.
    pub(super) fn let_in(&mut self, unit: &SinkUnit, queue: Queue, now: Timestamp) -> bool {
        let (shard, priority) = queue;
        if let Some(has_more) = self.under_way.get_mut(&queue) {
            *has_more = true;
            return false;
        }
        if let Some((_, until)) = self.failing.get(&queue)
            && now < *until
        {
            unit.inbox.due(priority).hint(usize::from(shard.0), *until);
            return false;
        }
        // When the shard works again, a hint comes.
        !unit.outcomes.is_failing(shard)
    }

    /// A claim from a queue failed; returns when it is claimed from again.
    pub(super) fn fail(&mut self, queue: Queue, now: Timestamp) -> Timestamp {
        let first = || {
            let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
            (backoff, now)
        };
        let (backoff, until) = self.failing.entry(queue).or_insert_with(first);
        *until = now + backoff.fail();
        *until
    }
}

/// Where claiming goes on.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Which shard is looked at first, by priority, so that no shard goes short.
    next_shards: [u16; 2],
    /// Until when this process has the right to probe, and has not used it yet.
    pub(super) probe_until: Option<Timestamp>,
    /// When it was looked last how much waits of each rule.
    looked_at: Option<Timestamp>,
}

impl Round {
    /// Whether more is claimed than there is room for, to see how much waits of each rule. Not by who probes, and not
    /// all the time: what makes no digest goes back.
    pub(super) fn is_to_look(&mut self, unit: &SinkUnit, now: Timestamp) -> bool {
        let is_fresh = |at: Timestamp| now.since(at) < LOOK_EVERY;
        let looks = unit.settings.digest_above.is_some()
            && self.probe_until.is_none()
            && !self.looked_at.is_some_and(is_fresh);
        if looks {
            self.looked_at = Some(now);
        }
        looks
    }

    /// It came to a digest: there may be another one.
    pub(super) fn look_again(&mut self) {
        self.looked_at = None;
    }

    /// A shard in which something is due, and its priority: critical ones of all shards go first. It
    /// counts as taken from the due times. Shards that have to wait are left out.
    pub(super) fn take_due(
        &mut self,
        unit: &SinkUnit,
        waits: &mut Shards,
        shards: u16,
        now: Timestamp,
    ) -> Option<(Shard, Priority)> {
        Priority::ALL.into_iter().find_map(|priority| {
            let next = &mut self.next_shards[priority.index()];
            let due_times = unit.inbox.due(priority);
            let shard = (0..shards)
                .map(|offset| (*next + offset) % shards)
                .find(|shard| {
                    due_times.take(usize::from(*shard), now)
                        && waits.let_in(unit, (Shard(*shard), priority), now)
                })?;
            *next = (shard + 1) % shards;
            Some((Shard(shard), priority))
        })
    }
}
