//! Which log entries a record has taken something from, so that a step which is repeated puts nothing in twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::store::{LogPosition, Shard};

/// How many left entries of a shard are remembered to have been taken, the latest ones: as many as are routed in one step.
const MOST_LEFT: usize = 64;

/// The place of the last log entry that was taken from each source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Taken(BTreeMap<String, String>);

/// Where folded events come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The log of a shard, which is taken in its order.
    Log(Shard),
    /// The entries of a shard that were left to a later version, which are taken in any order.
    Left(Shard),
}

impl Taken {
    /// Whether the entry at `position` was taken.
    pub(crate) fn contains(&self, source: &Source, position: &LogPosition) -> bool {
        let taken = self.0.get(&source.key(position));
        taken.is_some_and(|taken| *position <= LogPosition(taken.clone()))
    }

    /// Where the last entry stands that was taken from the source of the entry at `position`.
    pub(crate) fn last(&self, source: &Source, position: &LogPosition) -> Option<LogPosition> {
        let last = self.0.get(&source.key(position));
        last.cloned().map(LogPosition)
    }

    /// Whether nothing was taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that the entry at `position` is taken.
    pub(crate) fn add(&mut self, source: &Source, position: &LogPosition) {
        self.0.insert(source.key(position), position.0.clone());
        if let Source::Left(shard) = source {
            let of_shard = format!("{LEFT}{}:", shard.0);
            let left = self.0.keys().filter(|key| key.starts_with(&of_shard));
            let surplus = left.clone().count().saturating_sub(MOST_LEFT);
            let oldest: Vec<String> = left.take(surplus).cloned().collect();
            for key in oldest {
                self.0.remove(&key);
            }
        }
    }
}

/// What the keys of left entries among the sources begin with.
const LEFT: &str = "left:";

impl Source {
    /// The shard of its entries, and of their messages' marks.
    pub(crate) fn shard(&self) -> Shard {
        match self {
            Self::Log(shard) | Self::Left(shard) => *shard,
        }
    }

    /// The place that marks note for an entry: what was left comes before everything else.
    pub(crate) fn mark(&self, position: &LogPosition) -> LogPosition {
        match self {
            Self::Log(_) => position.clone(),
            Self::Left(_) => LogPosition(String::new()),
        }
    }

    /// The source by whose order an entry is known. Each left entry is one by itself.
    pub(crate) fn key(&self, position: &LogPosition) -> String {
        match self {
            Self::Log(shard) => shard.0.to_string(),
            Self::Left(shard) => format!("{LEFT}{}:{:0>40}", shard.0, position.0),
        }
    }
}
