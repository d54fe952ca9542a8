//! Changes of watches that wait to be written, for the second stage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use smswatch_model::{MessageId, Timestamp};

use crate::record::Record;
use crate::store::{LeaseId, Shard};
use crate::watch::Watch;
use crate::watch::lifecycle::Answer;

/// The watches of one claim that are not committed yet.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) lease: LeaseId,
    remaining: AtomicUsize,
}

impl Batch {
    /// A claim of `remaining` watches under `lease`.
    pub(crate) fn new(lease: LeaseId, remaining: usize) -> Self {
        Self {
            lease,
            remaining: AtomicUsize::new(remaining),
        }
    }

    /// One watch less; returns whether it was the last.
    pub(crate) fn finish_one(&self) -> bool {
        self.remaining.fetch_sub(1, Ordering::AcqRel) == 1
    }
}

/// What is to be written about a claimed watch.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its message was polled.
    Answered(Answer),
    /// It is due at another time.
    Postponed(Timestamp),
    /// Its time is over, and only a mark of it stays.
    Retired,
    /// Nothing of it is needed any more.
    Expired,
}

/// A claimed watch that waits to be written.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) shard: Shard,
    pub(crate) message_id: MessageId,
    /// The claim it belongs to, until it is counted as done.
    pub(crate) batch: Option<Arc<Batch>>,
    /// When it was due when it was claimed.
    pub(crate) claimed_due: Timestamp,
    /// When it was claimed.
    pub(crate) claimed_at: Instant,
    /// How the store holds it, as far as is known; none when it has lost it.
    pub(crate) record: Option<Record>,
    /// The same, decoded.
    pub(crate) watch: Watch,
    pub(crate) verdict: Verdict,
}
