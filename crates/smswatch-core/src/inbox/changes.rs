//! Changes of watches that wait to be written, for the second stage.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use smswatch_model::{MessageId, Observation, Tags, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::held::Held;
use crate::inbox::ended_poll::EndedPoll;
use crate::record::Record;
use crate::store::{LeaseId, Shard, StoreError};
use crate::watch::Watch;
use crate::watch::lifecycle::Answer;
use crate::watch::registration::TooManyTags;

/// The watches of one claim that are not committed yet.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) lease: LeaseId,
    remaining: AtomicUsize,
    /// One of them is left to a later version, which may have written it under this very lease.
    has_left: AtomicBool,
}

impl Batch {
    /// A claim of `remaining` watches under `lease`.
    pub(crate) fn new(lease: LeaseId, remaining: usize) -> Self {
        Self {
            lease,
            remaining: AtomicUsize::new(remaining),
            has_left: AtomicBool::new(false),
        }
    }

    /// One watch less; returns whether it was the last.
    pub(crate) fn finish_one(&self) -> bool {
        self.remaining.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// One of them is left to a later version.
    pub(crate) fn leave_one(&self) {
        self.has_left.store(true, Ordering::Release);
    }

    /// Whether its lease is to end by itself, which has every watch claimed again that still stands under it.
    pub(crate) fn runs_out(&self) -> bool {
        self.has_left.load(Ordering::Acquire)
    }
}

/// What is to be written about a claimed watch.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its message was polled.
    Answered(Answer, EndedPoll),
    /// It is due at another time.
    Postponed(Timestamp),
    /// Its time is over, and only a mark of it stays.
    Retired,
    /// Nothing of it is needed any more.
    Expired,
}

/// A change of a watch that waits to be written: the one way in which watches change.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) shard: Shard,
    /// The id under which the store knows the watch.
    pub(crate) message_id: MessageId,
    /// How the store holds it, as far as is known; `None` if there is none, or if the store has lost it.
    pub(crate) record: Option<Record>,
    /// The same, decoded; of one that the store has lost what it was.
    pub(crate) watch: Option<Watch>,
    pub(crate) reason: Reason,
}

/// Why a watch changes.
#[derive(Debug)]
pub(crate) enum Reason {
    /// It was due, and claimed.
    Due(Due),
    /// A caller asks for it, and waits for the reply.
    Asked(Request, mpsc::UnboundedSender<Reply>),
}

/// What came of a watch that was due.
#[derive(Debug)]
pub(crate) struct Due {
    /// The claim it belongs to, if it needs to be counted as done.
    pub(crate) batch: Option<Arc<Batch>>,
    /// It is counted.
    pub(crate) is_counted: bool,
    /// When it was due when it was claimed.
    pub(crate) claimed_due: Timestamp,
    /// When it was claimed.
    pub(crate) claimed_at: Instant,
    pub(crate) verdict: Verdict,
}

/// What a caller wants done with a watch.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// To watch a message, whose id is spelled so, under these tags.
    Register(MessageId, Tags),
    /// To remove the watch and its snapshot.
    Remove,
    /// To take in what a source told by itself.
    Observe(Box<Observed>),
    /// To take in what was held of a message until its time was over.
    Adopt(Box<Held>),
    /// To poll a message now, whose id is spelled so: something has become of it.
    Poll(MessageId),
}

/// What a source told of a message without being asked about it.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    pub(crate) observation: Observation,
    /// The id as the source spelled it.
    pub(crate) spelled: MessageId,
    /// Whether a message that is not registered is watched from then on.
    pub(crate) registers: bool,
    /// Whether a user has registered what it belongs to, and is to be told of whatever is known of it.
    pub(crate) is_wanted: bool,
    /// Up to when the source had told all there was, if that is known: what came about since is news.
    pub(crate) known_until: Option<Timestamp>,
    /// The tags that a watch gains which begins by it.
    pub(crate) tags: Tags,
    /// How often the sweep takes place that told it; zero if none did.
    pub(crate) every: Duration,
    /// How long it took to be told, from the observation on.
    pub(crate) took: Duration,
}

impl Observed {
    /// The watch in which it is taken in, of one that there is.
    pub(crate) fn watch<'a>(&self, watch: &'a Watch) -> Cow<'a, Watch> {
        match self.is_wanted {
            true => Cow::Owned(watch.clone().wanted()),
            false => Cow::Borrowed(watch),
        }
    }
}

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The message is watched, and was not before.
    New,
    /// The message was watched already.
    Known,
    /// The watch is removed.
    Removed,
    /// There is no watch.
    NotWatched,
    /// It would have too many tags.
    TooManyTags(MessageId, TooManyTags),
    /// This version cannot read the watch: it is left to the version that wrote it.
    Unreadable(MessageId),
    /// The store did not do it.
    Failed(StoreError),
}
