//! In which shards a process comes first when watches are due, so that processes share the polls evenly.

use std::time::Duration;

use super::Replicas;
use crate::store::Shard;

/// How often a process asks the shards in which it comes first what others have put there.
pub(super) const ASK: Duration = Duration::from_millis(500);

/// How much later than due a process claims in the shards of others: they have come by then, if they
/// are there and can keep up.
const LATER: Duration = Duration::from_millis(500);

/// A share of the shards: every `of`-th one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShardShare {
    place: usize,
    of: usize,
}

impl ShardShare {
    /// All shards: the process is alone, as far as it knows.
    pub(super) const ALL: Self = Self { place: 0, of: 1 };

    pub(super) fn new(place: usize, of: usize) -> Self {
        Self { place, of }
    }

    pub(super) fn has(self, shard: Shard) -> bool {
        usize::from(shard.0) % self.of == self.place
    }

    /// Lets polls in the shards of others wait a little.
    pub(super) fn settle(self, stage: &Replicas) {
        for shard in stage.context.shards() {
            let delay = if self.has(shard) {
                Duration::ZERO
            } else {
                LATER
            };
            for polls in &stage.polls.due {
                polls.delay(usize::from(shard.0), delay);
            }
        }
    }

    /// Has the shards of this share asked what is due in them; what nobody else can have put there
    /// is known without asking.
    pub(super) fn ask(self, stage: &Replicas) {
        if self == Self::ALL {
            return;
        }
        for shard in stage.context.shards().filter(|shard| self.has(*shard)) {
            for polls in &stage.polls.due {
                polls.hint_now(usize::from(shard.0));
            }
        }
    }
}
